import { generateSync, ScureBase32Plugin } from 'otplib'
import type { RandomBytes } from '../../crypto/random.ts'
import type { Credential } from '../../directory/directory.ts'
import type { Verdict } from '../factor.ts'
import { readDevice } from './device.ts'
import { isSameText } from './signed.ts'

/** RFC 6238 §4: SHA-1, 6 digits, 30 seconds. */
export const digits = 6
const period = 30_000

/** Steps accepted on either side of now (RFC 6238 §5.2). */
const window = 1

const base32 = new ScureBase32Plugin()

/** 160 bits (RFC 4226 §4), base32. */
export const newSeed = (random: RandomBytes): string => base32.encode(random(20))

/**
 * The code that a phone without network shows. What is spent is the time of its step, on the same scale as that of an
 * approved request: no code is good twice, and none that is older than the last approval.
 */
export const verifyOfflineCode = (code: string, credentials: readonly Credential[], now: number): Verdict => {
  const current = Math.floor(now / period)
  const steps = Array.from({ length: 2 * window + 1 }, (_, index) => current - window + index)
  // Every step of every phone is tried, whichever matches.
  const matching = credentials.flatMap((credential) => {
    const { offline } = readDevice(credential)
    return steps
      .filter((step) => isSameText(codeOf(offline, step), code))
      .map((step) => ({ credential, time: step * period }))
  })
  const fresh = matching.find(({ credential, time }) => time > credential.counter)
  if (!fresh) return { verified: false, reason: matching.length > 0 ? 'replayed' : 'wrong' }
  const { credential, time } = fresh
  return {
    verified: true,
    credential: credential.id,
    spend: { expected: credential.counter, next: time },
    amr: ['otp'],
  }
}

const codeOf = (secret: string, counter: number): string =>
  generateSync({ strategy: 'hotp', secret, counter, algorithm: 'sha1', digits })
