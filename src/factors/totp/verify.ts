import { timingSafeEqual } from 'node:crypto'
import type { Credential } from '../../directory/directory.ts'
import type { Verdict } from '../factor.ts'
import { codeOf, period, readCode, stepAt } from './code.ts'

/** How far from now a right code is still recognised, only to say by how much the clock is off: 5 minutes. */
const recognised = 10

/**
 * Accepts the code of a step within ±`window` of now that is later than the last used one (RFC 6238 §5.2).
 * A right code from outside the window is refused with the offset of the clock that made it; if it is from the future
 * it is spent as well, otherwise whoever guessed it could come back when its time has come.
 */
export const verifyTotp = (
  typed: string,
  credentials: readonly Credential[],
  now: number,
  window: number,
): Verdict => {
  const code = readCode(typed)
  if (code === undefined) return { verified: false, reason: 'malformed' }
  const current = stepAt(now)
  const near = matching(credentials, code, around(current, 0, window))
  const fresh = near.find(({ credential, step }) => step > credential.counter)
  if (fresh) return { verified: true, credential: fresh.credential.id, spend: spendOf(fresh), amr: ['otp'] }
  const far = matching(credentials, code, around(current, window + 1, recognised))
  if ([...near, ...far].some(({ credential, step }) => step <= credential.counter))
    return { verified: false, reason: 'replayed' }
  const outside = far[0]
  if (!outside) return { verified: false, reason: 'wrong' }
  const clockOffset = (outside.step - current) * period
  const burn = { credential: outside.credential.id, spend: spendOf(outside) }
  return { verified: false, reason: 'clock', clockOffset, ...(clockOffset > 0 && { burn }) }
}

interface Match {
  credential: Credential
  step: number
}

const spendOf = ({ credential, step }: Match) => ({ expected: credential.counter, next: step })

/** The steps at a distance of `least` to `most` from the current one, nearest first. */
const around = (current: number, least: number, most: number): number[] => {
  const distances = Array.from({ length: most - least + 1 }, (_, index) => least + index)
  return distances.flatMap((distance) =>
    distance === 0 ? [current] : [current + distance, current - distance],
  )
}

/** Every step is tried, whichever matches. */
const matching = (credentials: readonly Credential[], code: string, steps: number[]): Match[] =>
  credentials.flatMap((credential) =>
    steps
      .filter((step) => timingSafeEqual(Buffer.from(codeOf(credential.secret, step)), Buffer.from(code)))
      .map((step) => ({ credential, step })),
  )
