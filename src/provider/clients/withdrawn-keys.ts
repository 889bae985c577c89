import { compactVerify, importJWK, type JWK } from 'jose'
import type { Client } from 'oidc-provider'
import type { Clock } from '../../clock.ts'

/** What oidc-provider keeps of a client's `jwks` or `jwks_uri`; absent from its types. */
interface ClientKeys extends Iterable<JWK> {
  jwksUri: string | undefined
  /** Seconds until which the last answer is believed; a bad one too. */
  freshUntil?: number
  refresh(): Promise<void>
}

/** Seconds for which keys are believed at most, whatever `Cache-Control` says: so long one lives on that was withdrawn. */
const longest = 3600

const keysOf = (client: Client): ClientKeys =>
  (client as Client & { asymmetricKeyStore: ClientKeys }).asymmetricKeyStore

/** Until when keys are believed that did come. */
const knownUntil = new WeakMap<ClientKeys, number>()

const areKnown = (keys: ClientKeys, clock: Clock): boolean =>
  keys.jwksUri === undefined || (knownUntil.get(keys) ?? 0) > clock.now() / 1000

/**
 * Looks whether a client has other keys by now, unless it was asked a moment ago. After an answer that was none
 * oidc-provider would take the old keys for another minute.
 *
 * @throws InvalidClientMetadata (rejecting) when its keys do not come
 */
export const refreshKeys = async (client: Client, clock: Clock): Promise<void> => {
  const keys = keysOf(client)
  if (areKnown(keys, clock)) return
  keys.freshUntil = 0
  await keys.refresh()
  knownUntil.set(keys, Math.min(keys.freshUntil, clock.now() / 1000 + longest))
}

/**
 * Whether a client still publishes the key with which something was signed. oidc-provider looks at `jwks_uri` again only for
 * a signature that no known key fits: a key that was withdrawn because somebody stole it would serve that somebody on.
 *
 * @param jwt verified already, with the keys known so far
 * @throws InvalidClientMetadata (rejecting) when its keys do not come
 */
export const isKeyStillPublished = async (client: Client, jwt: string, clock: Clock): Promise<boolean> => {
  const keys = keysOf(client)
  if (areKnown(keys, clock)) return true
  await refreshKeys(client, clock)
  const fits = await Promise.all([...keys].map((key) => isSignedBy(jwt, key)))
  return fits.includes(true)
}

const isSignedBy = async (jwt: string, key: JWK): Promise<boolean> => {
  const { alg } = JSON.parse(Buffer.from(jwt.split('.')[0] ?? '', 'base64url').toString()) as {
    alg: string
  }
  if (key.use === 'enc' || (key.alg ?? alg) !== alg) return false
  try {
    await compactVerify(jwt, await importJWK(key, alg), { algorithms: [alg] })
    return true
  } catch {
    return false
  }
}
