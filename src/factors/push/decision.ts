import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { DeviceKey } from './device.ts'
import type { PushRequest } from './request.ts'
import { bytes32, isFresh, isSameText, isSignedBy, readSigned, signedClaims } from './signed.ts'

const header = z.strictObject({
  alg: z.literal('ES256'),
  typ: z.literal('push-decision+jwt'),
  kid: bytes32,
})

const claims = z.strictObject({
  ...signedClaims,
  /** Of the request. */
  txn: bytes32,
  nonce: bytes32,
  decision: z.enum(['approve', 'deny', 'report']),
  /** As it was typed. */
  num: z
    .string()
    .regex(/^\d{1,6}$/)
    .optional(),
  /** SHA-256 of what was shown. */
  ctx: bytes32,
})

/** What a phone answers; nothing of it is verified. */
export interface Evidence {
  jws: string
  /** Whose it claims to be. */
  thumbprint: string
  claims: z.infer<typeof claims>
  /** AuthenticationResponseJSON. */
  assertion: unknown
}

const answer = z.strictObject({ jws: z.string(), assertion: z.unknown().optional() })

/** Of the JSON text; an assertion alone has at most 16 384. */
const mostCharacters = 20_000

/** `{"jws": "…", "assertion": {…}}`; undefined where it cannot be the answer of a phone. */
export const readEvidence = (text: string): Evidence | undefined => {
  if (text.length > mostCharacters || !text.startsWith('{')) return undefined
  try {
    const { jws, assertion } = answer.parse(JSON.parse(text))
    const signed = readSigned(jws, header, claims)
    return signed && { jws, thumbprint: signed.header.kid, claims: signed.payload, assertion }
  } catch {
    return undefined
  }
}

/** What the phone's authenticator signs: one approval is good for this very decision. Base64url. */
export const challengeOf = (jws: string): string => sha256(jws)

const sha256 = (text: string): string => createHash('sha256').update(text).digest('base64url')

export interface Decision {
  decision: 'approve' | 'deny' | 'report'
  /** Typed on the phone; empty where nothing was. */
  number: string
  /** Made in the browser that asks. */
  local: boolean
}

/**
 * What the owner of a device decided on this request: signed by the device's key, for this issuer, now, for what was shown.
 * The one place where that is judged, whatever is decided; whether there was still time for it is the caller's. Undefined: it
 * is none.
 */
export const judgeDecision = async (
  { jws, claims: said }: Evidence,
  request: PushRequest,
  key: DeviceKey,
  { issuer, now }: { issuer: string; now: number },
): Promise<Decision | undefined> => {
  if (!(await isSignedBy(jws, key))) return undefined
  const local = isSameText(said.nonce, request.local)
  const isMeant =
    said.aud === issuer &&
    isFresh(said.iat, now) &&
    said.txn === request.id &&
    (local || isSameText(said.nonce, request.nonce)) &&
    said.ctx === sha256(request.shown)
  return isMeant ? { decision: said.decision, number: said.num ?? '', local } : undefined
}
