import { createECDH } from 'node:crypto'
import { importJWK, SignJWT } from 'jose'
import { z } from 'zod'
import type { Clock } from '../../clock.ts'

/** A P-256 key by which push services know us, as a JWK with its private part. */
export interface VapidKey {
  kty: 'EC'
  crv: 'P-256'
  x: string
  y: string
  d: string
}

export interface Vapid {
  /** The public point, base64url: `applicationServerKey` of `PushManager.subscribe`. */
  readonly applicationServerKey: string
  /** Value of the header `authorization` for this endpoint (RFC 8292 §3). */
  authorize(endpoint: string): Promise<string>
}

const coordinate = z.base64url().length(43)
const keyShape = z.object({
  kty: z.literal('EC'),
  crv: z.literal('P-256'),
  x: coordinate,
  y: coordinate,
  d: coordinate,
})

/** Seconds that one signature is good for; RFC 8292 §2 allows a day. */
const life = 3_600

/**
 * Voluntary Application Server Identification (RFC 8292).
 *
 * @param contact `mailto:` or `https:`, whom a push service can turn to
 * @throws Error that does not repeat the key
 */
export function vapid(given: VapidKey, contact: string, clock: Clock): Vapid {
  const { data: jwk } = keyShape.safeParse(given)
  if (!jwk) throw new Error('the vapid key is not a private P-256 key')
  if (!/^(mailto:[^\s@]+@[^\s@]+|https:\/\/\S+)$/.test(contact))
    throw new Error('the contact for push services is neither mailto: nor https:')
  const point = Buffer.concat([
    Buffer.of(4),
    Buffer.from(jwk.x, 'base64url'),
    Buffer.from(jwk.y, 'base64url'),
  ])
  if (!point.equals(publicPoint(jwk.d))) throw new Error('the vapid key is not a pair')
  const applicationServerKey = point.toString('base64url')
  const imported = importJWK(jwk, 'ES256')
  imported.catch(() => {})
  return {
    applicationServerKey,
    async authorize(endpoint) {
      const token = await new SignJWT()
        .setProtectedHeader({ typ: 'JWT', alg: 'ES256' })
        .setAudience(new URL(endpoint).origin)
        .setExpirationTime(Math.floor(clock.now() / 1000) + life)
        .setSubject(contact)
        .sign(await imported)
      return `vapid t=${token}, k=${applicationServerKey}`
    },
  }
}

function publicPoint(d: string): Buffer {
  const pair = createECDH('prime256v1')
  try {
    pair.setPrivateKey(d, 'base64url')
  } catch {
    throw new Error('the vapid key is not a private P-256 key')
  }
  return pair.getPublicKey()
}
