import type { KoaContextWithOIDC } from 'oidc-provider'
import type { Proofs } from '../challenge/proof.ts'
import type { Clock } from '../clock.ts'
import type { Devices } from '../context/devices.ts'
import type { Origin } from '../context/origin.ts'
import type { SecondFactorDirectory, Standing } from '../directory/directory.ts'
import { acrOf, levelOf, oneFactor, twoFactors } from '../policy/acr.ts'
import { isWeak, phishingResistantFactors, trustedDevice, weakFactors } from '../policy/amr.ts'
import { combineRules, type FactorRules } from '../policy/factor-rules.ts'
import { type Decision, decide, type Facts, type ProvenFacts } from '../policy/policy.ts'
import { type GroupPolicy, gatherFacts, type PolicySettings, type Request, rulesOfClient } from './facts.ts'
import type { ProofMemory, Seen } from './proofs.ts'

type OidcContext = NonNullable<KoaContextWithOIDC['oidc']>

/**
 * What was proven: by a running sign-in, which knows its `proofs`, or by a session or token, whose proofs are remembered
 * under its session and time.
 */
export interface Proven {
  acr: string | undefined
  amr: readonly string[]
  proofs?: Proofs | undefined
  sessionUid?: string | undefined
  /** Seconds since the epoch. */
  at?: number | undefined
  /** Of a trusted device that has just been recognised. */
  trust?: { factors: readonly string[] } | undefined
  signals?: Origin['signals'] | undefined
}

export interface Judge {
  /** The decision about the session and request at the authorization endpoint; computed once for each request. */
  authorization(ctx: KoaContextWithOIDC): Promise<Decision>
  /** The decision about something proven elsewhere: a running sign-in, a code, a refresh token, a CIBA approval. */
  proof(
    accountId: string,
    client: object | undefined,
    request: Request | undefined,
    proven: Proven,
  ): Promise<Decision>
  /** Which factors are required and forbidden for an account, at a relying party or apart from any. */
  rules(accountId: string, client: object | undefined): Promise<FactorRules>
  /** What a sign-in has to prove: the rules, and what it takes to reach the level that was decided on. */
  demands(accountId: string, client: object | undefined, decision: Decision): Promise<FactorRules>
  /** The level that is demanded of this very account, and of its groups, at least. */
  minimum(accountId: string): Promise<number>
  /** By which factors something was proven, when and how, as far as it is remembered. */
  proofsOf(accountId: string, proven: Proven): Promise<Proofs | undefined>
  /**
   * Marks a request as judged and allowed; whatever is not marked gets no code and no token. `acr`: what its tokens say,
   * where that is less than the session's: whoever asks for a value by name gets that one.
   */
  admit(oidc: OidcContext, acr?: string): void
  /** The same for a grant that authenticates by itself, whose tokens say what it proved. */
  admitGrant(oidc: OidcContext, proven: Required<Pick<Proven, 'acr' | 'amr' | 'at'>>): void
  /** What such a grant proved. */
  provenByGrant(oidc: OidcContext): Pick<Proven, 'acr' | 'amr' | 'at'> | undefined
  /** Whether browsers may remember the person at all. */
  mayTrust(accountId: string): Promise<boolean>
  isAdmitted(oidc: OidcContext): boolean
}

/** What `policy explain` and the judge gather alike: all that is said of an account by its groups. */
export const createGroupPolicies =
  (groups: PolicySettings['groups'], groupsOf: (accountId: string) => Promise<readonly string[]>) =>
  async (accountId: string): Promise<Array<GroupPolicy & { name: string }>> =>
    Object.keys(groups).length === 0
      ? []
      : (await groupsOf(accountId))
          .filter((name) => Object.hasOwn(groups, name))
          .map((name) => ({ name, ...(groups[name] as GroupPolicy) }))

/** The rules for everybody, of the groups and of the relying party, together. */
export const rulesFor = (
  { factors: forAll }: Pick<PolicySettings, 'factors'>,
  groups: readonly GroupPolicy[],
  client: object | undefined,
): FactorRules => combineRules(forAll, ...groups.map(({ factors }) => factors), rulesOfClient(client))

/** The rules, and what it takes besides to reach the level that was decided on. */
export const demandedRules = (
  ladder: PolicySettings['ladder'],
  own: FactorRules,
  decision: Decision,
): FactorRules => {
  const { acr } = decision.kind === 'refused' ? { acr: undefined } : decision
  const factors = 'factors' in decision ? decision.factors : []
  const required = [...new Set([...own.required, ...factors])]
  // Where two factors are needed, one that is none brings nobody on.
  const useless = (levelOf(ladder, acr) ?? oneFactor) > oneFactor ? weakFactors : []
  const forbidden = [...own.forbidden, ...useless.filter((factor) => !required.includes(factor))]
  const insufficient = useless.filter((factor) => required.includes(factor))
  return { required, forbidden: [...new Set(forbidden)], ...(insufficient.length > 0 && { insufficient }) }
}

