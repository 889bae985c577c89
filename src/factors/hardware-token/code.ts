import { timingSafeEqual } from 'node:crypto'
import { createGuardrails, generateSync } from 'otplib'
import type { HotpToken, TotpToken } from './credential.ts'

/** One code, or two consecutive ones; of 6 or 8 digits each. */
export type Codes = readonly [string] | readonly [string, string]

/** Codes, or what a YubiKey types. */
export type Answer = { kind: 'codes'; codes: Codes } | { kind: 'otp'; otp: string }

/**
 * What a person typed, with spaces and hyphens taken out and every script's digits as 0–9: two codes may as well stand
 * without a space between. Undefined when it cannot be an answer.
 */
export const readAnswer = (typed: string): Answer | undefined => {
  const plain = typed.normalize('NFKC').replace(/[\s-]+/gu, '')
  if (/^(?:\d{6}|\d{8})$/.test(plain)) return { kind: 'codes', codes: [plain] }
  if (/^(?:\d{12}|\d{16})$/.test(plain)) {
    const half = plain.length / 2
    return { kind: 'codes', codes: [plain.slice(0, half), plain.slice(half)] }
  }
  const otp = plain.toLowerCase()
  // A public id of up to 16 bytes, then the block; in capitals where the keyboard's lock is on.
  return /^(?:[cbdefghijklnrtuv]{2}){16,32}$/.test(otp) ? { kind: 'otp', otp } : undefined
}

/** RFC 4226 §4 wants 16 bytes at least; tokens with 10 are still about. */
const guardrails = createGuardrails({ MIN_SECRET_BYTES: 10 })

/** RFC 4226 §5.3, and RFC 6238 §4 with the time step for the counter. */
export const codeOf = (
  { key, algorithm, digits }: Pick<HotpToken, 'key' | 'algorithm' | 'digits'>,
  counter: number,
): string =>
  generateSync({
    strategy: 'hotp',
    secret: new Uint8Array(Buffer.from(key, 'base64')),
    counter,
    algorithm,
    digits,
    guardrails,
  })

/**
 * From which numbers on the token's codes are those that were typed, between `first` and `last` (both included), lowest
 * first. Every code is computed and compared, whichever is the right one. Codes of another length are none of the token's.
 */
export const positionsOf = (
  codes: Codes,
  token: HotpToken | TotpToken,
  first: number,
  last: number,
): number[] => {
  const from = Math.max(0, first)
  if (last < from || codes.some(({ length }) => length !== token.digits)) return []
  const own = Array.from({ length: last - from + codes.length }, (_, index) => codeOf(token, from + index))
  const typed = Buffer.from(codes.join(''))
  return Array.from({ length: last - from + 1 }, (_, start) => start)
    .filter((start) => timingSafeEqual(Buffer.from(own.slice(start, start + codes.length).join('')), typed))
    .map((start) => from + start)
}
