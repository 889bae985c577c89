import { randomId } from '../crypto/random.ts'
import type { Credential } from '../directory/directory.ts'
import { DuepassiError } from '../errors.ts'
import type { Factor, FactorContext } from '../factors/factor.ts'
import type { ChallengeParts, Refusal } from './challenge.ts'
import type { Enrolling, Event, Issuing, SignIn } from './machine.ts'

type Confirmation =
  | { kind: 'confirmed'; event: Event }
  | { kind: 'refused'; refusal: Refusal }
  | { kind: 'superseded' }

/** Setting factors up within a sign-in, and issuing recovery codes beside them. */
export const createEnrolment = (
  parts: ChallengeParts,
  contextFor: (accountId: string) => Promise<FactorContext>,
) => {
  const { directory, factors, clock, record, random } = parts
  const codes: Factor | undefined = factors.all.find(({ selfEnrolled }) => !selfEnrolled)
  const selfEnrolled = factors.all.find((factor) => factor.selfEnrolled) as Factor
  const isOwn = (credential: Credential) => factors.get(credential.factor)?.selfEnrolled === true

  const draft = async (
    accountId: string,
    credentialId: string,
    replaces: readonly string[],
  ): Promise<Enrolling> => ({
    factor: selfEnrolled.name,
    draft: await selfEnrolled.enrolment.begin(await contextFor(accountId)),
    credentialId,
    replaces,
  })

  /** None where there is no place to hash them in: the next sign-in issues them. */
  const newCodes = async (accountId: string): Promise<Issuing | undefined> => {
    if (!codes) return undefined
    try {
      return {
        draft: await codes.enrolment.begin(await contextFor(accountId)),
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

  return {
    /**
     * The account's first factor, for somebody who proved no more than the password. Its id is the account's: whatever
     * races, exactly one first factor comes to be (Keycloak CVE-2023-3597 is what happens otherwise).
     */
    first: (accountId: string): Promise<Enrolling> => draft(accountId, `first:${accountId}`, []),

    /** One more, for somebody who has just proven a second factor. */
    async again(accountId: string, replace: boolean): Promise<Enrolling> {
      const old = replace ? (await directory.credentials(accountId)).filter(isOwn) : []
      return draft(
        accountId,
        randomId(random),
        old.map(({ id }) => id),
      )
    },

    async confirm(
      { accountId, clientId, provenBy, stage }: SignIn,
      answer: string,
      label: string,
    ): Promise<Confirmation> {
      if (stage.name !== 'enrolling') return { kind: 'superseded' }
      const factor = factors.named(stage.factor)
      const verdict = await factor.enrolment.finish(answer, stage.draft, await contextFor(accountId))
      if (!verdict.confirmed) {
        const { reason, clockOffset } = verdict
        return { kind: 'refused', refusal: { reason, ...(clockOffset !== undefined && { clockOffset }) } }
      }
      const before = await directory.credentials(accountId)
      // Only a password was proven, and the account has got a factor meanwhile: that factor must be asked instead.
      if (provenBy === null ? before.length > 0 : !before.some(({ id }) => id === provenBy))
        return { kind: 'superseded' }
      const now = clock.now()
      const credential = {
        id: stage.credentialId,
        accountId,
        factor: factor.name,
        label,
        secret: stage.draft.secret,
        counter: verdict.counter,
        createdAt: now,
        lastUsedAt: now,
      }
      // Whoever adds it has won; only then is the slow work of new codes done.
      if (!(await add(credential))) return { kind: 'superseded' }
      if (stage.replaces.length > 0) {
        await directory.removeCredentials(accountId, stage.replaces)
        await record('factor.removed', { accountId, clientId, factor: factor.name, reason: 'replaced' })
      }
      await record('factor.enrolled', { accountId, clientId, factor: factor.name })
      await parts.notify({ kind: 'factor-enrolled', accountId, label })
      return {
        kind: 'confirmed',
        event: { name: 'enrolled', amr: factor.amr, issue: await newCodes(accountId) },
      }
    },

    /** Recovery codes for somebody who has a factor but no codes yet (the page was closed too early). */
    async codesIfNone(accountId: string, all: readonly Credential[]): Promise<Issuing | undefined> {
      return all.some(({ factor }) => factor === codes?.name) ? undefined : newCodes(accountId)
    },

    async codesLeft(accountId: string): Promise<number> {
      if (!codes) return 0
      const own = (await directory.credentials(accountId)).filter(({ factor }) => factor === codes.name)
      const { left } = await codes.begin(own, await contextFor(accountId))
      return Number(left)
    },

    /** Whether the account still has what proved this sign-in: an administrator may have reset its factors meanwhile. */
    async holds({ accountId, provenBy }: SignIn): Promise<boolean> {
      return (await directory.credentials(accountId)).some(({ id }) => id === provenBy)
    },

    /** The codes that were shown become valid, and all others invalid. Doing it twice changes nothing. */
    async keepCodes({ accountId, clientId, provenBy, stage }: SignIn): Promise<boolean> {
      if (stage.name !== 'issuing' || !codes) return false
      const before = await directory.credentials(accountId)
      if (!before.some(({ id }) => id === provenBy)) return false
      const now = clock.now()
      await add({
        id: stage.credentialId,
        accountId,
        factor: codes.name,
        label: '',
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
      return true
    },
  }
}
