import type { TrustWish } from '../context/devices.ts'
import type { Credential } from '../directory/directory.ts'
import { markOf } from '../directory/mark.ts'
import type { Factor, FactorContext, FactorName, Question } from '../factors/factor.ts'
import { isWeak } from '../policy/amr.ts'
import type { ChallengeParts, Outcome } from './challenge.ts'
import { createJudging } from './judging.ts'
import { advance, type SignIn, type Stage } from './machine.ts'
import type { Requests } from './requests.ts'
import { createRetirement } from './retirement.ts'
import type { Stored } from './sign-ins.ts'
import type { Steps } from './steps.ts'

interface AnswerParts extends Omit<ChallengeParts, 'requests'> {
  steps: Steps
  requests: Requests
  ask(accountId: string, factor: Factor): Promise<Extract<Stage, { name: 'asking' }>>
  afterAnswer(signIn: SignIn, factor: Factor, provenBy: string, all: readonly Credential[]): Promise<Stage>
  contextFor(accountId: string): Promise<FactorContext>
}

/**
 * The one place where answers are judged, those that come from another device too. The order is: reserve the attempt →
 * verify → spend the secret → settle the attempt → advance → audit. `trust`: the person wants not to be asked again in this
 * browser.
 */
export const createAnswer = (parts: AnswerParts) => {
  const { directory, signIns, attempts, factors, clock, record, requests, ask, afterAnswer, contextFor } =
    parts
  const { move, elsewhere, step, movedMeanwhile } = parts.steps
  const judge = createJudging({ directory, clock, record, contextFor })
  const retire = createRetirement(parts)

  const lock = async (
    uid: string,
    stored: Stored,
    factor: FactorName,
    justNow: boolean,
  ): Promise<Outcome> => {
    const { accountId, clientId } = stored.signIn
    // Whoever causes a lock is not the person, or needs help: either way no browser vouches for them now, and no session. Each
    // time anew: when it came to the lock a store may have been down.
    await directory.endTrust(accountId)
    if (justNow) await record('factor.locked', { accountId, clientId, factor })
    await parts.locked?.(uid, stored.signIn)
    if (justNow) await parts.notify({ kind: 'second-factor-locked', accountId })
    return move(uid, stored, { name: 'locked' })
  }

  /** Takes the question out of the sign-in, by compare-and-set, and leaves a new one in its place. */
  const takeQuestion = async (
    uid: string,
    stored: Stored,
    { factor, question }: { factor: Factor; question: Question },
  ): Promise<Stored | undefined> => {
    const left = factor.remote
      ? factor.remote.end(question, 'judging')
      : (await ask(stored.signIn.accountId, factor)).question
    const next = advance(stored.signIn, { name: 'asked', factor: factor.name, question: left })
    return next && signIns.replace(uid, stored, next)
  }

  /** The page on the computer says what became of a request that was answered elsewhere. */
  const endRequest = async (uid: string, stored: Stored, factor: Factor): Promise<Stored> => {
    const { stage } = stored.signIn
    if (stage.name !== 'asking' || !factor.remote) return stored
    const question = factor.remote.end(stage.question, 'wrong')
    const next = advance(stored.signIn, { name: 'asked', factor: factor.name, question })
    return (next && (await signIns.replace(uid, stored, next))) ?? stored
  }

  /** The question as it was before it was taken. */
  const putBack = async (uid: string, stored: Stored, { signIn: { stage } }: Stored): Promise<void> => {
    const next = stage.name === 'asking' && advance(stored.signIn, { ...stage, name: 'asked' })
    if (next) await signIns.replace(uid, stored, next)
  }

  return (uid: string, answer: string, trust?: TrustWish): Promise<Outcome> =>
    step(uid, async (found) => {
      const { signIn } = found
      const { accountId, clientId, stage } = signIn
      if (stage.name !== 'asking') return elsewhere(uid)
      const factor = factors.named(stage.factor)
      if (!factor.accepts(answer)) return { kind: 'refused', signIn, refusal: { reason: 'malformed' } }
      const isAnswer = factor.isAnswerTo?.(answer, stage.question)
      const isStale = isAnswer === false
      const stored = isAnswer ? await takeQuestion(uid, found, { factor, question: stage.question }) : found
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
        // Nobody has judged it: the device may answer once the time is over.
        if (isAnswer && factor.remote) await putBack(uid, stored, found)
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
        // Too late is not wrong. Guesses gain nothing: what has expired is not looked at.
        const isLate = factor.remote !== undefined && reason === 'expired'
        if (isLate) await attempts.giveBack(accountId, factor.name, failures)
        const left = isAnswer ? await endRequest(uid, stored, factor) : stored
        if (isAnswer && !isLate) await requests.settle(uid, signIn, factor, false)
        await record(reason === 'replayed' ? 'code.reused' : 'factor.refused', {
          accountId,
          clientId,
          factor: factor.name,
          reason,
        })
        return {
          kind: 'refused',
          signIn: left.signIn,
          refusal: {
            reason,
            waitSeconds: isLate ? 0 : reservation.waitIfWrong,
            ...(clockOffset !== undefined && { clockOffset }),
          },
        }
      }
      await attempts.settle(accountId, factor.name)
      await requests.settle(uid, signIn, factor, true)
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
    })
}