export const createJudge = (
  settings: PolicySettings,
  parts: {
    directory: Pick<SecondFactorDirectory, 'standing'>
    memory: ProofMemory
    devices: Pick<Devices, 'trustOf' | 'signalsOfRequest'>
    clock: Clock
    groupsOf(accountId: string): Promise<readonly string[]>
  },
): Judge => {
  const decisions = new WeakMap<OidcContext, Promise<Decision>>()
  const admitted = new WeakSet<OidcContext>()
  const grants = new WeakMap<OidcContext, Pick<Proven, 'acr' | 'amr' | 'at'>>()
  const groupsOf = createGroupPolicies(settings.groups, parts.groupsOf)

  const rules: Judge['rules'] = async (accountId, client) =>
    rulesFor(settings, await groupsOf(accountId), client)

  const proofsOf: Judge['proofsOf'] = async (accountId, { proofs, sessionUid, at, amr }) => {
    if (proofs) return proofs
    if (sessionUid === undefined || at === undefined) return undefined
    return parts.memory.proofsOf({ accountId, sessionUid, at, amr })
  }

  const provenFacts = async (
    accountId: string,
    request: Request | undefined,
    proven: Proven,
    groups: readonly GroupPolicy[],
    { marks }: Standing,
  ): Promise<ProvenFacts> => {
    const { proofs } = proven
    const device = proofs?.[trustedDevice]?.device
    const mayTrust = groups.every(letsTrust)
    const trust =
      proven.trust ?? (device === undefined ? undefined : await parts.devices.trustOf(accountId, device))
    return {
      acr: proven.acr,
      amr: proven.amr,
      factors: proofs && Object.keys(proofs),
      forgotten: !proofs && proven.sessionUid !== undefined && proven.at !== undefined,
      gone: Object.entries(proofs ?? {}).flatMap(([factor, { by }]) =>
        by !== undefined && marks?.includes(by) === false ? factor : [],
      ),
      ...(request && {
        age: ageOf(proofs, proven.at, (factor) => factor !== trustedDevice && !isWeak(factor)),
        keyAge: ageOf(proofs, proven.at, (factor) => phishingResistantFactors.includes(factor)),
      }),
      ...(trust && mayTrust && { trust: { factors: trust.factors } }),
    }
  }

  /**
   * Seconds since one of such factors was proven, or, where no one knows when, since the session began: never too short.
   */
  const ageOf = (
    proofs: Proofs | undefined,
    at: number | undefined,
    counts: (factor: string) => boolean,
  ): number => {
    const own = Object.entries(proofs ?? {}).flatMap(([factor, proof]) => (counts(factor) ? proof.at : []))
    const latest = own.length > 0 ? Math.max(...own) : proofs?.[trustedDevice] ? undefined : at
    return latest === undefined ? Number.POSITIVE_INFINITY : Math.floor(parts.clock.now() / 1000) - latest
  }

  const proof: Judge['proof'] = async (accountId, client, request, proven) => {
    const groups = await groupsOf(accountId)
    const [standing, remembered] = await Promise.all([
      parts.directory.standing(accountId),
      proofsOf(accountId, proven),
    ])
    const proved = await provenFacts(accountId, request, { ...proven, proofs: remembered }, groups, standing)
    const facts: Facts = gatherFacts({
      settings,
      client,
      request,
      standing,
      groups,
      rules: rulesFor(settings, groups, client),
      signals: proven.signals ?? [],
      proven: proved,
    })
    return decide(facts)
  }

  const ofSession = async (accountId: string, ctx: KoaContextWithOIDC): Promise<Decision> => {
    const { session, client, params, result } = ctx.oidc
    const { acr, amr = [], uid: sessionUid } = session ?? {}
    const at = session?.authTime()
    const shown = result?.['second_factor'] as { proofs?: Proofs; seen?: Seen } | undefined
    // The sign-in that has just ended here: what it proved is remembered with the session, for later.
    const fresh = result?.login?.accountId === accountId ? shown?.proofs : undefined
    const signals = parts.devices.signalsOfRequest(ctx.req)
    const [decision] = await Promise.all([
      proof(accountId, client, params, {
        acr,
        amr,
        sessionUid,
        at,
        signals,
        ...(fresh && { proofs: fresh }),
      }),
      fresh && sessionUid !== undefined && at !== undefined
        ? parts.memory.note({ accountId, sessionUid, at, amr }, fresh, shown?.seen)
        : undefined,
    ])
    return decision
  }

  return {
    proof,
    rules,
    async minimum(accountId) {
      const [groups, standing] = await Promise.all([groupsOf(accountId), parts.directory.standing(accountId)])
      const named = [standing.minimum ?? undefined, ...groups.map(({ minimum }) => minimum)]
      return Math.max(oneFactor, ...named.map((acr) => levelOf(settings.ladder, acr) ?? oneFactor))
    },
    async demands(accountId, client, decision) {
      return demandedRules(settings.ladder, await rules(accountId, client), decision)
    },
    proofsOf,
    authorization(ctx) {
      const { oidc } = ctx
      const known = decisions.get(oidc)
      if (known !== undefined) return known
      const accountId = oidc.session?.accountId
      const decision: Promise<Decision> = accountId
        ? ofSession(accountId, ctx)
        : Promise.resolve({ kind: 'step-up', acr: acrOf(settings.ladder, twoFactors), factors: [] })
      decisions.set(oidc, decision)
      return decision
    },
    admit(oidc, acr) {
      admitted.add(oidc)
      if (acr !== undefined) Object.defineProperty(oidc, 'acr', { value: acr, configurable: true })
    },
    admitGrant(oidc, proven) {
      admitted.add(oidc)
      grants.set(oidc, proven)
    },
    provenByGrant: (oidc) => grants.get(oidc),
    mayTrust: async (accountId) => (await groupsOf(accountId)).every(letsTrust),
    isAdmitted: (oidc) => admitted.has(oidc),
  }
}

const letsTrust = ({ trustedDevices }: GroupPolicy): boolean => trustedDevices !== false
