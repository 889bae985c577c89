import type { IncomingMessage, ServerResponse } from 'node:http'
import { chooseLanguage } from '../pages/language.ts'
import type { AccountParts } from './parts.ts'

/** A method that the address does not know. */
export const showWrongMethod = (
  { pages }: Pick<AccountParts, 'pages'>,
  req: IncomingMessage,
  res: ServerResponse,
  allowed: readonly string[],
): void =>
  pages.send(req, res, {
    status: 405,
    language: chooseLanguage(req),
    view: 'interaction/error',
    headers: { allow: allowed.join(', ') },
    locals: { error: { key: 'error.request' } },
  })
