import { type AttemptState, noAttempts } from '../directory/directory.ts'

export interface Limits {
  /** Wrong answers in a row before the first wait. */
  freeFailures: number
  /** Seconds of the first wait; each further failure doubles it, up to `longestWait`. */
  firstWait: number
  longestWait: number
  /** Wrong answers in a row that are judged; the next attempt locks. Infinity: never. */
  lockAfter: number
}

/**
 * `waitIfWrong`: seconds to wait before the next one, should this one be wrong. `failures`: the count with this one in
 * it, by which it can be given back.
 */
export type Reservation =
  | { kind: 'judge'; waitIfWrong: number; failures: number }
  | { kind: 'wait'; seconds: number }
  | { kind: 'locked'; justNow: boolean }

/**
 * Counts an attempt as failed before anybody judges it, so that parallel tries cannot share one count
 * (Keycloak CVE-2024-4629). Nothing is counted while waiting, because nothing is judged.
 */
export const reserve = (
  state: AttemptState,
  now: number,
  limits: Limits,
): { state: AttemptState; reservation: Reservation } => {
  if (state.lockedAt !== null) return { state, reservation: { kind: 'locked', justNow: false } }
  if (now < state.waitUntil)
    return { state, reservation: { kind: 'wait', seconds: Math.ceil((state.waitUntil - now) / 1000) } }
  if (state.failures >= limits.lockAfter)
    return { state: { ...state, lockedAt: now }, reservation: { kind: 'locked', justNow: true } }
  const failures = state.failures + 1
  const waitIfWrong = waitAfter(failures, limits)
  // Not `now`, where there is no wait: another node's clock may be a moment behind ours.
  const waitUntil = waitIfWrong === 0 ? 0 : now + waitIfWrong * 1000
  return {
    state: { failures, waitUntil, lockedAt: null },
    reservation: { kind: 'judge', waitIfWrong, failures },
  }
}

/** A success forgets this authenticator's failures (NIST SP 800-63B-4 §3.2.2), never a lock. */
export const settle = (state: AttemptState): AttemptState => (state.lockedAt === null ? noAttempts : state)

/**
 * Takes back an attempt that nobody judged, because there was no place to judge it in. Its wait goes with it, unless
 * another attempt has set one since; and no wait stays where none is due for what is left.
 */
export const giveBack = (state: AttemptState, failures: number, limits: Limits): AttemptState => {
  if (state.lockedAt !== null || state.failures === 0) return state
  const left = state.failures - 1
  const isItsOwn = state.failures === failures || waitAfter(left, limits) === 0
  return { ...state, failures: left, waitUntil: isItsOwn ? 0 : state.waitUntil }
}

/** Seconds to wait after so many failures in a row. */
export const waitAfter = (failures: number, { freeFailures, firstWait, longestWait }: Limits): number =>
  failures < freeFailures ? 0 : Math.min(firstWait * 2 ** (failures - freeFailures), longestWait)
