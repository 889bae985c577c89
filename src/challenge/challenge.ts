import { setTimeout as pause } from 'node:timers/promises'
import type { Attempts } from '../attempts/attempts.ts'
import type { RecordEvent } from '../audit/trail.ts'
import type { Clock } from '../clock.ts'
import type { DeviceNotice, TrustWish } from '../context/devices.ts'
import type { RandomBytes } from '../crypto/random.ts'
import type { SecondFactorDirectory } from '../directory/directory.ts'
import { markOf } from '../directory/mark.ts'
import { DuepassiError } from '../errors.ts'
import type { Factor, FactorContext, FactorName, Rejection } from '../factors/factor.ts'
import type { Factors } from '../factors/registry.ts'
import { isWeak } from '../policy/amr.ts'
import { createEnrolment } from './enrolment.ts'
import { createJudging } from './judging.ts'
import { advance, type Event, isOver, type SignIn, type Stage, unproven } from './machine.ts'
import { createNext } from './next.ts'
import { createRetirement } from './retirement.ts'
import { createSending, type MessageParts } from './sending.ts'
import type { SignIns, Stored } from './sign-ins.ts'
import { askableFactors, enrollableFactors, firstOf } from './ways.ts'

/** What a person is told outside the page when their second factor changes; the host delivers it. */
export type Notice =
  | { kind: 'factor-enrolled'; accountId: string; factor: string; label: string }
  | { kind: 'factor-removed'; accountId: string; factor: string; label: string }
  | { kind: 'factor-retired'; accountId: string; factor: string; label: string; by: string }
  | { kind: 'recovery-code-used'; accountId: string; left: number }
  | { kind: 'recovery-codes-issued'; accountId: string }
  | { kind: 'second-factor-locked'; accountId: string }
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
  /** Limits of codes that are sent; needed where a factor sends any. */
  messages?: MessageParts
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

/** Whether a sign-in stands elsewhere; a new question by the same factor is the same place. */
const hasMoved = (before: Stage, now: Stage): boolean =>
  !(before.name === 'asking' && now.name === 'asking' && before.factor === now.factor) &&
  JSON.stringify(before) !== JSON.stringify(now)

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

/** Milliseconds between the looks of a submission whether its twin has been accepted. */
const betweenLooks = 40

export type Challenge = ReturnType<typeof createChallenge>

/**
 * The second step of a sign-in. Every answer to every factor takes the same way, in this one place:
 * reserve the attempt → verify → spend the secret → settle the attempt → advance → audit.
 */
