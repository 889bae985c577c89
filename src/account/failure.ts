import type { IncomingMessage, ServerResponse } from 'node:http'
import { DuepassiError } from '../errors.ts'
import { chooseLanguage } from '../pages/language.ts'
import type { PageError } from '../pages/views.ts'
import type { AccountParts } from './parts.ts'

type FailureParts = Pick<AccountParts, 'pages' | 'log' | 'requestId'>

/** The page for what went wrong: says what happened, never the error itself. */
export const showAccountFailure = (
  { pages, log, requestId }: FailureParts,
  req: IncomingMessage,
  res: ServerResponse,
  error: unknown,
): void => {
  const known = error instanceof DuepassiError ? error : undefined
  const language = chooseLanguage(req)
  if (known?.code === 'busy') {
    const seconds = known.retryAfter ?? 5
    pages.send(req, res, { status: 503, language, view: 'interaction/busy', locals: { seconds } })
    return
  }
  const status = known?.status ?? 500
  if (status >= 500) log.error({ err: error }, 'the security page could not answer')
  const id = requestId?.()
  pages.send(req, res, {
    status,
    language,
    view: 'interaction/error',
    locals: { error: textOf(known), ...(id !== undefined && { requestId: id }) },
  })
}

/** A method that the address does not know. */
export const showWrongMethod = (
  { pages }: Pick<FailureParts, 'pages'>,
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

const textOf = (error: DuepassiError | undefined): PageError => {
  switch (error?.code) {
    case 'cross_site':
      return { key: 'error.cross_site' }
    case 'bad_form':
      return { key: 'error.bad_form' }
    case 'store_unavailable':
    case 'directory_unavailable':
      return { key: 'error.store' }
    default:
      return { key: 'error.unexpected' }
  }
}
