import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose'
import type { Clock } from '../clock.ts'

/** What is used of `fetch`; `globalThis.fetch` and undici's fit. */
export type Fetch = (
  url: string,
  init: { signal: AbortSignal; redirect: 'manual'; headers: Record<string, string> },
) => Promise<{ status: number; json(): Promise<unknown> }>

/** The provider does not answer, or not with keys: nothing can be verified. */
export class ProviderUnavailable extends Error {
  constructor(cause: unknown) {
    super('the keys of the provider cannot be had', { cause })
    this.name = 'ProviderUnavailable'
  }
}

type FindKey = ReturnType<typeof createLocalJWKSet>

export interface KeySource {
  issuer: string
  /** Outbound HTTP: `fetch: globalThis.fetch`. */
  fetch: Fetch
}

/** Milliseconds that keys are believed without asking again: so long a key lives on that was withdrawn. */
const freshFor = 600_000
/** Milliseconds after which a key that is not among them is worth another question. Anybody can make one up. */
const cooldown = 30_000
/** Seconds before a provider that failed is asked again. */
export const pauseAfterFailure = 5
const patience = 5_000

/**
 * The provider's keys, from its metadata, read at first use and again when they are old or a token names another one.
 * jose's remote set would do for the keys alone; but it knows no metadata, has a clock of its own, and asks a provider
 * that is down once for each request.
 */
export const createProviderKeys = (source: KeySource & { clock: Clock }): JWTVerifyGetKey => {
  const { clock } = source
  let known: { find: FindKey; readAt: number } | undefined
  let failure: { error: ProviderUnavailable; at: number } | undefined
  let reading: Promise<FindKey> | undefined

  // A clock that was set back makes nothing young again.
  const isWithin = (milliseconds: number, time: number | undefined): boolean =>
    time !== undefined && Math.abs(clock.now() - time) < milliseconds

  const read = async (): Promise<FindKey> => {
    if (failure && isWithin(pauseAfterFailure * 1000, failure.at)) throw failure.error
    reading ??= readKeys(source)
      .then((keys) => {
        known = { find: createLocalJWKSet(keys), readAt: clock.now() }
        return known.find
      })
      .catch((cause) => {
        failure = { error: new ProviderUnavailable(cause), at: clock.now() }
        throw failure.error
      })
      .finally(() => {
        reading = undefined
      })
    return reading
  }

  return async (header, token) => {
    const find = known && isWithin(freshFor, known.readAt) ? known.find : await read()
    try {
      return await find(header, token)
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey) || isWithin(cooldown, known?.readAt)) throw error
      return (await read())(header, token)
    }
  }
}

/** OpenID Connect Discovery §4.1 appends to the issuer's path, RFC 8414 §3.1 goes before it. */
const addressesOf = (issuer: string): string[] => {
  const { origin, pathname } = new URL(issuer)
  const path = pathname.replace(/\/$/, '')
  return [
    `${origin}${path}/.well-known/openid-configuration`,
    `${origin}/.well-known/oauth-authorization-server${path}`,
  ]
}

const readKeys = async (options: KeySource): Promise<JSONWebKeySet> => {
  const ask: (url: string) => ReturnType<Fetch> = (url) =>
    options.fetch(url, {
      signal: AbortSignal.timeout(patience),
      redirect: 'manual',
      headers: { accept: 'application/json' },
    })
  const [first, second] = addressesOf(options.issuer) as [string, string]
  const found = await ask(first)
  const metadata = await jsonOf(found.status === 404 ? await ask(second) : found)
  const { issuer: itself, jwks_uri: address } = metadata as { issuer?: unknown; jwks_uri?: unknown }
  // RFC 8414 §3.3, exactly: whoever may put a file on the host must not become the issuer.
  if (itself !== options.issuer) throw new Error('the metadata is another issuer’s')
  if (typeof address !== 'string' || !isSafeAddress(address))
    throw new Error('the metadata names no keys that could be read safely')
  return (await jsonOf(await ask(address))) as JSONWebKeySet
}

const jsonOf = async (answer: Awaited<ReturnType<Fetch>>): Promise<object> => {
  if (answer.status !== 200) throw new Error(`the provider answers ${answer.status}`)
  const value = await answer.json()
  if (typeof value !== 'object' || value === null) throw new Error('the provider answers something else')
  return value
}

/** https, or http on this machine: keys that came through an open line are anybody's. */
export const isSafeAddress = (address: string): boolean => {
  if (!URL.canParse(address)) return false
  const { protocol, hostname } = new URL(address)
  return (
    protocol === 'https:' || (protocol === 'http:' && /^(localhost|127\.0\.0\.1|\[::1\])$/.test(hostname))
  )
}
