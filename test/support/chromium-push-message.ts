/** What a push service asks of a message (RFC 8030 §5, RFC 8188 §2.1, RFC 8291 §4, RFC 8292 §4). */
import type { IncomingHttpHeaders } from 'node:http'
import { base64url, importJWK, jwtVerify } from 'jose'

/** A push service takes at least this (RFC 8030 §7.2). */
export const largestBody = 4096
const day = 86_400

export class Refusal extends Error {
  readonly status: number
  constructor(status: number, reason: string) {
    super(reason)
    this.status = status
  }
}

const insist = (holds: boolean, status: number, reason: string): void => {
  if (!holds) throw new Refusal(status, reason)
}

export interface MessageHeaders {
  /** Seconds. */
  ttl: number
  topic: string | undefined
  urgency: string
}

export const readHeaders = (headers: IncomingHttpHeaders, body: Uint8Array): MessageHeaders => {
  const { ttl = '', topic, urgency = 'normal', 'content-encoding': encoding } = headers
  insist(typeof ttl === 'string' && /^\d{1,10}$/.test(ttl), 400, 'TTL is missing')
  insist(
    ['very-low', 'low', 'normal', 'high'].includes(String(urgency)),
    400,
    'Urgency is none of RFC 8030 §5.3',
  )
  insist(topic === undefined || /^[\w-]{1,32}$/.test(String(topic)), 400, 'Topic is none of RFC 8030 §5.4')
  insist(body.length <= largestBody, 413, `${body.length} bytes are too many`)
  insist(encoding === 'aes128gcm', 400, `Content-Encoding is ${encoding}`)
  // Salt, record size, and a key of 65 bytes, then at least one byte of delimiter and the tag.
  insist(body.length >= 16 + 4 + 1 + 65 + 17 && body[20] === 65, 400, 'The body is not of RFC 8291 §4')
  return {
    ttl: Number(ttl),
    topic: topic === undefined ? undefined : String(topic),
    urgency: String(urgency),
  }
}

export interface Vapid {
  /** `https://` and the host that the message was sent to. */
  audience: string
  applicationServerKey: string
  /** Milliseconds since the Unix epoch. */
  now: number
}

/** Answers the claim `sub`. */
export const verifyVapid = async (
  authorization: string | undefined,
  { audience, applicationServerKey, now }: Vapid,
): Promise<string> => {
  const parameters = /^vapid (.+)$/i.exec(authorization ?? '')?.[1]?.split(',') ?? []
  const given = new Map(parameters.map((one) => one.trim().split('=', 2) as [string, string]))
  const [token, key] = [given.get('t'), given.get('k')]
  if (token === undefined || key === undefined) throw new Refusal(401, 'Authorization is not vapid t=, k=')
  const point = base64url.decode(key)
  insist(point.length === 65 && point[0] === 4, 403, 'k is no point of P-256')
  const coordinate = (from: number) => base64url.encode(point.subarray(from, from + 32))
  const verified = await importJWK({ kty: 'EC', crv: 'P-256', x: coordinate(1), y: coordinate(33) }, 'ES256')
    .then((publicKey) =>
      jwtVerify(token, publicKey, {
        algorithms: ['ES256'],
        audience,
        currentDate: new Date(now),
        requiredClaims: ['aud', 'exp', 'sub'],
      }),
    )
    .catch((error: Error) => {
      throw new Refusal(403, `VAPID: ${error.message}`)
    })
  const { exp = 0, sub = '' } = verified.payload
  insist(exp <= now / 1000 + day, 403, 'VAPID: exp is more than 24 hours ahead')
  insist(/^(mailto:.+@.+|https:\/\/.+)$/.test(sub), 403, 'VAPID: sub is neither mailto: nor https:')
  insist(key === applicationServerKey, 403, 'k is not the key that was subscribed with')
  return sub
}
