import { setTimeout as pause } from 'node:timers/promises'
import type { Attempts } from '../attempts/attempts.ts'
import type { RecordEvent } from '../audit/trail.ts'
import type { Clock } from '../clock.ts'
import type { RandomBytes } from '../crypto/random.ts'
import type { Credential, SecondFactorDirectory } from '../directory/directory.ts'
import { DuepassiError } from '../errors.ts'
import type { Factor, FactorContext, FactorName, Rejection, Verdict } from '../factors/factor.ts'
import type { Factors } from '../factors/registry.ts'
import { createEnrolment } from './enrolment.ts'
import { advance, type Event, isOver, type SignIn, type Stage } from './machine.ts'
import type { SignIns, Stored } from './sign-ins.ts'

/** What a person is told outside the page when their second factor changes; the host delivers it. */
export type Notice =
  | { kind: 'factor-enrolled'; accountId: string; label: string }
  | { kind: 'recovery-code-used'; accountId: string; left: number }
  | { kind: 'second-factor-locked'; accountId: string }

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
}

export type Refusal =
  | { reason: Rejection; clockOffset?: number; waitSeconds?: number }
  | { reason: 'wait'; seconds: number }
  /** The sign-in has moved on meanwhile, in another tab or by a second click. */
  | { reason: 'elsewhere' }

/** `gone`: there is no such sign-in, or its time is up. */
export type Outcome =
  | { kind: 'moved'; signIn: SignIn }
  | { kind: 'refused'; signIn: SignIn; refusal: Refusal }
  | { kind: 'gone' }

/** Milliseconds between the looks of a submission whether its twin has been accepted. */
const betweenLooks = 40

export type Challenge = ReturnType<typeof createChallenge>

/**
 * The second step of a sign-in. Every answer to every factor takes the same way, in this one place:
 * reserve the attempt → verify → spend the secret → settle the attempt → advance → audit.
 */
