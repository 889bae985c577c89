import type { Attempts } from '../attempts/attempts.ts'
import type { RecordEvent } from '../audit/trail.ts'
import type { Clock } from '../clock.ts'
import type { DeviceNotice } from '../context/devices.ts'
import type { RandomBytes } from '../crypto/random.ts'
import type { SecondFactorDirectory } from '../directory/directory.ts'
import { DuepassiError } from '../errors.ts'
import type { Factor, FactorContext, FactorName, Rejection } from '../factors/factor.ts'
import type { Factors } from '../factors/registry.ts'
import { createAnswer } from './answer.ts'
import { createEnrolment } from './enrolment.ts'
import { type SignIn, type Stage, unproven } from './machine.ts'
import { createNext } from './next.ts'
import { createRemoteEnrolment } from './remote-enrolment.ts'
import { type Asking, createRequests, type RequestParts } from './requests.ts'
import { createSending, type MessageParts } from './sending.ts'
import type { SignIns } from './sign-ins.ts'
import { createSteps } from './steps.ts'
import { askableFactors, enrollableFactors, firstOf } from './ways.ts'

/** What a person is told outside the page when their second factor changes; the host delivers it. */
export type Notice =
  | { kind: 'factor-enrolled'; accountId: string; factor: string; label: string }
  | { kind: 'factor-removed'; accountId: string; factor: string; label: string }
  | { kind: 'factor-retired'; accountId: string; factor: string; label: string; by: string }
  | { kind: 'recovery-code-used'; accountId: string; left: number }
  | { kind: 'recovery-codes-issued'; accountId: string }
  | { kind: 'second-factor-locked'; accountId: string }
  | { kind: 'signin-reported'; accountId: string; late: boolean }
  | DeviceNotice

export interface ChallengeParts {
  directory: SecondFactorDirectory
  signIns: SignIns
  attempts: Attempts
  factors: Factors
  clock: Clock
  random: RandomBytes
  record: RecordEvent
  /** Shown by authenticator apps. */
  issuerName: string
  accountName(accountId: string): Promise<string>
  /** Must not reject: a lost mail does not stop a sign-in. */
  notify(notice: Notice): Promise<void>
  /** Told when too many wrong answers have locked a second factor: what the host does about it. */
  locked?(uid: string, signIn: SignIn): Promise<void>
  /** Limits of codes that are sent; needed where a factor sends any. */
  messages?: MessageParts
  /** Limits of requests to other devices; needed where a factor is answered there. */
  requests?: RequestParts
}

export type Refusal =
  | { reason: Rejection; clockOffset?: number; waitSeconds?: number }
  | { reason: 'wait'; seconds: number }
  /** No message is sent for so many seconds, because others were. */
  | { reason: 'pause'; seconds: number }
  /** The message could not be handed over. */
  | { reason: 'undelivered' }
  /** The sign-in has moved on meanwhile, in another tab or by a second click. */
  | { reason: 'elsewhere' }

/** `gone`: there is no such sign-in, or its time is up. */
export type Outcome =
  | { kind: 'moved'; signIn: SignIn }
  | { kind: 'refused'; signIn: SignIn; refusal: Refusal }
  | { kind: 'gone' }

/** Who begins a second step. `factors`, `proofs`: what a session that is stepped up was proven by. */
export type Who = Pick<SignIn, 'accountId' | 'clientId' | 'primary' | 'rules'> &
  Partial<Pick<SignIn, 'factors' | 'proofs' | 'origin'>>

/** The facts that a factor gets besides its question and credentials. */
export const createContexts =
  ({ clock, random, issuerName, accountName }: ChallengeParts) =>
  async (accountId: string): Promise<FactorContext> => ({
    now: clock.now(),
    random,
    issuerName,
    accountName: await accountName(accountId),
    accountId,
  })

export type Challenge = ReturnType<typeof createChallenge>

/**
 * The second step of a sign-in. Every answer to every factor takes the same way, in this one place:
 * reserve the attempt → verify → spend the secret → settle the attempt → advance → audit.
 */
