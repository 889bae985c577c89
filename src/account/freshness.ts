import { isTrustNamed } from '../policy/amr.ts'
import type { PageSession } from './page-sessions.ts'

/** Seconds: what adds or removes a way in asks for a proof not older than this. */
export const freshSeconds = 300

/** Seconds that are asked for in a new proof, so that it stays fresh for a while afterwards. */
export const newProofSeconds = 60

/**
 * Whether somebody proved recently enough who they are, and with two factors where the account has any: whoever holds the
 * password alone must not change what protects against that. A device that remembers is no proof of now. Pure.
 *
 * @param now milliseconds since the Unix epoch
 */
export const isFresh = (
  { authTime, acr, amr }: Pick<PageSession, 'authTime' | 'acr' | 'amr'>,
  now: number,
  { hasFactors, strongAcrs }: { hasFactors: boolean; strongAcrs: readonly string[] },
): boolean =>
  authTime >= Math.floor(now / 1000) - freshSeconds &&
  (!hasFactors || (strongAcrs.some((one) => one === acr) && !isTrustNamed(amr)))
