import { setTimeout as pause } from 'node:timers/promises'
import type { Attempts } from '../attempts/attempts.ts'
import type { Clock } from '../clock.ts'
import type { Credential } from '../directory/directory.ts'
import type { Factor, FactorContext, RemoteRequest, RequestFacts } from '../factors/factor.ts'
import type { ChallengeParts, Outcome, Refusal } from './challenge.ts'
import { advance, isOver, type SignIn } from './machine.ts'
import type { MissedRequests } from './missed-requests.ts'
import type { PendingRequests } from './pending-requests.ts'
import type { RequestCounts, RequestLimits } from './request-limits.ts'
import type { Stored } from './sign-ins.ts'
import type { Steps } from './steps.ts'

export interface RequestParts {
  counts: RequestCounts
  pending: PendingRequests
  missed: MissedRequests
  limits: Pick<RequestLimits, 'silenceAfterReport'>
  /** The relying party, as people know it. */
  appOf(clientId: string | null): Promise<RequestFacts['app']>
  /**
   * Told when somebody says that a sign-in was not theirs: what the host does about it. `isLate`: nobody had answered in time,
   * and whatever has become of that sign-in since is not theirs either.
   */
  reported?(uid: string, signIn: Reported, isLate: boolean): Promise<void>
}

interface Parts extends Pick<ChallengeParts, 'directory' | 'factors' | 'signIns' | 'record' | 'notify'> {
  attempts: Attempts
  clock: Clock
  requests: RequestParts | undefined
  contextFor(accountId: string): Promise<FactorContext>
  steps: Steps
}

export type Reported = Pick<SignIn, 'accountId' | 'clientId'>

/** How devices are asked. */
export interface Asking {
  /** The browser that shows the question can answer it, so nobody else is told. */
  here?: boolean
  bindingMessage?: string
  /** In which it can be answered; the factor's own when absent. */
  seconds?: number
}

const mostRaces = 10

/** Milliseconds that a page waits until the devices are told; whoever carries it goes on by itself. */
const patience = 3_000

export type Requests = ReturnType<typeof createRequests>

