import { type Codes, positionsOf } from './code.ts'
import type { TotpToken } from './credential.ts'
import { type Finding, replayed, wrong } from './finding.ts'

/** Steps from now within which two consecutive codes find the token's clock again, and a single one is recognised. */
const resynchronisable = 20

/** Steps by which a clock is followed without anybody taking note, which is what single codes do. */
const followed = 10

/**
 * RFC 6238: `counter` is the last used time step. A code is right within ±`window` of where the token's clock was the last
 * time (§6), for a step that is later than the last used one (§5.2). A right code for another time is refused with the
 * offset of the clock that made it; and spent, if its time is still to come, since whoever guessed it could come back then.
 */
export const judgeTotp = (
  codes: Codes,
  token: TotpToken,
  counter: number,
  now: number,
  window: number,
): Finding => {
  const current = Math.floor(now / 1000 / token.period)
  return codes.length === 1
    ? judgeCode(codes, token, counter, current, window)
    : judgeConsecutive(codes, token, counter, current)
}

const judgeCode = (
  codes: Codes,
  token: TotpToken,
  counter: number,
  current: number,
  window: number,
): Finding => {
  const expected = current + token.drift
  const nearestFirst = positionsOf(
    codes,
    token,
    Math.min(current - resynchronisable, expected - window),
    Math.max(current + resynchronisable, expected + window),
  ).sort((a, b) => Math.abs(a - expected) - Math.abs(b - expected))
  const fresh = nearestFirst.find((step) => step > counter && Math.abs(step - expected) <= window)
  if (fresh !== undefined) return accepted(token, fresh, follow(token.drift, fresh - current))
  if (nearestFirst.some((step) => step <= counter)) return replayed
  const [outside] = nearestFirst
  if (outside === undefined) return wrong
  return {
    accepted: false,
    reason: 'clock',
    clockOffset: (outside - current) * token.period,
    ...(outside > expected && { burn: outside }),
  }
}

const accepted = (token: TotpToken, next: number, drift: number): Finding => ({
  accepted: true,
  next,
  ...(drift !== token.drift && { token: { ...token, drift } }),
})

/** What two consecutive codes found may stay as it is, but nothing follows a clock further out than `followed`. */
const follow = (drift: number, seen: number): number => {
  const most = Math.max(followed, Math.abs(drift))
  return Math.min(most, Math.max(-most, seen))
}

/** The first of the two may be the last used step: it was typed alone, and refused for its time, a moment before. */
const judgeConsecutive = (codes: Codes, token: TotpToken, counter: number, current: number): Finding => {
  const first = current - resynchronisable
  const last = current + resynchronisable - 1
  const positions = positionsOf(codes, token, first, last)
  const fresh = positions.find((step) => step >= counter)
  if (fresh !== undefined) return accepted(token, fresh + 1, fresh + 1 - current)
  return positions.length > 0 ? replayed : wrong
}
