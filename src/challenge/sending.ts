import { setTimeout as pause } from 'node:timers/promises'
import type { Attempts } from '../attempts/attempts.ts'
import type { Credential } from '../directory/directory.ts'
import type { CodeMessage, Factor, FactorContext } from '../factors/factor.ts'
import type { ChallengeParts, Outcome, Refusal } from './challenge.ts'
import { advance, type SignIn } from './machine.ts'
import type { MessageCounts } from './message-limits.ts'
import type { Stored } from './sign-ins.ts'

export interface MessageParts {
  counts: MessageCounts
  /** Short-lived: wrong codes of somebody who sets a number up. They wait, and are never locked. */
  enrolmentAttempts: Attempts
}

interface SendingParts extends Pick<ChallengeParts, 'directory' | 'factors' | 'signIns' | 'record'> {
  messages: MessageParts | undefined
  contextFor(accountId: string): Promise<FactorContext>
  step(uid: string, run: (stored: Stored) => Promise<Outcome>): Promise<Outcome>
  elsewhere(uid: string): Promise<Outcome>
}

/** Milliseconds that a page waits for a message to be handed over; a delivery that takes longer goes on by itself. */
const patience = 3_000

/** Codes that are sent. The order is: count → keep the question, by compare-and-set → send → audit. */
export const createSending = (parts: SendingParts) => {
  const { directory, factors, signIns, record, messages, contextFor, step, elsewhere } = parts

  const refused = (signIn: SignIn, refusal: Refusal): Outcome => ({ kind: 'refused', signIn, refusal })

  const ownOf = async (accountId: string, factor: Factor) =>
    (await directory.credentials(accountId)).filter((one) => one.factor === factor.name)

  const handOver = async (factor: Factor, signIn: SignIn, message: CodeMessage): Promise<Outcome> => {
    const { accountId, clientId } = signIn
    const sending = Promise.resolve(factor.message?.send(accountId, message)).then(
      () => 'sent' as const,
      () => 'failed' as const,
    )
    const outcome = await Promise.race([sending, pause(patience, 'sent' as const, { ref: false })])
    const type = outcome === 'sent' ? 'message.sent' : 'message.failed'
    await record(type, { accountId, clientId, factor: factor.name })
    return outcome === 'sent' ? { kind: 'moved', signIn } : refused(signIn, { reason: 'undelivered' })
  }

  /** Asks anew, as if nothing had been sent. */
  const forget = async (
    uid: string,
    kept: Stored,
    factor: Factor,
    own: readonly Credential[],
  ): Promise<void> => {
    const question = await factor.begin(own, await contextFor(kept.signIn.accountId))
    const next = advance(kept.signIn, { name: 'asked', factor: factor.name, question })
    if (next) await signIns.replace(uid, kept, next)
  }

  const count = async ({ accountId, origin }: SignIn, { to }: CodeMessage): Promise<number> =>
    messages?.counts.reserve({ accountId, to, address: origin?.sighting.address ?? null }) ?? 0

  return {
    /** Sends the code that is asked for, in the place of the one before. Nothing that was counted as wrong is forgotten. */
    send: (uid: string): Promise<Outcome> =>
      step(uid, async (stored) => {
        const { signIn } = stored
        const { stage, accountId } = signIn
        const factor = stage.name === 'asking' ? factors.named(stage.factor) : undefined
        if (stage.name !== 'asking' || !factor?.message) return elsewhere(uid)
        const own = await ownOf(accountId, factor)
        const renewed = await factor.message.renew(stage.question, own, await contextFor(accountId))
        if (!renewed) return elsewhere(uid)
        const seconds = await count(signIn, renewed.message)
        if (seconds > 0) return refused(signIn, { reason: 'pause', seconds })
        const next = advance(signIn, {
          name: 'asked',
          factor: factor.name,
          question: renewed.question,
        })
        const kept = next && (await signIns.replace(uid, stored, next))
        if (!kept) return elsewhere(uid)
        const outcome = await handOver(factor, kept.signIn, renewed.message)
        // Whoever opens the page again, or for the first time, is not told that a code is on its way.
        if (outcome.kind === 'refused') await forget(uid, kept, factor, own)
        return outcome
      }),

    /** Where the codes of a new factor are to go; without an address, once more to the same. */
    provideAddress: (uid: string, typed: string): Promise<Outcome> =>
      step(uid, async (stored) => {
        const { signIn } = stored
        const { stage, accountId } = signIn
        const factor = stage.name === 'enrolling' ? factors.named(stage.factor) : undefined
        if (stage.name !== 'enrolling' || !factor?.message) return elsewhere(uid)
        const context = await contextFor(accountId)
        // What the new one takes the place of is lost, and does not stand in its way.
        const own = (await ownOf(accountId, factor)).filter(({ id }) => !stage.replaces.includes(id))
        const addressed = await factor.message.address(typed, stage.draft, own, context)
        if ('refused' in addressed) return refused(signIn, { reason: addressed.refused })
        const { draft, message } = addressed
        const waiting = await messages?.counts.enrolmentWait(message.to)
        const seconds = waiting || (await count(signIn, message))
        if (seconds > 0) return refused(signIn, { reason: 'pause', seconds })
        await messages?.counts.beginEnrolment(message.to)
        const next = advance(signIn, { name: 'draft-changed', draft, to: message.to })
        if (!next || !(await signIns.replace(uid, stored, next))) return elsewhere(uid)
        return handOver(factor, next, message)
      }),

    /** Counts the code that confirms a number or a token, before it is judged; undefined where it is judged. */
    async reserveEnrolment({ accountId, stage }: SignIn, answer: string): Promise<Refusal | undefined> {
      if (stage.name !== 'enrolling' || !factors.named(stage.factor).enrolment.counted) return undefined
      if (stage.to !== undefined && !factors.named(stage.factor).accepts(answer))
        return { reason: 'malformed' }
      const reservation = await messages?.enrolmentAttempts.reserve(accountId, `enrol-${stage.factor}`)
      if (!reservation || reservation.kind === 'judge') return undefined
      return { reason: 'wait', seconds: reservation.kind === 'wait' ? reservation.seconds : 900 }
    },

    async settleEnrolment({ accountId, stage }: SignIn): Promise<void> {
      if (stage.name !== 'enrolling' || !factors.named(stage.factor).enrolment.counted) return
      await messages?.enrolmentAttempts.settle(accountId, `enrol-${stage.factor}`)
      if (stage.to !== undefined) await messages?.counts.endEnrolment(stage.to)
    },
  }
}
