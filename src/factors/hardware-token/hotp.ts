import { type Codes, positionsOf } from './code.ts'
import type { HotpToken } from './credential.ts'
import { type Finding, replayed, wrong } from './finding.ts'

/** How far behind the next counter a code is still recognised as one that was used. */
const lookBehind = 10

/** How far ahead two consecutive codes may lie, both of them (RFC 4226 §7.4). */
const resynchronisable = 100

/**
 * RFC 4226 §7.2: `counter` is the next one. A single code may be up to `lookAhead` further on, for the button is pressed
 * in vain sometimes; whoever skips more has to type two consecutive ones.
 */
export const judgeHotp = (codes: Codes, token: HotpToken, counter: number, lookAhead: number): Finding => {
  const ahead = codes.length === 1 ? lookAhead : resynchronisable - 1
  const positions = positionsOf(codes, token, counter - lookBehind, counter + ahead)
  const fresh = positions.find((position) => position >= counter)
  if (fresh !== undefined) return { accepted: true, next: fresh + codes.length }
  return positions.length > 0 ? replayed : wrong
}
