import { createHash } from 'node:crypto'
import type { Attempts } from '../attempts/attempts.ts'
import type { Origin } from '../context/origin.ts'
import type { Sealer } from '../crypto/sealing.ts'
import { markOf } from '../directory/mark.ts'
import type { Question, Rejection } from '../factors/factor.ts'
import type { FactorRules } from '../policy/factor-rules.ts'
import type { Store } from '../stores/store.ts'
import { type ChallengeParts, createContexts } from './challenge.ts'
import { createEnrolment } from './enrolment.ts'
import { createJudging } from './judging.ts'
import { advance, type SignIn, unproven } from './machine.ts'
import { createNext } from './next.ts'

export interface PasskeyParts extends ChallengeParts {
  store: Store
  sealer: Sealer
  /** Short-lived, and without a lock: whoever knows the id of somebody's passkey must not be able to lock them out. */
  passingAttempts: Attempts
}

/**
 * `unknown`: nobody's passkey, as far as we know. `expired`: the page was open for too long, or was sent already.
 * `forbidden`: passkeys count for nothing here. `turned-away`: nobody may sign in from there.
 */
export type PasskeyRefusal = Rejection | 'unknown' | 'expired' | 'forbidden' | 'turned-away' | 'wait'

export type PasskeyOutcome =
  | { kind: 'signed-in'; signIn: SignIn }
  | { kind: 'refused'; reason: PasskeyRefusal; waitSeconds?: number; credentialId?: string }

/** Seconds for which a page may offer a passkey: the browser shows it for as long as the page is open. */
const questionSeconds = 900

/** What attempts at passkeys are counted under. */
const authenticator = 'passkey'

/** Sign-in by a passkey alone: who is there, and two factors, in one answer. */
export const createPasskeySignIn = (parts: PasskeyParts) => {
  const { directory, factors, signIns, store, sealer, clock, record, passingAttempts: attempts } = parts
  const contextFor = createContexts(parts)
  const judge = createJudging({ directory, clock, record, contextFor })
  const next = createNext(parts, createEnrolment(parts, contextFor), contextFor)
  const factor = factors.all.find(({ passkey }) => passkey !== undefined)
  const passkey = factor?.passkey

  return {
    /**
     * What a page needs to offer passkeys, or undefined where there are none. The question goes into the page sealed and
     * bound to the interaction, and so to this browser; nothing is stored until somebody answers.
     */
    async question(uid: string): Promise<{ options: Record<string, unknown>; question: string } | undefined> {
      if (!passkey) return undefined
      const asked = await passkey.begin({
        now: clock.now(),
        random: parts.random,
        issuerName: parts.issuerName,
        accountName: '',
      })
      const until = clock.now() + questionSeconds * 1000
      return {
        options: asked['options'] as Record<string, unknown>,
        question: sealer.seal(JSON.stringify({ asked, until }), `passkey:${uid}`),
      }
    },

    /**
     * The same order as everywhere: the question is taken (once), the attempt reserved, the answer verified, the credential
     * spent, the attempt settled, the sign-in begun where the proof leads, and audited.
     */
    async signIn(
      uid: string,
      given: {
        clientId: string
        response: string
        question: string
        /**
         * What the account has to prove at this relying party, and from where it comes; undefined for an account that may not
         * sign in, `turned-away` where it may not from there.
         */
        rulesOf(
          accountId: string,
        ): Promise<{ rules: FactorRules; origin: Origin } | 'turned-away' | undefined>
      },
    ): Promise<PasskeyOutcome> {
      const { clientId, response } = given
      if (!factor || !passkey) return refused('unknown')
      const asked = openQuestion(sealer, given.question, uid, clock.now())
      if (!asked) return refused('expired')
      const handle = factor.accepts(response) ? passkey.handleOf(response) : undefined
      if (handle === undefined) return refused('malformed')
      const credential = await directory.credentialByHandle(factor.name, handle)
      if (!credential) return { ...refused('unknown'), credentialId: handle }
      const { accountId } = credential
      if (!(await store.add(asked.spentKey, '1', questionSeconds))) return refused('expired')
      const reservation = await attempts.reserve(accountId, authenticator)
      if (reservation.kind !== 'judge')
        return { ...refused('wait'), waitSeconds: reservation.kind === 'wait' ? reservation.seconds : 60 }
      const { failures } = reservation
      const verdict = await judge({
        accountId,
        clientId,
        factor,
        answer: response,
        question: asked.question,
        credentials: [credential],
        attempts,
        authenticator,
        failures,
      })
      if (!verdict.verified) {
        await record('factor.refused', { accountId, clientId, factor: factor.name, reason: verdict.reason })
        return refused(verdict.reason)
      }
      await attempts.settle(accountId, authenticator)
      const judged = await given.rulesOf(accountId)
      if (judged === 'turned-away') return refused('turned-away')
      if (!judged) {
        await record('factor.refused', { accountId, clientId, factor: factor.name, reason: 'account' })
        return refused('unknown')
      }
      const { rules, origin } = judged
      // It would be all that stands in the place of the password, and it counts for nothing here.
      if (rules.forbidden.includes(factor.name)) return refused('forbidden')
      const { lockedAt } = await directory.standing(accountId)
      const begun: SignIn = {
        purpose: 'sign-in',
        accountId,
        clientId,
        primary: { amr: [], at: Math.floor(clock.now() / 1000) },
        rules,
        ...unproven,
        origin,
        stage: { name: 'asking', factor: factor.name, question: asked.question },
      }
      const signIn = advance(
        begun,
        lockedAt === null
          ? {
              name: 'accepted',
              factor: factor.name,
              amr: verdict.amr,
              credential: markOf(credential),
              proof: { at: begun.primary.at, by: markOf(credential), ...verdict.assurance },
              next: await next.afterAnswer(
                begun,
                factor,
                markOf(credential),
                await directory.credentials(accountId),
              ),
            }
          : { name: 'locked' },
      ) as SignIn
      await signIns.begin(uid, signIn)
      await record('factor.accepted', { accountId, clientId, factor: factor.name })
      return { kind: 'signed-in', signIn }
    },
  }
}

const refused = (reason: PasskeyRefusal) => ({ kind: 'refused', reason }) as const

/** Undefined for a question that is not ours, not of this interaction, or too old. */
const openQuestion = (
  sealer: Sealer,
  sealed: string,
  uid: string,
  now: number,
): { question: Question; spentKey: string } | undefined => {
  try {
    const plain = sealer.open(sealed, `passkey:${uid}`)
    const { asked, until } = JSON.parse(plain) as { asked: Question; until: number }
    // Of what was sealed, not of the sealed text: base64url can be written in more than one way.
    const spentKey = `pq:${createHash('sha256').update(plain).digest('base64url')}`
    return now < until ? { question: asked, spentKey } : undefined
  } catch {
    return undefined
  }
}
