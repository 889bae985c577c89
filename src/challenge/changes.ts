import type { Credential } from '../directory/directory.ts'
import { markOf } from '../directory/mark.ts'
import type { FactorName } from '../factors/factor.ts'
import { type FactorRules, mayBeLeftWith } from '../policy/factor-rules.ts'
import { type ChallengeParts, createContexts } from './challenge.ts'
import { createEnrolment } from './enrolment.ts'
import { type SignIn, type Stage, unproven } from './machine.ts'
import { createNext } from './next.ts'
import { enrollableFactors } from './ways.ts'

/** The person who changes something: signed in, by a factor not older than the caller allows. */
export interface Owner {
  accountId: string
  clientId: string
  /** What the policy says of their factors, apart from any relying party. */
  rules: FactorRules
  /** A second factor is demanded of them. */
  demanded: boolean
}

export interface Overview {
  /** `incomplete`: a factor, but no recovery codes to fall back on. */
  state: 'not-set-up' | 'incomplete' | 'on' | 'locked'
  /** What they set up themselves, oldest first. */
  methods: ReadonlyArray<Credential & { removable: boolean }>
  recoveryCodes: { left: number; createdAt: number } | null
  addable: readonly FactorName[]
}

/** Ways in that one account may have: more than anybody needs, and no way to fill the database. */
const mostMethods = 20

export type Changes = ReturnType<typeof createChanges>

/**
 * A person's own changes to their factors, for a security page. Setting one up goes on as in a sign-in, by `choose`,
 * `confirm` and `codesSaved` of the challenge under the uid that `begin` was given; it ends in `proven`, which is no login.
 */
export const createChanges = (parts: ChallengeParts) => {
  const { directory, factors, signIns, record } = parts
  const contextFor = createContexts(parts)
  const enrolment = createEnrolment(parts, contextFor)
  const next = createNext(parts, enrolment, contextFor)
  const isOwn = ({ factor }: Pick<Credential, 'factor'>) => factors.get(factor)?.selfEnrolled === true
  const namesOf = (all: ReadonlyArray<Pick<Credential, 'factor'>>) =>
    all.filter(isOwn).map(({ factor }) => factor)

  const mayRemain =
    (before: ReadonlyArray<Pick<Credential, 'factor'>>, { rules, demanded }: Owner) =>
    (left: ReadonlyArray<Pick<Credential, 'factor'>>): boolean =>
      mayBeLeftWith(namesOf(left), namesOf(before), rules, demanded)

  /** A change under way; it holds as long as the account has the credential that was used last, which proved the owner. */
  const changeOf = async ({ accountId, clientId, rules }: Owner): Promise<SignIn> => {
    const all = await directory.credentials(accountId)
    const latest = all.toSorted((a, b) => (b.lastUsedAt ?? 0) - (a.lastUsedAt ?? 0))[0]
    return {
      purpose: 'change',
      accountId,
      clientId,
      primary: { amr: [], at: 0 },
      // Nobody has to set up what is required in order to add something else.
      rules: { required: [], forbidden: rules.forbidden },
      ...unproven,
      provenBy: latest ? markOf(latest) : null,
      stage: { name: 'given-up' },
    }
  }

  const begin = async (uid: string, change: SignIn, stage: Stage): Promise<SignIn> => {
    const begun = { ...change, stage }
    await signIns.begin(uid, begun)
    return begun
  }

  return {
    async overview(owner: Owner): Promise<Overview> {
      const { accountId, rules } = owner
      const [all, { lockedAt }] = await Promise.all([
        directory.credentials(accountId),
        directory.standing(accountId),
      ])
      const own = all.filter(isOwn)
      const codes = all.filter(({ factor }) => factor === 'recovery-code').at(-1)
      const state = () => {
        if (lockedAt !== null) return 'locked'
        if (own.length === 0) return 'not-set-up'
        return codes || !factors.get('recovery-code') ? 'on' : 'incomplete'
      }
      return {
        state: state(),
        methods: own.map((method) => ({
          ...method,
          removable: mayRemain(all, owner)(all.filter(({ id }) => id !== method.id)),
        })),
        recoveryCodes: codes
          ? { left: await enrolment.codesLeft(accountId), createdAt: codes.createdAt }
          : null,
        addable:
          own.length < mostMethods
            ? enrollableFactors(factors, {
                rules: { required: [], forbidden: rules.forbidden },
                factors: [],
              }).map(({ name }) => name)
            : [],
      }
    },

    /** Begins adding a factor: the one named, or the person's choice. Undefined for one that they may not set up. */
    async beginAdding(uid: string, owner: Owner, name?: string): Promise<SignIn | undefined> {
      const change = await changeOf(owner)
      if (name === undefined) return begin(uid, change, await next.chooseFrom(change, []))
      const factor = enrollableFactors(factors, change).find((one) => one.name === name)
      return (
        factor && begin(uid, change, { name: 'enrolling', ...(await enrolment.begin(change, factor, [])) })
      )
    },

    /** Begins new recovery codes; the old ones stay valid until the new ones are saved. Undefined where there are none to have. */
    async beginCodes(uid: string, owner: Owner): Promise<SignIn | undefined> {
      const change = await changeOf(owner)
      const issue = change.provenBy === null ? undefined : await enrolment.newCodes(change)
      return issue && begin(uid, change, { name: 'issuing', ...issue })
    },

    /** Forgets a change that is over, or that the person gave up. */
    end: (uid: string): Promise<void> => signIns.end(uid),

    /** Answers false when the account has no such credential any more. */
    async rename({ accountId, clientId }: Owner, id: string, label: string): Promise<boolean> {
      const method = (await directory.credentials(accountId)).find((one) => one.id === id && isOwn(one))
      if (!method || !(await directory.changeCredential(accountId, id, { label }))) return false
      await record('factor.renamed', { accountId, clientId, factor: method.factor })
      return true
    },

    /**
     * `demanded`: it is the last one that the policy demands, and stays. With the last of all, the recovery codes go too:
     * there is nothing left that they would recover.
     */
    async remove(owner: Owner, id: string): Promise<'removed' | 'demanded' | 'gone'> {
      const { accountId, clientId } = owner
      const all = await directory.credentials(accountId)
      const method = all.find((one) => one.id === id && isOwn(one))
      if (!method) return 'gone'
      const left = all.filter((one) => one.id !== id)
      const ids = left.some(isOwn) ? [id] : all.map((one) => one.id)
      const removed = await directory.removeCredentials(accountId, ids, mayRemain(all, owner))
      if (removed === 0) {
        const stillThere = (await directory.credentials(accountId)).some((one) => one.id === id)
        return stillThere ? 'demanded' : 'gone'
      }
      // Of several that are removed at once, none was the last when it was looked at.
      const rest = await directory.credentials(accountId)
      if (rest.length > 0 && !rest.some(isOwn))
        await directory.removeCredentials(
          accountId,
          rest.map((one) => one.id),
          (more) => more.length === 0,
        )
      await record('factor.removed', { accountId, clientId, factor: method.factor, reason: 'by-owner' })
      await parts.notify({
        kind: 'factor-removed',
        accountId,
        factor: method.factor,
        label: method.label,
      })
      return 'removed'
    },
  }
}
