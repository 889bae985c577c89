import { provesTwoFactors } from './amr.ts'

/** `acr` values, weakest first. A level is an index into the ladder. */
export type Ladder = readonly [oneFactor: string, twoFactors: string, ...more: string[]]

/** REFEDS profiles: one factor, two factors (https://refeds.org/profile/mfa). */
export const refedsLadder: Ladder = ['https://refeds.org/profile/sfa', 'https://refeds.org/profile/mfa']

export const nothing = -1
export const oneFactor = 0
export const twoFactors = 1

/** The level of an `acr` value; undefined for a value that is not on the ladder. */
export const levelOf = (ladder: Ladder, acr: string | undefined): number | undefined => {
  const level = acr === undefined ? -1 : ladder.indexOf(acr)
  return level < 0 ? undefined : level
}

/** The level that a set of `amr` names is worth, whatever anybody claims it to be. */
export const levelProvenBy = (amr: readonly string[]): number =>
  provesTwoFactors(amr) ? twoFactors : oneFactor

export const acrOf = (ladder: Ladder, level: number): string => ladder[level] ?? ladder[oneFactor]
