import { timingSafeEqual } from 'node:crypto'
import type { Credential } from '../../directory/directory.ts'
import type { Verdict } from '../factor.ts'

/** One set of codes: a salt and a hash per code. The credential's counter has a bit for each spent code. */
export interface CodeSet {
  salt: string
  hashes: string[]
}

/**
 * Compares one derived hash with every code of the set: one slow hash per try, however many codes there are, and the
 * same work whichever matches.
 */
export const verifyRecoveryCode = (derived: Buffer, set: CodeSet, credential: Credential): Verdict => {
  const index = set.hashes
    .map((hash) => timingSafeEqual(Buffer.from(hash, 'base64url'), derived))
    .indexOf(true)
  if (index < 0) return { verified: false, reason: 'wrong' }
  const bit = 2 ** index
  if (isSpent(credential.counter, index)) return { verified: false, reason: 'replayed' }
  return {
    verified: true,
    credential: credential.id,
    spend: { expected: credential.counter, next: credential.counter + bit },
    amr: ['otp'],
  }
}

const isSpent = (counter: number, index: number): boolean => Math.floor(counter / 2 ** index) % 2 === 1

/** How many codes of the set are unspent. */
export const codesLeft = (set: CodeSet, counter: number): number =>
  set.hashes.filter((_, index) => !isSpent(counter, index)).length

export const readSet = (secret: string): CodeSet => JSON.parse(secret) as CodeSet
