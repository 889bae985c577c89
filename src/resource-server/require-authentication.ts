import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Clock, systemClock } from '../clock.ts'
import { type AccessToken, verifyAccessToken } from './access-token.ts'
import { readBearer } from './bearer.ts'
import { checkDemands, type Demands, judge } from './demands.ts'
import {
  createProviderKeys,
  isSafeAddress,
  type KeySource,
  ProviderUnavailable,
  pauseAfterFailure,
} from './provider-keys.ts'
import { type Refusal, refusals } from './refusal.ts'

/** `issuer`: whose tokens are taken; its keys come from its metadata (OpenID Connect Discovery, RFC 8414). */
export interface RequireAuthenticationOptions extends Demands, KeySource {
  /** What the tokens must be for: the resource indicator of this server (RFC 8707), their `aud` (RFC 9068). */
  audience: string
  clock?: Clock
  /** Told why tokens cannot be verified, whenever the answer is 503. */
  onUnavailable?: (error: Error) => void
}

/** What is used of Koa's context. */
interface KoaContext {
  req: IncomingMessage
  request: { body?: unknown }
  state: { token?: AccessToken }
  status: number
  body: unknown
  set(headers: Record<string, string>): void
}

type Next = () => unknown

/** What Express and `node:http` hand over; `body` is there where the host has read it. */
type NodeRequest = IncomingMessage & { body?: unknown; token?: AccessToken }

/** Middleware for Koa (`ctx.state.token`), Express and `node:http` (`req.token`). It calls `next` for who may pass only. */
export interface RequireAuthentication {
  (req: NodeRequest, res: ServerResponse, next: Next): Promise<void>
  // Last, since Koa's types look at no other.
  (ctx: KoaContext, next: Next): Promise<void>
}

/**
 * Lets a request pass that brings a JWT access token of the issuer for this audience, with every scope, one of the `acr`
 * values and an `auth_time` not older than `maxAge`; whatever follows finds the claims at `token`. Otherwise answers by
 * RFC 6750 and RFC 9470: 400 `invalid_request`, 401 without an error, `invalid_token` or
 * `insufficient_user_authentication`, 403 `insufficient_scope`, and 503 while the keys cannot be had.
 *
 * @throws TypeError naming an option that is not what it should be
 */
export const requireAuthentication = (options: RequireAuthenticationOptions): RequireAuthentication => {
  const { issuer, audience, clock = systemClock, onUnavailable } = options
  if (!isSafeAddress(issuer)) throw new TypeError('issuer must be an https URL (http on this machine only)')
  if (typeof options.fetch !== 'function') throw new TypeError('fetch must be a function')
  checkDemands(options)
  const demands = structuredClone({ acr: options.acr, maxAge: options.maxAge, scope: options.scope })
  const findKey = createProviderKeys({ issuer, clock, fetch: options.fetch })

  const check = async (request: IncomingMessage, body: unknown): Promise<Checked> => {
    const bearer = readBearer(request, body)
    if (bearer === undefined) return { refusal: refusals.missing(audience) }
    if (typeof bearer !== 'string') return { refusal: bearer }
    try {
      const token = await verifyAccessToken(bearer, { issuer, audience, clock, findKey })
      if (!token) return { refusal: refusals.invalid() }
      const refusal = judge(token, demands, Math.floor(clock.now() / 1000))
      return refusal ? { refusal } : { token }
    } catch (error) {
      if (!(error instanceof ProviderUnavailable)) throw error
      onUnavailable?.(error)
      return { refusal: refusals.unavailable(pauseAfterFailure) }
    }
  }

  const inKoa = async (ctx: KoaContext, next: Next): Promise<void> => {
    const { refusal, token } = await check(ctx.req, ctx.request.body)
    if (refusal) {
      ctx.status = refusal.status
      ctx.set(headersOf(refusal))
      ctx.body = refusal.body
      return
    }
    ctx.state.token = token
    await next()
  }

  const inNode = async (req: NodeRequest, res: ServerResponse, next: Next): Promise<void> => {
    const { refusal, token } = await check(req, req.body)
    if (refusal) {
      res.writeHead(refusal.status, headersOf(refusal)).end(JSON.stringify(refusal.body))
      return
    }
    req.token = token
    // Not awaited: what follows belongs to the host, as does what goes wrong there.
    next()
  }

  return (first: KoaContext | NodeRequest, second: Next | ServerResponse, third?: Next): Promise<void> =>
    third === undefined
      ? inKoa(first as KoaContext, second as Next)
      : inNode(first as NodeRequest, second as ServerResponse, third)
}

type Checked = { refusal: Refusal; token?: never } | { token: AccessToken; refusal?: never }

const headersOf = ({ headers }: Refusal): Record<string, string> => ({
  'Cache-Control': 'no-store',
  'Content-Type': 'application/json; charset=utf-8',
  ...headers,
})