export const createChallenge = (parts: ChallengeParts) => {
  const { directory, signIns, attempts, factors, record } = parts
  const contextFor = createContexts(parts)
  const enrolment = createEnrolment(parts, contextFor)

  const { ask, chooseFrom, afterProof, afterAnswer, afterEnrolment } = createNext(
    parts,
    enrolment,
    contextFor,
  )

  const steps = createSteps(signIns)
  const { move, elsewhere, step, movedMeanwhile } = steps
  const sending = createSending({ ...parts, messages: parts.messages, contextFor, step, elsewhere })
  const remote = createRemoteEnrolment({ ...parts, contextFor, steps })
  const requests = createRequests({ ...parts, requests: parts.requests, contextFor, steps })

  const answer = createAnswer({ ...parts, steps, requests, ask, afterAnswer, contextFor })

  /** The best way, or the one that worked last here; a device that may not be asked now is no way, where there is another. */
  const wayOf = async (accountId: string, ways: readonly Factor[], preferred: string | undefined) => {
    const first = firstOf(ways, preferred)
    if (!first?.remote || (await requests.waiting(accountId, first)) === 0) return first
    const others = ways.filter((way) => way !== first && way.selfEnrolled)
    return firstOf(others, preferred) ?? first
  }

  return {
    /**
     * Begins the second step; where the account has no factor yet, with setting one up. `preferred`: the factor that
     * worked last in this browser.
     */
    async begin(uid: string, who: Who, preferred?: string): Promise<SignIn> {
      const { factors: names, lockedAt } = await directory.standing(who.accountId)
      const signIn: SignIn = { purpose: 'sign-in', ...unproven, ...who, stage: { name: 'locked' } }
      const stage = async (): Promise<Stage> => {
        if (lockedAt !== null) return { name: 'locked' }
        if (names.length === 0) return chooseFrom(signIn, [])
        const factor = await wayOf(who.accountId, askableFactors(factors, names, signIn), preferred)
        // Never taken for an account without a factor: that would let a password alone set one up.
        if (!factor)
          throw new DuepassiError('not_configured', `none of the account's factors is registered: ${names}`)
        return ask(who.accountId, factor)
      }
      const begun = { ...signIn, stage: await stage() }
      await signIns.begin(uid, begun)
      return begun
    },

    /**
     * Begins a sign-in that only another device can answer; undefined where the account has none that it may use, or is
     * locked.
     */
    async beginElsewhere(
      uid: string,
      who: Who & Pick<SignIn, 'purpose' | 'authReqId'>,
    ): Promise<SignIn | undefined> {
      const { factors: names, lockedAt } = await directory.standing(who.accountId)
      const signIn: SignIn = { ...unproven, ...who, stage: { name: 'locked' } }
      const factor = askableFactors(factors, names, signIn).find(({ remote }) => remote !== undefined)
      if (lockedAt !== null || !factor) return undefined
      const begun = { ...signIn, stage: await ask(who.accountId, factor) }
      await signIns.begin(uid, begun)
      return begun
    },

    async find(uid: string): Promise<SignIn | undefined> {
      return (await signIns.find(uid))?.signIn
    },

    /** Shows once more why nobody is let in from where this comes. */
    async turnAway(uid: string, who: Who): Promise<SignIn> {
      const signIn: SignIn = { purpose: 'sign-in', ...unproven, ...who, stage: { name: 'turned-away' } }
      await signIns.begin(uid, signIn)
      return signIn
    },

    /** Seconds until an answer to what is asked will be judged; 0: now. */
    async waiting({ accountId, stage }: SignIn): Promise<number> {
      return stage.name === 'asking' ? attempts.waiting(accountId, stage.factor) : 0
    },

    /** Factors the person could use instead of the one that is asked. */
    async others(signIn: SignIn): Promise<FactorName[]> {
      const { factors: names } = await directory.standing(signIn.accountId)
      const { stage } = signIn
      return askableFactors(factors, names, signIn)
        .map(({ name }) => name)
        .filter((name) => !(stage.name === 'asking' && stage.factor === name))
    },

    /** Factors the person could set up here, best first. */
    choices: (signIn: SignIn): FactorName[] => enrollableFactors(factors, signIn).map(({ name }) => name),

    answer,

    /** Asks another of the person's factors. No count is touched: counters belong to the authenticator. */
    switchTo: (uid: string, name: string): Promise<Outcome> =>
      step(uid, async (stored) => {
        const { signIn } = stored
        const { factors: names } = await directory.standing(signIn.accountId)
        const factor = askableFactors(factors, names, signIn).find((way) => way.name === name)
        if (!factor || signIn.stage.name !== 'asking') return elsewhere(uid)
        const { question } = await ask(signIn.accountId, factor)
        return move(uid, stored, { name: 'asked', factor: factor.name, question })
      }),

    /** Sets a factor up anew after a recovery code; `lost`: ids of those that go once the new one is confirmed. */
    enrolAgain: (uid: string, { lost }: { lost: readonly string[] }): Promise<Outcome> =>
      step(uid, async (stored) => {
        const { signIn } = stored
        if (signIn.stage.name !== 'recovered') return elsewhere(uid)
        const next = await chooseFrom(signIn, await enrolment.own(signIn.accountId, lost))
        if (next.name === 'choosing')
          return move(uid, stored, { name: 'choice-opened', replaces: next.replaces })
        return next.name === 'enrolling'
          ? move(uid, stored, { name: 'enrolment-begun', enrolling: next })
          : elsewhere(uid)
      }),

    /** Sets up the factor that the person chose. */
    choose: (uid: string, name: string): Promise<Outcome> =>
      step(uid, async (stored) => {
        const { signIn } = stored
        const factor = enrollableFactors(factors, signIn).find((choice) => choice.name === name)
        if (!factor || signIn.stage.name !== 'choosing') return elsewhere(uid)
        const enrolling = await enrolment.begin(signIn, factor, signIn.stage.replaces)
        return move(uid, stored, { name: 'enrolment-begun', enrolling })
      }),

    /** Back from setting a factor up to choosing one. */
    chooseAgain: (uid: string): Promise<Outcome> =>
      step(uid, async (stored) => {
        const { stage } = stored.signIn
        if (stage.name !== 'enrolling' || enrollableFactors(factors, stored.signIn).length < 2)
          return elsewhere(uid)
        return move(uid, stored, { name: 'choice-opened', replaces: stage.replaces })
      }),

    /** Offers a first factor to somebody who needs none; undefined where there is nothing to offer. */
    async offer(uid: string, who: Who): Promise<SignIn | undefined> {
      const { factors: names } = await directory.standing(who.accountId)
      const signIn: SignIn = {
        purpose: 'sign-in',
        ...unproven,
        ...who,
        offered: true,
        stage: { name: 'choosing', replaces: [] },
      }
      if (names.length > 0 || enrollableFactors(factors, signIn).length === 0) return undefined
      await signIns.begin(uid, signIn)
      return signIn
    },

    /** What is offered is left for another time. */
    notNow: (uid: string): Promise<Outcome> =>
      step(uid, async (stored) =>
        stored.signIn.offered
          ? move(uid, stored, { name: 'continued', next: { name: 'proven' } })
          : elsewhere(uid),
      ),

    /** Keeps the old factors after a recovery code. */
    continueAsIs: (uid: string): Promise<Outcome> =>
      step(uid, async (stored) => {
        const { signIn } = stored
        if (!(await enrolment.holds(signIn))) return elsewhere(uid)
        const { factors: names } = await directory.standing(signIn.accountId)
        return move(uid, stored, { name: 'continued', next: await afterProof(signIn, names) })
      }),

    confirm: (uid: string, answer: string, label: string): Promise<Outcome> =>
      step(uid, async (stored) => {
        const { signIn } = stored
        if (signIn.stage.name !== 'enrolling') return elsewhere(uid)
        const refusal = await sending.reserveEnrolment(signIn, answer)
        if (refusal) return { kind: 'refused', signIn, refusal }
        let confirmed = await enrolment.confirm(signIn, answer, label)
        if (confirmed.kind === 'superseded') {
          // Its twin may still be making recovery codes.
          const moved = await movedMeanwhile(uid, stored, 25)
          if (moved) return { kind: 'moved', signIn: moved }
          // Its twin has finished: there is nothing to complete, and nothing to take back.
          if (!(await signIns.find(uid))) return { kind: 'gone' }
          confirmed = await enrolment.confirm(signIn, answer, label, true)
        }
        if (confirmed.kind === 'superseded') return { kind: 'gone' }
        if (confirmed.kind === 'refused') {
          const { refusal, draft } = confirmed
          const kept = draft ? await move(uid, stored, { name: 'draft-changed', draft }) : undefined
          return { kind: 'refused', signIn: kept?.kind === 'moved' ? kept.signIn : signIn, refusal }
        }
        await sending.settleEnrolment(signIn)
        if (confirmed.kind === 'continued') {
          const { draft } = confirmed
          const kept = await move(uid, stored, { name: 'draft-changed', draft, ...(label && { label }) })
          if (kept.kind === 'moved') await remote.tell(kept.signIn)
          return kept
        }
        const { amr, credential, proof, issue } = confirmed
        const outcome = await move(uid, stored, {
          name: 'enrolled',
          amr,
          credential,
          proof,
          next: issue ? { name: 'issuing', ...issue } : await afterEnrolment(signIn, credential),
        })
        if (outcome.kind === 'gone') await enrolment.takeBack(signIn, credential)
        return outcome
      }),

    /** The person has saved the recovery codes: from now on they are valid. */
    codesSaved: (uid: string): Promise<Outcome> =>
      step(uid, async (stored) => {
        if (!(await enrolment.keepCodes(stored.signIn))) return elsewhere(uid)
        const { factors: names } = await directory.standing(stored.signIn.accountId)
        return move(uid, stored, { name: 'codes-saved', next: await afterProof(stored.signIn, names) })
      }),

    /**
     * Sends what is asked for: a code, or a request to other devices. `here`: this browser can answer the request itself, so
     * no device is told. While a factor is set up: a new invitation, or a new test.
     */
    async send(uid: string, how: Asking = {}): Promise<Outcome> {
      const stage = (await signIns.find(uid))?.signIn.stage
      if (stage?.name === 'enrolling') return remote.renew(uid)
      const isRemote = stage?.name === 'asking' && factors.named(stage.factor).remote !== undefined
      return isRemote ? requests.ask(uid, how) : sending.send(uid)
    },
    decline: requests.decline,
    missed: requests.missed,
    declineLate: requests.declineLate,
    present: remote.present,
    provideAddress: sending.provideAddress,

    giveUp: (uid: string): Promise<Outcome> =>
      step(uid, async (stored) => {
        const { accountId, clientId } = stored.signIn
        await record('signin.given-up', { accountId, clientId })
        return move(uid, stored, { name: 'given-up' })
      }),
  }
}
