import {
  acrOf,
  type Ladder,
  levelOf,
  levelProvenBy,
  nothing,
  oneFactor,
  phishingResistant,
  strengths,
  twoFactors,
} from './acr.ts'
import { phishingResistantFactors, withoutFactors } from './amr.ts'
import { areAny, type FactorRules, meetsRules } from './factor-rules.ts'

export type SecondFactorMode = 'required' | 'optional' | 'off'

/** Everything the decision rests on; nothing else may influence it. */
export interface Facts {
  ladder: Ladder
  mode: SecondFactorMode
  /** The relying party's own minimum (client metadata `require_second_factor`); no parameter lowers it. */
  clientDemands: boolean
  /** `acr` values that the relying party and the person's groups demand at least; no parameter lowers them. */
  minimums: readonly string[]
  /** `acr_values`, in the relying party's order of preference: voluntary (OIDC Core §3.1.2.1). */
  acrValues: readonly string[]
  /** `claims.id_token.acr` marked essential: binding, whatever `acr_values` says (OIDC Core §5.5.1.1). */
  essentialAcr: readonly string[] | undefined
  /** What is required and forbidden for this account at this relying party. */
  rules: FactorRules
  /** Every factor that people can set up at this provider. */
  enrollable: readonly string[]
  /** Keys are proven to be hardware when they are set up: the highest level can be reached. */
  attested: boolean
  /** Factors that the account has. */
  factors: readonly string[]
  locked: boolean
  /**
   * What is proven so far: the session's, the token's or the running sign-in's. `factors`: by which ways of proving;
   * undefined where nobody knows any more, which is no proof where there are rules.
   */
  proven:
    | { acr: string | undefined; amr: readonly string[]; factors?: readonly string[] | undefined }
    | undefined
}

/** `acr` says what a token may claim, or what it would take; `factors` which of them must be among what is proven. */
export type Decision =
  | { kind: 'allowed'; acr: string }
  | { kind: 'step-up' | 'enrol'; acr: string; factors: readonly string[] }
  | { kind: 'refused'; because: 'locked' | 'unreachable' }

/**
 * Decides whether what is proven is enough. Pure: the same facts give the same decision at the authorization
 * endpoint, in a running sign-in and at the token endpoint.
 */
export const decide = (facts: Facts): Decision => {
  const essential = essentialLevel(facts)
  if (essential === 'unreachable' || !canBeMet(facts)) return { kind: 'refused', because: 'unreachable' }
  const needed = Math.max(ownLevel(facts), voluntaryLevel(facts), essential)
  if (needed > reachable(facts)) return { kind: 'refused', because: 'unreachable' }
  const proven = provenLevel(facts)
  if (facts.locked && Math.max(needed, claimedLevel(facts)) >= twoFactors)
    return { kind: 'refused', because: 'locked' }
  if (proven >= needed) return { kind: 'allowed', acr: answeredAcr(facts, needed, proven) }
  return {
    kind: facts.factors.length > 0 ? 'step-up' : 'enrol',
    acr: acrOf(facts.ladder, needed),
    factors: needed >= phishingResistant ? phishingResistantFactors : [],
  }
}

/** The best level that any account can reach here, by setting something up if need be. */
const reachable = ({ rules, enrollable, attested }: Facts): number => {
  const hasKeys = phishingResistantFactors.some(
    (factor) => enrollable.includes(factor) && !rules.forbidden.includes(factor),
  )
  if (!hasKeys) return twoFactors
  return attested ? strengths.length - 1 : phishingResistant
}

/**
 * Of the values that were asked for, the first that is proven: whoever asks by name gets that name (OIDC Core §5.5.1.1).
 * Otherwise what was proven; and never less than was needed, or the token would not be good for what it is for.
 */
const answeredAcr = ({ ladder, essentialAcr, acrValues }: Facts, needed: number, proven: number): string => {
  const isBetween = (level: number | undefined) => level !== undefined && level >= needed && level <= proven
  return (essentialAcr ?? acrValues).find((acr) => isBetween(levelOf(ladder, acr))) ?? acrOf(ladder, proven)
}

/** Rules that nobody could meet are a mistake of whoever wrote them, and no reason to ask people for ever. */
const canBeMet = ({ rules, enrollable }: Facts): boolean =>
  rules.required.every((factor) => enrollable.includes(factor) && !rules.forbidden.includes(factor)) &&
  enrollable.some((factor) => !rules.forbidden.includes(factor))

/** Never above what the `amr` names are worth, and never above the recorded `acr`. */
const claimedLevel = ({ ladder, proven }: Facts): number =>
  proven ? Math.min(levelProvenBy(proven.amr), levelOf(ladder, proven.acr) ?? oneFactor) : nothing

/** Of that, only what was proven by ways that may be used here. */
const provenLevel = (facts: Facts): number => {
  const { rules, proven } = facts
  const claimed = claimedLevel(facts)
  if (!proven || !areAny(rules)) return claimed
  const { factors = [], amr } = proven
  if (!meetsRules(rules, factors)) return Math.min(claimed, oneFactor)
  // Of a session that was stepped up, the factors before may be remembered no more, while their names still are.
  const counted = withoutFactors(
    amr,
    rules.forbidden,
    factors.filter((factor) => !rules.forbidden.includes(factor)),
  )
  return Math.min(claimed, levelProvenBy(counted))
}

const ownLevel = (facts: Facts): number => {
  const { ladder, minimums } = facts
  // A minimum that is not on the ladder can be met by nobody, rather than by everybody.
  return Math.max(generalLevel(facts), ...minimums.map((acr) => levelOf(ladder, acr) ?? strengths.length))
}

const generalLevel = ({ mode, clientDemands, rules, factors }: Facts): number => {
  if (clientDemands || mode === 'required' || rules.required.length > 0) return twoFactors
  // Spelled out: whatever else the mode may hold demands two.
  return mode === 'off' || (mode === 'optional' && factors.length === 0) ? oneFactor : twoFactors
}

/** The first value on the ladder that can be reached; what cannot is ignored, since it was only a wish. */
const voluntaryLevel = (facts: Facts): number =>
  facts.acrValues
    .map((acr) => levelOf(facts.ladder, acr))
    .find((level) => level !== undefined && level <= reachable(facts)) ?? oneFactor

const essentialLevel = (facts: Facts): number | 'unreachable' => {
  if (facts.essentialAcr === undefined) return oneFactor
  const levels = facts.essentialAcr
    .map((acr) => levelOf(facts.ladder, acr))
    .filter((level) => level !== undefined && level <= reachable(facts))
  return levels.length > 0 ? Math.min(...(levels as number[])) : 'unreachable'
}
