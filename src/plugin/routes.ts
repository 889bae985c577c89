import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Provider } from 'oidc-provider'
import { showFailure } from '../interaction/failure.ts'
import type { RequestMemory } from '../interaction/requests.ts'
import { isSecondFactorPath, type SecondFactorScreens } from '../interaction/second-factor.ts'
import { openVisit, type Visit } from '../interaction/visit.ts'
import type { Log } from '../log.ts'
import { pathOf } from '../pages/address.ts'
import { guardCrossSite, readForm } from '../pages/form.ts'
import type { Pages } from '../pages/pages.ts'

interface KoaContext {
  req: IncomingMessage
  res: ServerResponse
  respond?: boolean
  request?: { body?: unknown }
}

/** A handler for Koa (`app.use`), Express (`app.use`), and, as `(req, res)`, Fastify and plain `node:http`. */
export type Routes = (
  first: IncomingMessage | KoaContext,
  second: unknown,
  third?: unknown,
) => Promise<unknown>

/** Runs something on the interaction that a request belongs to, and shows what fails. */
export type Answering = (
  req: IncomingMessage,
  res: ServerResponse,
  run: (visit: Visit) => Promise<void>,
) => Promise<void>

interface AnsweringParts {
  provider(): Provider
  pages: Pages
  requests: RequestMemory
  log: Log
  requestId: (() => string | undefined) | undefined
}

/** Answers in every case: a rejection would end the process of a host that mounts the routes with `void`. */
export const createAnswering =
  (parts: AnsweringParts): Answering =>
  async (req, res, run) => {
    try {
      await run(await openVisit(parts.provider(), req, res))
    } catch (error) {
      await showFailure(parts, req, res, error).catch((cause: unknown) => {
        parts.log.error({ err: cause }, 'a failure could not be shown')
        if (!res.headersSent) res.writeHead(500)
        res.end()
      })
    }
  }

/** The pages of the second step. They live beneath the interaction's own address, where its cookie reaches. */
export const createRoutes = (parts: {
  provider(): Provider
  screens: SecondFactorScreens
  answering: Answering
}): Routes => {
  const { provider, screens, answering } = parts

  const handle = (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    if (!['GET', 'HEAD', 'POST'].includes(req.method ?? '')) {
      res.writeHead(405, { Allow: 'GET, HEAD, POST' }).end()
      return Promise.resolve()
    }
    return answering(req, res, async (visit) => {
      guardCrossSite(req, new URL(provider().issuer).origin)
      await (req.method === 'POST' ? screens.submit(visit, await readForm(req)) : screens.show(visit))
    })
  }

  /** A page of ours: the right ending, and an interaction in the path or in the cookie. Anything else is the host's. */
  const isOurs = (req: IncomingMessage): boolean => {
    const path = pathOf(req)
    if (!isSecondFactorPath(path)) return false
    return (
      /\/[\w-]{43}\//.test(path) ||
      (req.headers.cookie ?? '').includes(`${provider().cookieName('interaction')}=`)
    )
  }

  return async (first, second, third) => {
    if (!isKoaContext(first)) {
      if (isOurs(first)) return handle(first, second as ServerResponse)
      return typeof third === 'function' ? third() : undefined
    }
    if (!isOurs(first.req)) return (second as () => Promise<unknown>)()
    first.respond = false
    // A body parser before us has read the form: where `readForm` looks, as Express puts it.
    const { body } = first.request ?? {}
    return handle(body === undefined ? first.req : Object.assign(first.req, { body }), first.res)
  }
}

const isKoaContext = (first: IncomingMessage | KoaContext): first is KoaContext =>
  'req' in first && 'res' in first
