import { generateSync, type HashAlgorithm } from 'otplib'

/** RFC 6238 §4 with the parameters that every authenticator app knows: SHA-1, 6 digits, 30 seconds. */
export const period = 30
export const digits = 6

export const stepAt = (milliseconds: number): number => Math.floor(milliseconds / 1000 / period)

/** The code of a time step. `secret` is base32, or raw bytes. */
export const codeOf = (
  secret: string | Uint8Array,
  step: number,
  options: { algorithm?: HashAlgorithm; digits?: 6 | 7 | 8 } = {},
): string =>
  generateSync({
    strategy: 'hotp',
    secret,
    counter: step,
    algorithm: options.algorithm ?? 'sha1',
    digits: options.digits ?? digits,
  })

/** What a person typed, with spaces taken out and every script's digits as 0–9; undefined when it cannot be a code. */
export const readCode = (typed: string): string | undefined => {
  const plain = typed.normalize('NFKC').replace(/[\s-]+/gu, '')
  return /^\d{6}$/.test(plain) ? plain : undefined
}
