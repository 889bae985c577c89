import { isPhishingResistant, isProvenHardware, provesTwoFactors } from './amr.ts'

/**
 * What a level asks of the proofs behind it, weakest first. `phishing-resistant`: two factors, one of them a key that
 * answers to the right site alone (NIST SP 800-63B-4 §3.2.5). `hardware`: and that key cannot leave its device, which its
 * maker attests.
 */
export const strengths = ['one-factor', 'two-factors', 'phishing-resistant', 'hardware'] as const

export type Strength = (typeof strengths)[number]

/** An `acr` value, and what it stands for. */
export interface Level {
  acr: string
  asks: Strength
  /** Seconds for which a second factor is good for this level, and for those above; without limit when absent. */
  maxAge?: number | undefined
}

/** `acr` values, each asking for more than the one before; the first for one factor, the second for two. */
export type Ladder = readonly Level[]

/** REFEDS profiles (https://refeds.org/profile/mfa), and above them those of OpenID EAP ACR Values 1.0. */
export const refedsLadder: Ladder = [
  { acr: 'https://refeds.org/profile/sfa', asks: 'one-factor' },
  { acr: 'https://refeds.org/profile/mfa', asks: 'two-factors' },
  { acr: 'phr', asks: 'phishing-resistant' },
  { acr: 'phrh', asks: 'hardware' },
]

/** The Italian public digital identity (SPID Regolamento modalità attuative, art. 15). */
export const spidLadder: Ladder = [
  { acr: 'https://www.spid.gov.it/SpidL1', asks: 'one-factor' },
  { acr: 'https://www.spid.gov.it/SpidL2', asks: 'two-factors' },
  { acr: 'https://www.spid.gov.it/SpidL3', asks: 'hardware' },
]

/** Regulation (EU) 2015/1502, as far as authentication goes: a level covers the proof of identity as well. */
export const eidasLadder: Ladder = [
  { acr: 'http://eidas.europa.eu/LoA/low', asks: 'one-factor' },
  { acr: 'http://eidas.europa.eu/LoA/substantial', asks: 'two-factors' },
  { acr: 'http://eidas.europa.eu/LoA/high', asks: 'hardware' },
]

export const ladders = { refeds: refedsLadder, spid: spidLadder, eidas: eidasLadder } as const

/** Levels are compared by what they ask for: an index into `strengths`, and nothing below all of them. */
export const nothing = -1
export const oneFactor = 0
export const twoFactors = 1
export const phishingResistant = 2
export const hardware = 3

/** What an `acr` value asks for; undefined for a value that is not on the ladder. */
export const levelOf = (ladder: Ladder, acr: string | undefined): number | undefined => {
  const level = ladder.find((one) => one.acr === acr)
  return level && strengths.indexOf(level.asks)
}

/** The level that a set of `amr` names is worth, whatever anybody claims it to be. */
export const levelProvenBy = (amr: readonly string[]): number => {
  if (!provesTwoFactors(amr)) return oneFactor
  if (!isPhishingResistant(amr)) return twoFactors
  return isProvenHardware(amr) ? hardware : phishingResistant
}

/** The highest value of the ladder that asks for no more than the level. */
export const acrOf = (ladder: Ladder, level: number): string =>
  ladder.findLast(({ asks }) => strengths.indexOf(asks) <= level)?.acr ?? (ladder[0] as Level).acr
