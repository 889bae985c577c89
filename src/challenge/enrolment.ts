import { randomId } from '../crypto/random.ts'
import type { Credential } from '../directory/directory.ts'
import { markOf } from '../directory/mark.ts'
import { DuepassiError } from '../errors.ts'
import type { Draft, Factor, FactorContext } from '../factors/factor.ts'
import type { ChallengeParts, Refusal } from './challenge.ts'
import type { Enrolling, Issuing, SignIn } from './machine.ts'
import type { Proof } from './proof.ts'

type Confirmation =
  | {
      kind: 'confirmed'
      amr: readonly string[]
      credential: string
      proof: Proof
      issue: Issuing | undefined
    }
  /** `draft`: in the place of the one before. */
  | { kind: 'refused'; refusal: Refusal; draft: Draft | undefined }
  /** Right so far. */
  | { kind: 'continued'; draft: Draft }
  | { kind: 'superseded' }

export type Enrolment = ReturnType<typeof createEnrolment>

/** Setting factors up, and issuing recovery codes beside them. */
export const createEnrolment = (
  parts: ChallengeParts,
  contextFor: (accountId: string) => Promise<FactorContext>,
) => {
  const { directory, factors, clock, record, random } = parts
  const isOwn = (credential: Credential) => factors.get(credential.factor)?.selfEnrolled === true
  const codesFor = ({ rules }: Pick<SignIn, 'rules'>): Factor | undefined =>
    rules.forbidden.includes('recovery-code') ? undefined : factors.get('recovery-code')

  /** None where there is no place to hash them in: the next sign-in issues them. */
  const newCodes = async (signIn: Pick<SignIn, 'rules' | 'accountId'>): Promise<Issuing | undefined> => {
    const codes = codesFor(signIn)
    if (!codes) return undefined
    try {
      return {
        draft: await codes.enrolment.begin([], await contextFor(signIn.accountId)),
        credentialId: randomId(random),
      }
    } catch (error) {
      if (error instanceof DuepassiError && error.code === 'busy') return undefined
      throw error
    }
  }

  /** False when the credential is there already: a second click, or somebody was faster. */
  const add = async (credential: Credential): Promise<boolean> => {
    try {
      await directory.addCredential(credential)
      return true
    } catch (error) {
      if (error instanceof DuepassiError && error.code === 'credential_exists') return false
      throw error
    }
  }

  const hasCodes = (all: readonly Credential[]): boolean =>
    all.some(({ factor }) => factor === 'recovery-code')

  return {
    /**
     * A factor to set up. While nothing is proven but the password, its credential has an id of its own: of parallel first
     * sign-ins one adds it, and a page left open in another browser cannot add a second factor to an account that has got
     * one (Keycloak CVE-2023-3597 is what happens otherwise).
     */
    async begin(
      { accountId, provenBy }: Pick<SignIn, 'accountId' | 'provenBy'>,
      factor: Factor,
      replaces: readonly string[],
    ): Promise<Enrolling> {
      const own = (await directory.credentials(accountId)).filter((one) => one.factor === factor.name)
      return {
        factor: factor.name,
        draft: await factor.enrolment.begin(own, await contextFor(accountId)),
        credentialId: provenBy === null ? `first:${accountId}` : randomId(random),
        replaces,
      }
    },

    /** Of these ids those of what the person set up themselves. */
    async own(accountId: string, ids: readonly string[]): Promise<string[]> {
      const own = (await directory.credentials(accountId)).filter(isOwn).map(({ id }) => id)
      return own.filter((id) => ids.includes(id))
    },

    /**
     * Adds the credential that the person has confirmed. `again`: the same form once more, after the first time broke off
     * half-way: what was added by it is taken for added, and the rest is done.
     */
    async confirm(signIn: SignIn, answer: string, label: string, again = false): Promise<Confirmation> {
      const { accountId, clientId, provenBy, stage } = signIn
      if (stage.name !== 'enrolling') return { kind: 'superseded' }
      const factor = factors.named(stage.factor)
      const verdict = await factor.enrolment.finish(answer, stage.draft, await contextFor(accountId))
      if (!verdict.confirmed) {
        if ('next' in verdict) return { kind: 'continued', draft: verdict.next }
        const { reason, clockOffset, draft } = verdict
        return {
          kind: 'refused',
          refusal: { reason, ...(clockOffset !== undefined && { clockOffset }) },
          draft,
        }
      }
      const { handle, secret } = verdict
      const all = await directory.credentials(accountId)
      const added = again
        ? all.find((one) => one.id === stage.credentialId && one.secret === secret)
        : undefined
      const before = all.filter((one) => one !== added)
      // Only a password was proven, and the account has got a factor meanwhile: that factor must be asked instead.
      if (provenBy === null ? before.length > 0 : !before.some((one) => markOf(one) === provenBy))
        return { kind: 'superseded' }
      const holder = handle === null ? undefined : await directory.credentialByHandle(factor.name, handle)
      if (holder && holder.id !== stage.credentialId)
        return { kind: 'refused', refusal: { reason: 'known' }, draft: undefined }
      const now = clock.now()
      const credential = added ?? {
        id: stage.credentialId,
        accountId,
        factor: factor.name,
        label: label || stage.label || (verdict.label ?? ''),
        handle,
        secret,
        counter: verdict.counter,
        createdAt: now,
        lastUsedAt: verdict.used ? now : null,
      }
      // Whoever adds it has won; only then is the slow work of new codes done.
      if (!added && !(await add(credential))) return { kind: 'superseded' }
      await factor.enrolment.kept?.(credential)
      const lost = before.filter(({ id }) => stage.replaces.includes(id))
      if (lost.length > 0) {
        await directory.removeCredentials(accountId, stage.replaces)
        await record('factor.removed', { accountId, clientId, factor: factor.name, reason: 'replaced' })
      }
      await record('factor.enrolled', { accountId, clientId, factor: factor.name })
      await parts.notify({ kind: 'factor-enrolled', accountId, factor: factor.name, label: credential.label })
      for (const { factor: name, label: called } of lost)
        await parts.notify({ kind: 'factor-removed', accountId, factor: name, label: called })
      // Whoever came by a recovery code gets a new set; whoever has one keeps it.
      const wanted = !hasCodes(before) || signIn.factors.includes('recovery-code')
      return {
        kind: 'confirmed',
        amr: verdict.amr,
        credential: markOf(credential),
        proof: { at: Math.floor(now / 1000), by: markOf(credential), ...verdict.assurance },
        issue: wanted ? await newCodes(signIn) : undefined,
      }
    },

    /** Takes back the credential that was added in a sign-in that was ended meanwhile, and no later one of its id. */
    async takeBack({ accountId, clientId, stage }: SignIn, mark: string): Promise<void> {
      const added = (await directory.credentials(accountId)).find((one) => markOf(one) === mark)
      if (stage.name !== 'enrolling' || !added) return
      await directory.removeCredentials(accountId, [added.id])
      await record('factor.removed', { accountId, clientId, factor: stage.factor, reason: 'sign-in-ended' })
    },

    newCodes,

    /** Recovery codes for somebody who has a factor but no codes yet (the page was closed too early). */
    async codesIfNone(
      signIn: Pick<SignIn, 'rules' | 'accountId'>,
      all: readonly Credential[],
    ): Promise<Issuing | undefined> {
      return hasCodes(all) ? undefined : newCodes(signIn)
    },

    async codesLeft(accountId: string): Promise<number> {
      const codes = factors.get('recovery-code')
      if (!codes) return 0
      const own = (await directory.credentials(accountId)).filter(({ factor }) => factor === codes.name)
      const { left } = await codes.begin(own, await contextFor(accountId))
      return Number(left)
    },

    /** Whether the account still has what proved this sign-in: an administrator may have reset its factors meanwhile. */
    async holds({ accountId, provenBy }: SignIn): Promise<boolean> {
      return (await directory.credentials(accountId)).some((one) => markOf(one) === provenBy)
    },

    /** The codes that were shown become valid, and all others invalid. Doing it twice changes nothing. */
    async keepCodes({ accountId, clientId, provenBy, purpose, stage }: SignIn): Promise<boolean> {
      const codes = factors.get('recovery-code')
      if (stage.name !== 'issuing' || !codes) return false
      const before = await directory.credentials(accountId)
      if (!before.some((one) => markOf(one) === provenBy)) return false
      const now = clock.now()
      await add({
        id: stage.credentialId,
        accountId,
        factor: codes.name,
        label: '',
        handle: null,
        secret: stage.draft.secret,
        counter: 0,
        createdAt: now,
        lastUsedAt: null,
      })
      const others = before.filter(({ id, factor }) => factor === codes.name && id !== stage.credentialId)
      if (others.length > 0)
        await directory.removeCredentials(
          accountId,
          others.map(({ id }) => id),
        )
      await record('recovery-codes.issued', { accountId, clientId, factor: codes.name })
      if (purpose === 'change' && others.length > 0)
        await parts.notify({ kind: 'recovery-codes-issued', accountId })
      return true
    },
  }
}
