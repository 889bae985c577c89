import { askableFactors, enrollableFactors, servingFactors } from '../challenge/ways.ts'
import type { ClientMetadata, Sighting, Standing } from '../directory/directory.ts'
import type { Factors } from '../factors/registry.ts'
import { type GroupPolicy, gatherFacts, type PolicySettings, type Request } from '../plugin/facts.ts'
import { demandedRules, rulesFor } from '../plugin/judge.ts'
import { acrOf, type Strength, strengths } from '../policy/acr.ts'
import { trustedDevice } from '../policy/amr.ts'
import { type FactorRules, meetsRules } from '../policy/factor-rules.ts'
import { type Decision, explain, type Facts, type Rule } from '../policy/policy.ts'
import { factorOf, provenBy, trustOf } from './proven.ts'
import { trustBarriers } from './trust-barriers.ts'

/** Everything that an explanation rests on, as the judge would gather it at a sign-in. */
export interface Situation {
  account: { id: string; username: string; groups: readonly string[]; disabled: boolean }
  standing: Standing
  client: ClientMetadata
  request: Request
  /** What the configuration says of the account's groups. */
  groups: ReadonlyArray<GroupPolicy & { name: string }>
  settings: PolicySettings
  factors: Factors
  /** Whether people may sign in by passkey alone. */
  passkeys: boolean
  place: Sighting
  browser: 'known' | 'new' | 'first'
  signals: Facts['signals']
  /** What the person can prove after the password, by the names of `provable`. */
  ways: readonly string[]
  /** In a browser that is trusted: for what; `supposed`: none is, and this is what if. */
  trust: { factors: readonly string[]; supposed: boolean } | undefined
  /** To be judged besides, by the names of `provable`. */
  proven: readonly string[] | undefined
}

export type StageDecision = Decision | { kind: 'refused'; because: 'disabled' | 'no-passkey' }

/** What happens once this much is proven, and why. */
export interface Stage {
  proven: readonly string[]
  decision: StageDecision
  /** The rule that decided. */
  rule: Rule
  /** Factors that are asked then, best first. */
  asks: readonly string[]
  /** Factors of which one has to be set up, best first. */
  setsUp: readonly string[]
  /** Where trust was meant to stand for the second factor: whatever keeps it from that. */
  barriers?: readonly Rule[]
}

export interface PolicyExplanation {
  account: Situation['account'] & { factors: readonly string[]; locked: boolean; minimum: string | null }
  client: { id: string; name: string | null }
  place: Omit<Sighting, 'latitude' | 'longitude'>
  browser: Situation['browser']
  trust: { kind: string; factors: readonly string[]; supposed: boolean } | null
  mode: Facts['mode']
  rules: FactorRules
  signals: Facts['signals']
  /** The strictest first. `acr` null: more than anybody can prove. */
  demands: ReadonlyArray<{ rule: Rule; asks: Strength | 'beyond-all'; acr: string | null }>
  stages: readonly Stage[]
}

/** What an account would be asked, without anybody signing in. Pure. */
export const explainSituation = (situation: Situation): PolicyExplanation => {
  const { account, standing, client, settings, signals, trust, proven } = situation
  const { address, city, country, browser, system } = situation.place
  const rules = rulesFor(settings, situation.groups, client)
  const factsOf = (given: Facts['proven']): Facts => gatherFacts({ ...situation, rules, proven: given })
  const stageOf = (names: readonly string[]): Stage => {
    const held = names.filter((name) => isHeld(situation, name))
    return judged(situation, rules, { named: names, held }, factsOf(provenBy(settings.ladder, held)))
  }
  const alone = ['password']
  return {
    account: {
      ...account,
      factors: standing.factors,
      locked: standing.lockedAt !== null,
      minimum: standing.minimum ?? null,
    },
    client: {
      id: client.client_id,
      name: typeof client['client_name'] === 'string' ? client['client_name'] : null,
    },
    place: { address, city, country, browser, system },
    browser: situation.browser,
    trust: trust ? { kind: settings.trustedDevices.kind, ...trust } : null,
    mode: settings.secondFactor,
    rules,
    signals,
    demands: explain(factsOf(provenBy(settings.ladder, alone))).demands.map(({ rule, level }) => ({
      rule,
      asks: strengths[level] ?? 'beyond-all',
      acr: level < strengths.length ? acrOf(settings.ladder, level) : null,
    })),
    stages: [
      stageOf(alone),
      ...(trust ? [trustedStage(situation, stageOf(alone), factsOf)] : []),
      ...situation.ways.map((way) => stageOf([...alone, way])),
      ...(proven ? [stageOf(proven)] : []),
    ],
  }
}

