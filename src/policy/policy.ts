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
import { isTrustNamed, isWeak, phishingResistantFactors, trustedDevice, withoutFactors } from './amr.ts'
import { areAny, type FactorRules, meetsRules } from './factor-rules.ts'
import type { Reaction, Signal } from './signals.ts'

export type SecondFactorMode = 'required' | 'optional' | 'off'

/**
 * What decided: `mode` (the general policy), `account`, `group:<name>`, `client:<metadata>`, `request:<parameter>`,
 * `signal:<name>`, `factor-rules`, `trusted-device`, `lock`.
 */
export type Rule = string

/** Everything the decision rests on; nothing else may influence it. */
export interface Facts {
  ladder: Ladder
  mode: SecondFactorMode
  /** The relying party's own minimum (client metadata `require_second_factor`); no parameter lowers it. */
  clientDemands: boolean
  /** `acr` values that the relying party, the account and its groups demand at least; no parameter lowers them. */
  minimums: ReadonlyArray<{ acr: string; rule: Rule }>
  /** `acr_values`, in the relying party's order of preference: voluntary (OIDC Core §3.1.2.1). */
  acrValues: readonly string[]
  /** `claims.id_token.acr` marked essential: binding, whatever `acr_values` says (OIDC Core §5.5.1.1). */
  essentialAcr: readonly string[] | undefined
  /** The request wants the person to prove it anew (`prompt`, `max_age`): what a device remembers is not enough. */
  fresh: boolean
  /** The request wants a second factor asked (`prompt=second_factor`). */
  prompted?: boolean
  /** Seconds for which a second factor is good at this relying party (client metadata `second_factor_max_age`). */
  maxAge: number | undefined
  /** What is unusual about where the sign-in comes from, and what the policy makes of it. */
  signals: ReadonlyArray<{ signal: Signal; reaction: Reaction }>
  /** What is required and forbidden for this account at this relying party. */
  rules: FactorRules
  /** Every factor that people can set up at this provider. */
  enrollable: readonly string[]
  /** Keys are proven to be hardware when they are set up: the highest level can be reached. */
  attested: boolean
  /** Factors that the account has. */
  factors: readonly string[]
  locked: boolean
  /** What is proven so far: the session's, the token's or the running sign-in's. */
  proven: ProvenFacts | undefined
}

export interface ProvenFacts {
  acr: string | undefined
  amr: readonly string[]
  /** By which ways of proving; undefined where nobody knows any more, which is no proof where there are rules. */
  factors?: readonly string[] | undefined
  /** It was known once: then it can have been by nothing that the account has not. Otherwise it is a host's word. */
  forgotten?: boolean | undefined
  /** Of these, the ones whose very credential the account has no more. */
  gone?: readonly string[] | undefined
  /** Seconds since the second factor; undefined where its age does not matter (no authorization request is at hand). */
  age?: number | undefined
  /** Of that, since a key was used; `age` where it is not known. */
  keyAge?: number | undefined
  /** A device that is still trusted vouches for it; `factors`: what was proven when the trust was given. */
  trust?: { factors: readonly string[] } | undefined
}

/** `acr` says what a token may claim, or what it would take; `factors` which of them must be among what is proven. */
export type Decision =
  | { kind: 'allowed'; acr: string }
  | { kind: 'step-up' | 'enrol'; acr: string; factors: readonly string[] }
  | { kind: 'refused'; because: 'locked' | 'unreachable' | 'context' }

/** A level that somebody asks for. */
export interface Demand {
  rule: Rule
  level: number
}

export interface Explanation {
  decision: Decision
  /** The rule that decided. */
  rule: Rule
  /** Everything that was asked for, the strictest first. */
  demands: readonly Demand[]
  /** What is proven counts for so much here. */
  proven: number
}

/**
 * Decides whether what is proven is enough. Pure: the same facts give the same decision at the authorization
 * endpoint, in a running sign-in and at the token endpoint.
 */
export const decide = (facts: Facts): Decision => explain(facts).decision

/** The decision, and what it rests on. */
export const explain = (facts: Facts): Explanation => {
  const demands = demandsOf(facts)
  const proven = provenLevel(facts)
  const { rule, level: needed } = demands[0] as Demand
  const because = (decision: Decision, by: Rule = rule): Explanation => ({
    decision,
    rule: by,
    demands,
    proven,
  })
  const refusing = facts.signals.find(({ reaction }) => reaction === 'refuse')
  if (refusing) return because({ kind: 'refused', because: 'context' }, `signal:${refusing.signal}`)
  if (!canBeMet(facts)) return because({ kind: 'refused', because: 'unreachable' }, 'factor-rules')
  if (needed > reachable(facts)) return because({ kind: 'refused', because: 'unreachable' })
  if (facts.locked && Math.max(needed, claimedLevel(facts)) >= twoFactors)
    return because({ kind: 'refused', because: 'locked' }, 'lock')
  if (proven >= needed) return because({ kind: 'allowed', acr: answeredAcr(facts, needed, proven) })
  return because({
    kind: hasUsable(facts, needed) ? 'step-up' : 'enrol',
    acr: acrOf(facts.ladder, needed),
    factors: needed >= phishingResistant ? phishingResistantFactors : [],
  })
}

/** Whether the account has anything that could bring it to a level. */
const hasUsable = ({ factors }: Facts, needed: number): boolean =>
  factors.some((factor) => needed < twoFactors || !isWeak(factor))

/** A level that nobody can prove: what asks for it is refused, rather than passed by everybody. */
const beyondAll = strengths.length

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

