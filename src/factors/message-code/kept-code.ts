import { createHmac, timingSafeEqual } from 'node:crypto'
import { z } from 'zod'
import { randomDigits } from '../../crypto/digits.ts'
import type { FactorContext } from '../factor.ts'
import { digits } from './code.ts'

/** 32 bytes, base64url. */
const bytes32 = z.string().regex(/^[\w-]{43}$/)

/** What stays on the server of a code that was sent. */
export const keptCode = z.strictObject({
  /** Key of the hash, new for every code. */
  salt: bytes32,
  /** HMAC-SHA256 of the code and of what it was sent for. */
  hash: bytes32,
  /** Milliseconds since the Unix epoch; from then on it is too late. */
  expiresAt: z.int(),
})

type KeptCode = z.infer<typeof keptCode>

/** A new code. `boundTo`: the credential, or the address, that it proves; it proves no other. */
export const issueCode = (
  boundTo: string,
  seconds: number,
  { now, random }: FactorContext,
): { code: string; kept: KeptCode } => {
  const code = randomDigits(random, digits)
  const salt = random(32).toString('base64url')
  const hash = hashOf(code, salt, boundTo).toString('base64url')
  return { code, kept: { salt, hash, expiresAt: now + seconds * 1000 } }
}

/** Why this is not the code, if it is not. Only who knows the code learns that it is too late. */
export const faultOf = (
  code: string,
  { salt, hash, expiresAt }: KeptCode,
  boundTo: string,
  now: number,
): 'wrong' | 'expired' | undefined => {
  if (!timingSafeEqual(hashOf(code, salt, boundTo), Buffer.from(hash, 'base64url'))) return 'wrong'
  return now < expiresAt ? undefined : 'expired'
}

const hashOf = (code: string, salt: string, boundTo: string): Buffer =>
  createHmac('sha256', Buffer.from(salt, 'base64url'))
    .update(JSON.stringify([boundTo, code]))
    .digest()