export const createChallenge = (parts: ChallengeParts) => {
  const { directory, signIns, attempts, factors, clock, record } = parts
  const contextFor = async (accountId: string): Promise<FactorContext> => ({
    now: clock.now(),
    random: parts.random,
    issuerName: parts.issuerName,
    accountName: await parts.accountName(accountId),
  })
  const enrolment = createEnrolment(parts, contextFor)

  const ask = async (accountId: string, factor: Factor) => {
    const own = (await directory.credentials(accountId)).filter(
      (credential) => credential.factor === factor.name,
    )
    return factor.begin(own, { ...(await contextFor(accountId)) })
  }

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

  const lock = async (
    uid: string,
    stored: Stored,
    factor: FactorName,
    justNow: boolean,
  ): Promise<Outcome> => {
    const { accountId, clientId } = stored.signIn
    if (justNow) {
      await record('factor.locked', { accountId, clientId, factor })
      await parts.notify({ kind: 'second-factor-locked', accountId })
    }
    return move(uid, stored, { name: 'locked' })
  }

  /**
   * The sign-in as another submission of the same form left it, if one did: a double click must end where the single one
   * does. The other may still be on its way, so this looks more than once.
   */
  const movedMeanwhile = async (uid: string, { text }: Stored, looks = 10): Promise<SignIn | undefined> => {
    for (let look = 0; look < looks; look++) {
      const now = await signIns.find(uid)
      if (now && now.text !== text) return now.signIn
      await pause(betweenLooks)
    }
    return undefined
  }

  /** Verifies, then spends by compare-and-set: a secret that somebody else spent meanwhile was replayed. */
  const judge = async (
    factor: Factor,
    answer: string,
    credentials: readonly Credential[],
    stored: Stored,
    failures: number,
  ): Promise<Verdict> => {
    const { accountId, stage } = stored.signIn
    const question = stage.name === 'asking' ? stage.question : {}
    const context = await contextFor(accountId)
    const verdict = await factor
      .verify(answer, question, credentials, context)
      .catch(async (error: unknown) => {
        // No place to judge it in: it was not judged, so it does not count.
        if (error instanceof DuepassiError && error.code === 'busy')
          await attempts.giveBack(accountId, factor.name, failures)
        throw error
      })
    if (verdict.verified) {
      const { expected, next } = verdict.spend
      return (await directory.spend(verdict.credential, expected, next, clock.now()))
        ? verdict
        : { verified: false, reason: 'replayed' }
    }
    if (verdict.burn)
      await directory.spend(
        verdict.burn.credential,
        verdict.burn.spend.expected,
        verdict.burn.spend.next,
        clock.now(),
      )
    return verdict
  }

  return {
    /** Begins the second step; where the account has no factor yet, with setting one up. */
    async begin(uid: string, who: Pick<SignIn, 'accountId' | 'clientId' | 'primary'>): Promise<SignIn> {
      const { factors: names, lockedAt } = await directory.standing(who.accountId)
      const stage = async (): Promise<Stage> => {
        if (lockedAt !== null) return { name: 'locked' }
        if (names.length === 0) return { name: 'enrolling', ...(await enrolment.first(who.accountId)) }
        const factor = factors.all.find(({ name }) => names.includes(name))
        // Never taken for an account without a factor: that would let a password alone set one up.
        if (!factor)
          throw new DuepassiError('not_configured', `none of the account's factors is registered: ${names}`)
        return { name: 'asking', factor: factor.name, question: await ask(who.accountId, factor) }
      }
      const signIn: SignIn = { ...who, proven: [], provenBy: null, stage: await stage() }
      await signIns.begin(uid, signIn)
      return signIn
    },

    async find(uid: string): Promise<SignIn | undefined> {
      return (await signIns.find(uid))?.signIn
    },

    /** Seconds until an answer to what is asked will be judged; 0: now. */
    async waiting({ accountId, stage }: SignIn): Promise<number> {
      return stage.name === 'asking' ? attempts.waiting(accountId, stage.factor) : 0
    },

    /** Factors the person could use instead of the one that is asked. */
    async others(signIn: SignIn): Promise<FactorName[]> {
      const { factors: names } = await directory.standing(signIn.accountId)
      const { stage } = signIn
      return factors.all
        .map(({ name }) => name)
        .filter((name) => names.includes(name) && !(stage.name === 'asking' && stage.factor === name))
    },

    answer: (uid: string, answer: string): Promise<Outcome> =>
      step(uid, async (stored) => {
        const { signIn } = stored
        const { accountId, clientId, stage } = signIn
        if (stage.name !== 'asking') return elsewhere(uid)
        const factor = factors.named(stage.factor)
        if (!factor.accepts(answer)) return { kind: 'refused', signIn, refusal: { reason: 'malformed' } }
        const reservation = await attempts.reserve(accountId, factor.name)
        if (reservation.kind === 'locked') return lock(uid, stored, factor.name, reservation.justNow)
        if (reservation.kind === 'wait') {
          const moved = await movedMeanwhile(uid, stored, 2)
          if (moved) return { kind: 'moved', signIn: moved }
          return { kind: 'refused', signIn, refusal: { reason: 'wait', seconds: reservation.seconds } }
        }
        const all = await directory.credentials(accountId)
        const own = all.filter((credential) => credential.factor === factor.name)
        const verdict = await judge(factor, answer, own, stored, reservation.failures)
        if (!verdict.verified) {
          const { reason, clockOffset } = verdict
          const moved = reason === 'replayed' ? await movedMeanwhile(uid, stored) : undefined
          if (moved) {
            // The same form sent twice: the other one was right, and has been settled.
            await attempts.giveBack(accountId, factor.name, reservation.failures)
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
            signIn,
            refusal: {
              reason,
              waitSeconds: reservation.waitIfWrong,
              ...(clockOffset !== undefined && { clockOffset }),
            },
          }
        }
        await attempts.settle(accountId, factor.name)
        const outcome = await move(uid, stored, {
          name: 'accepted',
          factor: factor.name,
          amr: factor.amr,
          credential: verdict.credential,
          ...(factor.selfEnrolled
            ? { issue: await enrolment.codesIfNone(accountId, all) }
            : { left: await enrolment.codesLeft(accountId) }),
        })
        await record('factor.accepted', { accountId, clientId, factor: factor.name })
        if (outcome.kind === 'moved' && outcome.signIn.stage.name === 'recovered')
          await parts.notify({ kind: 'recovery-code-used', accountId, left: outcome.signIn.stage.left })
        return outcome
      }),

    /** Asks another of the person's factors. No count is touched: counters belong to the authenticator. */
    switchTo: (uid: string, name: string): Promise<Outcome> =>
      step(uid, async (stored) => {
        const { accountId } = stored.signIn
        const factor = factors.get(name)
        const { factors: names } = await directory.standing(accountId)
        if (!factor || !names.includes(name)) return elsewhere(uid)
        return move(uid, stored, {
          name: 'switched',
          factor: factor.name,
          question: await ask(accountId, factor),
        })
      }),

    /** Sets a factor up anew after a recovery code; `replace` removes the lost ones once the new one is confirmed. */
    enrolAgain: (uid: string, { replace }: { replace: boolean }): Promise<Outcome> =>
      step(uid, async (stored) => {
        if (stored.signIn.stage.name !== 'recovered') return elsewhere(uid)
        return move(uid, stored, {
          name: 'enrolment-begun',
          enrolling: await enrolment.again(stored.signIn.accountId, replace),
        })
      }),

    /** Keeps the old factors after a recovery code. */
    continueAsIs: (uid: string): Promise<Outcome> =>
      step(uid, async (stored) =>
        (await enrolment.holds(stored.signIn)) ? move(uid, stored, { name: 'continued' }) : elsewhere(uid),
      ),

    confirm: (uid: string, answer: string, label: string): Promise<Outcome> =>
      step(uid, async (stored) => {
        const confirmed = await enrolment.confirm(stored.signIn, answer, label)
        if (confirmed.kind === 'superseded') {
          const moved = await movedMeanwhile(uid, stored)
          return moved ? { kind: 'moved', signIn: moved } : { kind: 'gone' }
        }
        if (confirmed.kind === 'refused')
          return { kind: 'refused', signIn: stored.signIn, refusal: confirmed.refusal }
        return move(uid, stored, confirmed.event)
      }),

    /** The person has saved the recovery codes: from now on they are valid. */
    codesSaved: (uid: string): Promise<Outcome> =>
      step(uid, async (stored) => {
        if (!(await enrolment.keepCodes(stored.signIn))) return elsewhere(uid)
        return move(uid, stored, { name: 'codes-saved' })
      }),

    giveUp: (uid: string): Promise<Outcome> =>
      step(uid, async (stored) => {
        const { accountId, clientId } = stored.signIn
        await record('signin.given-up', { accountId, clientId })
        return move(uid, stored, { name: 'given-up' })
      }),
  }
}
