import type { IncomingMessage, ServerResponse } from 'node:http'
import { errors, type Provider } from 'oidc-provider'
import { DuepassiError } from '../errors.ts'
import type { Log } from '../log.ts'
import { addressOf } from '../pages/address.ts'
import { chooseLanguage } from '../pages/language.ts'
import type { Pages } from '../pages/pages.ts'
import type { PageError } from '../pages/views.ts'
import type { RequestMemory } from './requests.ts'
import { describeClient } from './visit.ts'

export interface FailureParts {
  provider(): Provider
  pages: Pages
  requests: RequestMemory
  log: Log
  requestId?: (() => string | undefined) | undefined
}

/** The page for what went wrong: says what happened and leads on, never the error itself. */
export const showFailure = async (
  parts: FailureParts,
  req: IncomingMessage,
  res: ServerResponse,
  error: unknown,
): Promise<void> => {
  const { pages } = parts
  const code = error instanceof DuepassiError ? error.code : undefined
  const language = chooseLanguage(req)
  if (code === 'interaction_gone') {
    const again = await wayBack(parts, req)
    return pages.send(req, res, {
      status: 400,
      language,
      view: 'interaction/expired',
      ...(again?.client && { client: again.client }),
      locals: { reason: 'expired', ...(again?.restartUrl !== undefined && { restartUrl: again.restartUrl }) },
    })
  }
  showError(parts, req, res, error)
}

/** The page for what went wrong where no sign-in is under way. */
export const showError = (
  { pages, log, requestId }: Pick<FailureParts, 'pages' | 'log' | 'requestId'>,
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
  if (status >= 500) log.error({ err: error }, 'a page could not be answered')
  const id = requestId?.()
  pages.send(req, res, {
    status,
    language,
    view: 'interaction/error',
    locals: { error: textOf(known?.code), ...(id !== undefined && { requestId: id }) },
  })
}

const textOf = (code: DuepassiError['code'] | undefined): PageError => {
  switch (code) {
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

/** How the same request begins again; where even that cannot be looked up, the page goes without. */
const wayBack = async ({ requests, provider }: FailureParts, req: IncomingMessage) => {
  const uid = /\/([\w-]{43})(?:\/|$|\?)/.exec(addressOf(req))?.[1]
  if (!uid) return undefined
  try {
    const found = await requests.recall(provider(), uid)
    const client = found && (await provider().Client.find(found.clientId))
    return found && { ...found, client: client && describeClient(client) }
  } catch (error) {
    if (error instanceof DuepassiError || error instanceof errors.OIDCProviderError) return undefined
    throw error
  }
}