export const createChallenge = (parts: ChallengeParts) => {
  const { directory, signIns, attempts, factors, clock, record } = parts
  const contextFor = createContexts(parts)
  const enrolment = createEnrolment(parts, contextFor)
  const judge = createJudging({ directory, clock, record, contextFor })

  const { ask, chooseFrom, afterProof, afterAnswer, afterEnrolment } = createNext(
    parts,
    enrolment,
    contextFor,
  )

  /** Applies an event to a sign-in; somebody else having changed it is a refusal, not an error. */
  const move = async (uid: string, stored: Stored, event: Event): Promise<Outcome> => {
    const next = advance(stored.signIn, event)
    if (next && (await signIns.replace(uid, stored, next))) return { kind: 'moved', signIn: next }
    return elsewhere(uid)
  }

  const elsewhere = async (uid: string): Promise<Outcome> => {
    const now = await signIns.find(uid)
    return now ? { kind: 'refused', signIn: now.signIn, refusal: { reason: 'elsewhere' } } : { kind: 'gone' }
  }

  /** Runs a step on the sign-in; where the second step is over already, there is nothing to do again. */
  const step = async (uid: string, run: (stored: Stored) => Promise<Outcome>): Promise<Outcome> => {
    const stored = await signIns.find(uid)
    if (!stored) return { kind: 'gone' }
    return isOver(stored.signIn.stage) ? { kind: 'moved', signIn: stored.signIn } : run(stored)
  }

  const sending = createSending({ ...parts, messages: parts.messages, contextFor, step, elsewhere })
  const retire = createRetirement(parts)

  const lock = async (
    uid: string,
    stored: Stored,
    factor: FactorName,
    justNow: boolean,
  ): Promise<Outcome> => {
    const { accountId, clientId } = stored.signIn
    if (justNow) {
      // Whoever causes a lock is not the person, or needs help: either way no browser vouches for them now.
      await directory.endTrust(accountId)
      await record('factor.locked', { accountId, clientId, factor })
      await parts.notify({ kind: 'second-factor-locked', accountId })
    }
    return move(uid, stored, { name: 'locked' })
  }

  /**
   * The sign-in as another submission of the same form left it, if one did: a double click must end where the single one
   * does. The other may still be on its way, so this looks more than once.
   */
  const movedMeanwhile = async (uid: string, { signIn }: Stored, looks = 10): Promise<SignIn | undefined> => {
    for (let look = 0; look < looks; look++) {
      const now = await signIns.find(uid)
      if (now && hasMoved(signIn.stage, now.signIn.stage)) return now.signIn
      await pause(betweenLooks)
    }
    return undefined
  }

  /** Takes the question out of the sign-in, by compare-and-set, and leaves a new one in its place. */
  const takeQuestion = async (uid: string, stored: Stored, factor: Factor): Promise<Stored | undefined> => {
    const { question } = await ask(stored.signIn.accountId, factor)
    const next = advance(stored.signIn, { name: 'asked', factor: factor.name, question })
    return next && signIns.replace(uid, stored, next)
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
        const factor = firstOf(askableFactors(factors, names, signIn), preferred)
        // Never taken for an account without a factor: that would let a password alone set one up.
        if (!factor)
          throw new DuepassiError('not_configured', `none of the account's factors is registered: ${names}`)
        return ask(who.accountId, factor)
      }
      const begun = { ...signIn, stage: await stage() }
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

    /** `trust`: the person wants not to be asked again in this browser. */
    answer: (uid: string, answer: string, trust?: TrustWish): Promise<Outcome> =>
      step(uid, async (found) => {
        const { signIn } = found
        const { accountId, clientId, stage } = signIn
        if (stage.name !== 'asking') return elsewhere(uid)
        const factor = factors.named(stage.factor)
        if (!factor.accepts(answer)) return { kind: 'refused', signIn, refusal: { reason: 'malformed' } }
        const isStale = factor.isAnswerTo?.(answer, stage.question) === false
        const stored = factor.isAnswerTo && !isStale ? await takeQuestion(uid, found, factor) : found
        if (isStale || !stored) {
          // The question was answered before, by this form or another: an answer to it is not judged, and not counted.
          const moved = await movedMeanwhile(uid, found)
          return moved ? { kind: 'moved', signIn: moved } : elsewhere(uid)
        }
        const reservation = await attempts.reserve(accountId, factor.name)
        if (reservation.kind === 'locked') return lock(uid, stored, factor.name, reservation.justNow)
        if (reservation.kind === 'wait') {
          const moved = await movedMeanwhile(uid, stored, 2)
          if (moved) return { kind: 'moved', signIn: moved }
          return {
            kind: 'refused',
            signIn: stored.signIn,
            refusal: { reason: 'wait', seconds: reservation.seconds },
          }
        }
        const { failures } = reservation
        const all = await directory.credentials(accountId)
        const verdict = await judge({
          accountId,
          clientId,
          factor,
          answer,
          question: stage.question,
          credentials: all.filter((one) => one.factor === factor.name),
          attempts,
          authenticator: factor.name,
          failures,
        })
        if (!verdict.verified) {
          const { reason, clockOffset } = verdict
          const moved = reason === 'replayed' ? await movedMeanwhile(uid, stored) : undefined
          if (moved) {
            // The same form sent twice: the other one was right, and has been settled.
            await attempts.giveBack(accountId, factor.name, failures)
            return { kind: 'moved', signIn: moved }
          }
          await record(reason === 'replayed' ? 'code.reused' : 'factor.refused', {
            accountId,
            clientId,
            factor: factor.name,
            reason,
          })
          return {
            kind: 'refused',
            signIn: stored.signIn,
            refusal: {
              reason,
              waitSeconds: reservation.waitIfWrong,
              ...(clockOffset !== undefined && { clockOffset }),
            },
          }
        }
        await attempts.settle(accountId, factor.name)
        const by = all.find(({ id }) => id === verdict.credential)
        if (!by) return elsewhere(uid)
        const outcome = await move(uid, stored, {
          name: 'accepted',
          factor: factor.name,
          amr: verdict.amr,
          credential: markOf(by),
          proof: { at: Math.floor(clock.now() / 1000), by: markOf(by), ...verdict.assurance },
          trust: isWeak(factor.name) ? undefined : trust,
          next: await afterAnswer(signIn, factor, markOf(by), all),
        })
        await record('factor.accepted', { accountId, clientId, factor: factor.name })
        if (outcome.kind === 'moved') await retire(signIn, factor.name, all)
        if (outcome.kind === 'moved' && outcome.signIn.stage.name === 'recovered')
          await parts.notify({ kind: 'recovery-code-used', accountId, left: outcome.signIn.stage.left })
        return outcome
      }),

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

    /** Sets a factor up anew after a recovery code; `replace` removes the lost ones once the new one is confirmed. */
    enrolAgain: (uid: string, { replace }: { replace: boolean }): Promise<Outcome> =>
      step(uid, async (stored) => {
        const { signIn } = stored
        if (signIn.stage.name !== 'recovered') return elsewhere(uid)
        const next = await chooseFrom(signIn, replace ? await enrolment.lost(signIn.accountId) : [])
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
        if (confirmed.kind === 'refused') return { kind: 'refused', signIn, refusal: confirmed.refusal }
        await sending.settleEnrolment(signIn)
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

    send: sending.send,
    provideAddress: sending.provideAddress,

    giveUp: (uid: string): Promise<Outcome> =>
      step(uid, async (stored) => {
        const { accountId, clientId } = stored.signIn
        await record('signin.given-up', { accountId, clientId })
        return move(uid, stored, { name: 'given-up' })
      }),
  }
}