/** Questions to a person's other devices. The order is: count → keep the question, by compare-and-set → tell → audit. */
export const createRequests = (parts: Parts) => {
  const { directory, factors, signIns, attempts, record, clock, requests, contextFor } = parts
  const { step, elsewhere, move } = parts.steps

  const refused = (signIn: SignIn, refusal: Refusal): Outcome => ({ kind: 'refused', signIn, refusal })
  const ownOf = async (accountId: string, factor: Factor): Promise<Credential[]> =>
    (await directory.credentials(accountId)).filter((one) => one.factor === factor.name)

  const isPast = ({ expiresAt }: RemoteRequest): boolean => expiresAt <= clock.now()

  /** The factor that is asked, where it is answered on another device. */
  const asked = ({ stage }: SignIn) => {
    const factor = stage.name === 'asking' ? factors.named(stage.factor) : undefined
    return stage.name === 'asking' && factor?.remote
      ? { factor, remote: factor.remote, question: stage.question }
      : undefined
  }

  /** Seconds until this account's devices may be asked again, for whatever reason. */
  const waiting = async (accountId: string, factor: Factor): Promise<number> =>
    Math.max(
      await attempts.waiting(accountId, factor.name),
      factor.remote && requests ? await requests.counts.waiting(accountId) : 0,
    )

  const silence = async (accountId: string, factor: Factor): Promise<void> => {
    const until = clock.now() + (requests?.limits.silenceAfterReport ?? 0) * 1000
    await directory.changeAttempts(accountId, factor.name, (state) => ({
      ...state,
      waitUntil: Math.max(state.waitUntil, until),
    }))
  }

  /** A device that is gone. Telling it takes a while, in which it may have answered, or said where it is told now. */
  const forget = async (
    accountId: string,
    before: readonly Credential[],
    id: string,
    secret: string,
  ): Promise<void> => {
    const now = (await directory.credentials(accountId)).find((one) => one.id === id)
    if (now && now.secret === before.find((one) => one.id === id)?.secret)
      await directory.changeCredential(accountId, id, { secret })
  }

  /** What protects the person comes first, and does no harm twice: a report that fails half-way is made again. */
  const protect = async (
    uid: string,
    signIn: Reported,
    { factor, isLate }: { factor: Factor; isLate: boolean },
  ): Promise<void> => {
    await silence(signIn.accountId, factor)
    // Whoever knows the password may have been in this person's browser too.
    await directory.endTrust(signIn.accountId)
    await requests?.reported?.(uid, signIn, isLate)
  }

  /** What was refused is written down, once, and asked no more. */
  const close = async (
    uid: string,
    { accountId, clientId }: Reported,
    { factor, how, late }: { factor: Factor; how: 'denied' | 'reported'; late: boolean },
  ): Promise<void> => {
    await record(how === 'reported' ? 'request.reported' : 'request.denied', {
      accountId,
      clientId,
      factor: factor.name,
    })
    if (how === 'reported') await parts.notify({ kind: 'signin-reported', accountId, late })
    await requests?.pending.end(accountId, uid)
    await requests?.counts.refused(accountId)
  }

  /** Whatever is changed meanwhile, by an answer of another device or by the page, as long as it is not over. */
  const endReported = async (uid: string, stored: Stored): Promise<Outcome> => {
    for (let race = 0, now: Stored | undefined = stored; now && race < mostRaces; race++) {
      const outcome = await move(uid, now, { name: 'reported' })
      if (outcome.kind !== 'refused' || isOver(outcome.signIn.stage)) return outcome
      now = await signIns.find(uid)
    }
    return elsewhere(uid)
  }

  return {
    waiting,

    /** Asks the person's devices, in the place of what was asked before. */
    ask: (uid: string, { here = false, bindingMessage, seconds: life }: Asking = {}) =>
      step(uid, async (stored): Promise<Outcome> => {
        const { signIn } = stored
        const { accountId, clientId, origin, purpose } = signIn
        const asking = asked(signIn)
        if (!asking || !requests) return elsewhere(uid)
        const { factor, remote } = asking
        const own = await ownOf(accountId, factor)
        const asks = remote.ask(
          asking.question,
          own,
          {
            kind: purpose === 'backchannel' ? 'backchannel' : 'sign-in',
            app: await requests.appOf(clientId),
            sighting: origin?.sighting ?? null,
            bindingMessage,
            seconds: life,
          },
          await contextFor(accountId),
        )
        // What nobody was told of has cost nobody's patience.
        const { sends, resendAt = 0 } = asking.question
        const question = asks && (here ? { ...asks, sends, resendAt } : asks)
        const request = question && remote.show(question, clock.now())
        if (!question || !request) return refused(signIn, { reason: 'unsent' })
        const seconds = here
          ? await attempts.waiting(accountId, factor.name)
          : (await attempts.waiting(accountId, factor.name)) || (await requests.counts.reserve(accountId))
        if (seconds > 0) return refused(signIn, { reason: 'pause', seconds })
        const next = advance(signIn, { name: 'asked', factor: factor.name, question })
        if (!next || !(await signIns.replace(uid, stored, next))) return elsewhere(uid)
        if (here) return { kind: 'moved', signIn: next }
        const { id, expiresAt } = request
        await Promise.all([
          requests.pending.put(accountId, { id, uid, expiresAt, seen: false, reached: null }),
          requests.missed.put({
            uid,
            signIn: { accountId, clientId },
            factor: factor.name,
            question,
            request,
          }),
        ])
        const telling = remote.tell(question, own).then(async ({ reached, changed }) => {
          await requests.pending.note(accountId, id, { reached })
          for (const { credential, secret } of changed) await forget(accountId, own, credential, secret)
        })
        // The request is there for whoever opens the app, however this goes.
        await Promise.race([telling.catch(() => undefined), pause(patience, undefined, { ref: false })])
        await record('request.sent', { accountId, clientId, factor: factor.name })
        return { kind: 'moved', signIn: next }
      }),

    /** A device refuses what it is asked. Whatever it says, nobody is let in by it, so nothing is counted as an attempt. */
    decline: (uid: string, answer: string): Promise<Outcome> =>
      step(uid, async (stored) => {
        const { signIn } = stored
        const { accountId } = signIn
        const asking = asked(signIn)
        if (!asking || !requests) return elsewhere(uid)
        const { factor, remote, question } = asking
        const own = await ownOf(accountId, factor)
        const how = await remote.readRefusal(answer, question, own, await contextFor(accountId))
        if (!how) return refused(signIn, { reason: 'malformed' })
        if (how === 'reported') {
          await protect(uid, signIn, { factor, isLate: false })
          // Said in time: whoever says it again, at the same moment, does not say it late.
          await requests.missed.end(accountId, uid)
        }
        const outcome =
          how === 'reported'
            ? await endReported(uid, stored)
            : await move(uid, stored, {
                name: 'asked',
                factor: factor.name,
                question: remote.end(question, how),
              })
        // A report has done what it does, even where the page was faster; of many, one is written down.
        const isTwin = outcome.kind === 'refused' && outcome.signIn.stage.name === 'reported'
        if (outcome.kind !== 'moved' && (how !== 'reported' || isTwin)) return outcome
        await close(uid, signIn, { factor, how, late: false })
        await requests.missed.end(accountId, uid)
        return outcome
      }),

    /** Requests that nobody has answered in time, the newest first. */
    async missed(accountId: string): Promise<RemoteRequest[]> {
      const all = (await requests?.missed.all(accountId)) ?? []
      return all.map(({ request }) => request).filter(isPast)
    },

    /**
     * A device says of a request that waits no more that it was somebody else, or, by a denial, that it was the person after
     * all: then it is asked no more, and nothing happens. Undefined: it is none that nobody answered, or this was not said by a
     * device of this account.
     */
    async declineLate(
      accountId: string,
      id: string,
      answer: string,
    ): Promise<{ how: 'denied' | 'reported'; uid: string } | undefined> {
      const all = (await requests?.missed.all(accountId)) ?? []
      const found = all.find(({ request }) => request.id === id)
      const factor = found && factors.named(found.factor)
      if (!requests || !found || !factor?.remote) return undefined
      const { uid, signIn, question } = found
      const own = await ownOf(accountId, factor)
      const how = await factor.remote.readRefusal(answer, question, own, await contextFor(accountId))
      // What is being judged this moment is not denied besides.
      if (!how || (how === 'denied' && !isPast(found.request))) return undefined
      if (how === 'reported') {
        // It may have gone on another way; where it is over, what came of it is the host's to end.
        const stored = await signIns.find(uid)
        if (stored && !isOver(stored.signIn.stage)) await endReported(uid, stored)
        await protect(uid, signIn, { factor, isLate: true })
      }
      const isFirst = await requests.missed.end(accountId, uid)
      if (how === 'reported' && isFirst) await close(uid, signIn, { factor, how, late: true })
      return { how, uid }
    },

    /** The request that was judged is over, whatever came of it. */
    async settle(
      uid: string,
      { accountId, stage }: SignIn,
      factor: Factor,
      verified: boolean,
    ): Promise<void> {
      if (!factor.remote || !requests) return
      await requests.pending.end(accountId, uid)
      // A wrong answer answers what was asked last, and nothing that others could not answer in time.
      const id = verified || stage.name !== 'asking' ? undefined : (stage.question['id'] ?? null)
      await requests.missed.end(accountId, uid, id)
      if (verified) await requests.counts.approved(accountId)
    },
  }
}