/** Nobody is asked for what the account has not, or the provider no longer offers: it is proven by nobody. */
const isHeld = ({ standing, factors }: Situation, name: string): boolean =>
  factorOf(name).every((factor) => standing.factors.includes(factor) && factors.get(factor) !== undefined)

/** As a sign-in goes: a trusted browser is looked at where the password alone would be asked for more. */
const trustedStage = (
  { settings, groups, trust }: Situation,
  alone: Stage,
  factsOf: (proven: Facts['proven']) => Facts,
): Stage => {
  const given = trust ?? { factors: [] }
  const excluded = groups.find(({ trustedDevices }) => trustedDevices === false)
  const counts = settings.trustedDevices.kind !== 'off' && !excluded
  const facts = factsOf(trustOf(settings, counts ? given : undefined))
  const { decision, rule } = explain(facts)
  const stage = { ...alone, proven: ['password', trustedDevice] }
  if (alone.decision.kind !== 'step-up') return stage
  const barriers = trustBarriers(facts, given, { kind: settings.trustedDevices.kind, group: excluded?.name })
  return decision.kind === 'allowed'
    ? { ...stage, decision, rule, asks: [], setsUp: [] }
    : { ...stage, rule, barriers }
}

const judged = (
  { account, factors, passkeys }: Situation,
  rules: FactorRules,
  { named: proven, held }: { named: readonly string[]; held: readonly string[] },
  facts: Facts,
): Stage => {
  const refused = (because: 'disabled' | 'no-passkey', rule: Rule): Stage => ({
    proven,
    decision: { kind: 'refused', because },
    rule,
    asks: [],
    setsUp: [],
  })
  if (account.disabled) return refused('disabled', 'account:disabled')
  if (!proven.includes('password')) {
    if (!passkeys) return refused('no-passkey', 'webauthn.passkeys')
    if (rules.forbidden.includes('webauthn')) return refused('no-passkey', 'factor-rules')
    if (held.length === 0) return refused('no-passkey', 'no-passkey')
  }
  const { decision, rule } = explain(facts)
  return { proven, decision, rule, ...waysOn(factors, facts, decision, held) }
}

/** What a sign-in goes on with after a decision; nothing where it ends. */
const waysOn = (
  factors: Factors,
  { ladder, rules, factors: own }: Facts,
  decision: Decision,
  held: readonly string[],
): Pick<Stage, 'asks' | 'setsUp'> => {
  if (!('factors' in decision)) return { asks: [], setsUp: [] }
  const needed = demandedRules(ladder, rules, decision)
  const at = { rules: needed, factors: held.flatMap(factorOf) }
  // All that could be asked is proven, and it is not enough: the sign-in fails.
  if (meetsRules(needed, at.factors)) return { asks: [], setsUp: [] }
  const serving = servingFactors(factors, own, at)
  const asked = at.factors.length > 0 ? serving : askableFactors(factors, own, at)
  const names = (list: typeof serving) => list.map(({ name }) => name)
  return { asks: names(asked), setsUp: serving.length > 0 ? [] : names(enrollableFactors(factors, at)) }
}
