import type { KoaContextWithOIDC } from 'oidc-provider'
import type { SecondFactorDirectory } from '../directory/directory.ts'
import { acrOf, levelOf, oneFactor, twoFactors } from '../policy/acr.ts'
import { areAny, combineRules, type FactorRules } from '../policy/factor-rules.ts'
import { type Decision, decide } from '../policy/policy.ts'
import { type GroupPolicy, gatherFacts, type PolicySettings, type Request, rulesOfClient } from './facts.ts'
import type { Proofs } from './proofs.ts'

type OidcContext = NonNullable<KoaContextWithOIDC['oidc']>

/**
 * What was proven: by a running sign-in, which knows its `factors`, or by a session or token, whose factors are remembered
 * under its session and time.
 */
export interface Proven {
  acr: string | undefined
  amr: readonly string[]
  factors?: readonly string[]
  sessionUid?: string | undefined
  /** Seconds since the epoch. */
  at?: number | undefined
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
  /** The level that the account's groups demand at least. */
  minimum(accountId: string): Promise<number>
  /** By which factors something was proven, as far as it is remembered. */
  factorsOf(accountId: string, proven: Proven): Promise<readonly string[]>
  /**
   * Marks a request as judged and allowed; whatever is not marked gets no code and no token. `acr`: what its tokens say,
   * where that is less than the session's: whoever asks for a value by name gets that one.
   */
  admit(oidc: OidcContext, acr?: string): void
  isAdmitted(oidc: OidcContext): boolean
}

export const createJudge = (
  settings: PolicySettings,
  parts: {
    directory: Pick<SecondFactorDirectory, 'standing'>
    proofs: Proofs
    groupsOf(accountId: string): Promise<readonly string[]>
  },
): Judge => {
  const decisions = new WeakMap<OidcContext, Promise<Decision>>()
  const admitted = new WeakSet<OidcContext>()
  const haveGroups = Object.keys(settings.groups).length > 0

  const groupsOf = async (accountId: string): Promise<GroupPolicy[]> =>
    haveGroups
      ? (await parts.groupsOf(accountId))
          .filter((name) => Object.hasOwn(settings.groups, name))
          .map((name) => settings.groups[name] as GroupPolicy)
      : []

  const rules: Judge['rules'] = async (accountId, client) => {
    const groups = await groupsOf(accountId)
    return combineRules(settings.factors, ...groups.map(({ factors }) => factors), rulesOfClient(client))
  }

  const factorsOf: Judge['factorsOf'] = async (accountId, { factors, sessionUid, at, amr }) => {
    if (factors) return factors
    if (sessionUid === undefined || at === undefined) return []
    return (await parts.proofs.factorsOf({ accountId, sessionUid, at, amr })) ?? []
  }

  const judged = async (
    accountId: string,
    client: object | undefined,
    request: Request | undefined,
    proven: Proven,
    own: FactorRules,
  ): Promise<Decision> => {
    const { acr, amr } = proven
    const standing = await parts.directory.standing(accountId)
    const factors = areAny(own) ? await factorsOf(accountId, proven) : []
    const minimums = (await groupsOf(accountId)).flatMap(({ minimum }) => minimum ?? [])
    return decide(
      gatherFacts({
        settings,
        client,
        request,
        standing,
        rules: own,
        minimums,
        proven: { acr, amr, factors },
      }),
    )
  }

  const proof: Judge['proof'] = async (accountId, client, request, proven) =>
    judged(accountId, client, request, proven, await rules(accountId, client))

  const ofSession = async (accountId: string, { oidc }: KoaContextWithOIDC): Promise<Decision> => {
    const { session, client, params } = oidc
    const own = await rules(accountId, client)
    const { acr, amr = [], uid: sessionUid } = session ?? {}
    const at = session?.authTime()
    const shown = (oidc.result?.['second_factor'] as { factors?: readonly string[] } | undefined)?.factors
    // The sign-in that has just ended here: what it proved is remembered with the session, for later.
    const fresh = oidc.result?.login?.accountId === accountId ? shown : undefined
    if (fresh && areAny(own) && sessionUid !== undefined && at !== undefined)
      await parts.proofs.note({ accountId, sessionUid, at, amr }, fresh)
    return judged(
      accountId,
      client,
      params,
      { acr, amr, sessionUid, at, ...(fresh && { factors: fresh }) },
      own,
    )
  }

  return {
    proof,
    rules,
    async minimum(accountId) {
      const groups = await groupsOf(accountId)
      return Math.max(
        oneFactor,
        ...groups.map(({ minimum }) => levelOf(settings.ladder, minimum) ?? oneFactor),
      )
    },
    async demands(accountId, client, decision) {
      const own = await rules(accountId, client)
      const factors = 'factors' in decision ? decision.factors : []
      return { ...own, required: [...new Set([...own.required, ...factors])] }
    },
    factorsOf,
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
    isAdmitted: (oidc) => admitted.has(oidc),
  }
}