/** Of that, only what was proven by ways that may be used here, that the account still has, and lately enough. */
const provenLevel = (facts: Facts): number => {
  const claimed = claimedLevel(facts)
  const { rules, proven } = facts
  if (!proven) return claimed
  const known = proven.factors && countedFactors(facts, proven.factors)
  // What is required by name is missing: not even one factor is enough.
  if (!rules.required.every((factor) => known?.includes(factor))) return nothing
  if (areAny(rules) && !meetsRules(rules, known ?? [])) return Math.min(claimed, oneFactor)
  const held = facts.factors.filter((factor) => facts.enrollable.includes(factor))
  const forgotten = proven.forgotten ? facts.enrollable : []
  const lost = (proven.factors ?? forgotten).filter((factor) => !(known ?? held).includes(factor))
  const distrusted = isTrustNamed(proven.amr) && !isVouchedFor(facts) ? [trustedDevice] : []
  // Of a session that was stepped up, the factors before may be remembered no more, while their names still are.
  const counted = withoutFactors(
    proven.amr,
    [...rules.forbidden, ...lost, ...distrusted],
    (known ?? (proven.forgotten ? held : [])).filter((factor) => !rules.forbidden.includes(factor)),
  )
  return freshLevel(facts, Math.min(claimed, levelProvenBy(counted)))
}

/** What a removed factor proved counts no more; what a device remembers counts where it is vouched for. */
const countedFactors = (facts: Facts, factors: readonly string[]): readonly string[] => {
  return factors.filter((factor) =>
    factor === trustedDevice
      ? isVouchedFor(facts)
      : !facts.proven?.gone?.includes(factor) &&
        (!facts.enrollable.includes(factor) || facts.factors.includes(factor)),
  )
}

/** The highest level for which the second factor is not too old. */
const freshLevel = ({ ladder, maxAge, proven }: Facts, level: number): number => {
  const age = proven?.age
  if (age === undefined || level < twoFactors) return level
  const limitOf = (one: number) =>
    Math.min(
      maxAge ?? Number.POSITIVE_INFINITY,
      ...ladder
        .filter(({ asks }) => strengths.indexOf(asks) >= twoFactors && strengths.indexOf(asks) <= one)
        .map((entry) => entry.maxAge ?? Number.POSITIVE_INFINITY),
    )
  // A code that is typed does not make a key any younger.
  const ageFor = (one: number) => (one >= phishingResistant ? (proven?.keyAge ?? age) : age)
  for (let one = level; one >= twoFactors; one--) if (ageFor(one) <= limitOf(one)) return one
  return oneFactor
}

/**
 * Whether a trusted device may stand for the second factor: not where the request, the relying party or the context wants
 * one now, where a factor is required by name, nor where all that it was trusted for counts for nothing.
 */
const isVouchedFor = ({
  proven,
  fresh,
  clientDemands,
  maxAge,
  locked,
  signals,
  rules,
  factors,
}: Facts): boolean =>
  proven?.trust !== undefined &&
  !fresh &&
  !clientDemands &&
  maxAge === undefined &&
  !locked &&
  factors.length > 0 &&
  signals.every(({ reaction }) => reaction === 'record') &&
  rules.required.length === 0 &&
  meetsRules(rules, proven.trust.factors)

/** The strictest first; of equals, what was named first here decided. */
const demandsOf = (facts: Facts): Demand[] => {
  const { ladder, minimums, clientDemands, maxAge, rules, signals } = facts
  const two = (rule: Rule): Demand => ({ rule, level: twoFactors })
  const demands = [
    generalDemand(facts),
    ...(clientDemands ? [two('client:require_second_factor')] : []),
    ...(facts.prompted ? [two('request:prompt')] : []),
    ...(maxAge === undefined ? [] : [two('client:second_factor_max_age')]),
    ...(rules.required.length > 0
      ? [{ rule: 'factor-rules', level: rules.required.every(isWeak) ? oneFactor : twoFactors }]
      : []),
    ...minimums.map(({ acr, rule }) => ({ rule, level: levelOf(ladder, acr) ?? beyondAll })),
    ...signals.filter(({ reaction }) => reaction !== 'record').map(({ signal }) => two(`signal:${signal}`)),
    { rule: 'request:claims', level: essentialLevel(facts) },
    { rule: 'request:acr_values', level: voluntaryLevel(facts) },
  ]
  return demands.sort((a, b) => b.level - a.level)
}

const generalDemand = (facts: Facts): Demand => {
  const { mode, factors } = facts
  // Spelled out: whatever else the mode may hold demands two.
  const hasNone = factors.every(isWeak)
  const asks = mode === 'off' || (mode === 'optional' && hasNone) ? oneFactor : twoFactors
  return asks === twoFactors && isVouchedFor(facts)
    ? { rule: trustedDevice, level: oneFactor }
    : { rule: 'mode', level: asks }
}

/** The first value on the ladder that can be reached; what cannot is ignored, since it was only a wish. */
const voluntaryLevel = (facts: Facts): number =>
  facts.acrValues
    .map((acr) => levelOf(facts.ladder, acr))
    .find((level) => level !== undefined && level <= reachable(facts)) ?? oneFactor

const essentialLevel = (facts: Facts): number => {
  if (facts.essentialAcr === undefined) return oneFactor
  const levels = facts.essentialAcr
    .map((acr) => levelOf(facts.ladder, acr))
    .filter((level) => level !== undefined && level <= reachable(facts))
  return levels.length > 0 ? Math.min(...(levels as number[])) : beyondAll
}
