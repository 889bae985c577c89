import type { IncomingMessage, ServerResponse } from 'node:http'
import type { InteractionResults } from 'oidc-provider'
import type { RecordEvent } from '../audit/trail.ts'
import type { Challenge } from '../challenge/challenge.ts'
import { type SignIn, unproven } from '../challenge/machine.ts'
import type { createPasskeySignIn, PasskeyOutcome } from '../challenge/passkey.ts'
import type { Proofs } from '../challenge/proof.ts'
import type { Clock } from '../clock.ts'
import type { Devices, Recognised } from '../context/devices.ts'
import type { Origin } from '../context/origin.ts'
import { lastWayIn } from '../interaction/last-way.ts'
import { secondFactorPath } from '../interaction/second-factor.ts'
import { finish, redirect, type Visit } from '../interaction/visit.ts'
import { addressOf } from '../pages/address.ts'
import { acrOf, type Ladder, levelProvenBy, oneFactor } from '../policy/acr.ts'
import { amrClaim, provesAnything, trustedDevice } from '../policy/amr.ts'
import { combineRules, type FactorRuleSet, noRules } from '../policy/factor-rules.ts'
import type { Decision } from '../policy/policy.ts'
import { rulesOfClient } from './facts.ts'
import type { Judge } from './judge.ts'
import type { Seen } from './proofs.ts'
import type { Answering } from './routes.ts'

interface EnteringParts {
  judge: Judge
  challenge: Challenge
  passkeys: ReturnType<typeof createPasskeySignIn>
  devices: Devices
  answering: Answering
  /** Whether answers to a factor are sent to the person. */
  isSent(factor: string): boolean
  ladder: Ladder
  /** What holds of each factor for everybody. */
  factors: FactorRuleSet
  clock: Clock
  record: RecordEvent
  /** Whether this browser is an authenticator of the account. */
  isHere(req: IncomingMessage, accountId: string): boolean
  /** Absent: nothing is offered. */
  offers?: { wasDismissed(accountId: string): Promise<boolean> } | undefined
  /** True for the first who says this name, on whichever node. */
  once(name: string): Promise<boolean>
}

/** Who typed the right password, or whatever a host asks first. */
export interface Primary {
  accountId: string
  /** RFC 8176 names of what was proven, `['pwd']` for a password. */
  amr: readonly string[]
  /** What the login page's field `device-proof` brought, where trusted devices are bound to a key. */
  device?: string | undefined
  /** Wrong answers in a row before this one, if they are counted. */
  failures?: number | undefined
}

/** How a sign-in begins, by password or passkey, and what it amounts to in the end. */
export const createEntering = (parts: EnteringParts) => {
  const { judge, challenge, devices, answering, ladder, clock, record } = parts

  /** The login that a finished sign-in amounts to; what does not meet the policy is an error, never a lesser login. */
  const resultOf = async (visit: Visit, signIn: SignIn): Promise<InteractionResults> => {
    const { interaction, metadata } = visit
    const { purpose, accountId, clientId, primary, proven, proofs, origin, factors } = signIn
    const amr = amrClaim(primary.amr, proven)
    const acr = acrOf(ladder, levelProvenBy(amr))
    const decision = await judge.proof(accountId, metadata, interaction.params, {
      acr,
      amr,
      proofs,
      at: primary.at,
      signals: origin?.signals,
    })
    if (decision.kind !== 'allowed' || purpose !== 'sign-in') return unmet
    // Not after a recovery code: whoever has found one must not be able to stay.
    const isWished =
      signIn.trust !== null && !factors.includes('recovery-code') && levelProvenBy(amr) > oneFactor
    const wish =
      isWished && signIn.trust && (await judge.mayTrust(accountId)) ? { ...signIn.trust, factors } : undefined
    const finished = record('signin.finished', { accountId, clientId })
    // However often the page is opened again: one proof makes one device.
    const isFirst = origin && (await parts.once(`dn:${visit.uid}`))
    const [noted] = await Promise.all([
      isFirst ? devices.note(visit.res, { accountId, clientId, origin }, wish) : undefined,
      finished,
    ])
    const device = noted ?? origin?.device?.id ?? null
    return loginOf({
      accountId,
      acr,
      amr,
      at: primary.at,
      proofs,
      seen: origin ? { sighting: origin.sighting, device } : undefined,
    })
  }

  const recordUnusual = async (
    { signals }: Origin,
    decision: Decision,
    who: { accountId: string; clientId: string },
  ): Promise<void> => {
    await Promise.all(signals.map(({ signal }) => record('signin.unusual', { ...who, reason: signal })))
    if (decision.kind === 'refused') await record('signin.refused', { ...who, reason: decision.because })
  }

  /**
   * A sign-in that a trusted device completes, if the policy lets it: its secret is spent first, so that of many requests
   * with one cookie one is let in by it.
   */
  const completeByDevice = async (
    visit: Visit,
    { accountId, amr, at }: { accountId: string; amr: readonly string[]; at: number },
    { origin, trusted }: Recognised,
  ): Promise<InteractionResults | undefined> => {
    if (!trusted) return undefined
    const { interaction, metadata } = visit
    const clientId = String(interaction.params['client_id'])
    // By the policy of today: a key that was given under another, and signed nothing now, proves nothing.
    const all = devices.trust.kind === 'bound' ? amrClaim(amr, ['pop', 'swk']) : amrClaim(amr)
    const acr = acrOf(ladder, levelProvenBy(all))
    const proofs: Proofs = { [trustedDevice]: { at, device: trusted.id } }
    const decision = await judge.proof(accountId, metadata, interaction.params, {
      acr,
      amr: all,
      proofs,
      at,
      trust: trusted.trust,
      signals: origin.signals,
    })
    if (decision.kind !== 'allowed') return undefined
    const device = await devices.note(visit.res, { accountId, clientId, origin })
    if (device === undefined) return undefined
    await record('signin.finished', { accountId, clientId, factor: trustedDevice })
    return loginOf({ accountId, acr, amr: all, at, proofs, seen: { sighting: origin.sighting, device } })
  }

  /** Somebody without a second factor is offered one, until they say that they do not want to be. */
  const mayOffer = async (accountId: string): Promise<boolean> =>
    parts.offers !== undefined && !(await parts.offers.wasDismissed(accountId))

  const enter = async (visit: Visit, { accountId, amr, device, failures }: Primary): Promise<void> => {
    const { interaction, metadata, uid, req, res } = visit
    const clientId = String(interaction.params['client_id'])
    const at = Math.floor(clock.now() / 1000)
    const primary = { amr, at }
    const recognised = await devices.recognise(req, accountId, {
      uid,
      ...(device !== undefined && { proof: device }),
      ...(failures !== undefined && { failures }),
    })
    const { origin } = recognised
    const acr = acrOf(ladder, levelProvenBy(amr))
    const decision = await judge.proof(accountId, metadata, interaction.params, {
      acr,
      amr,
      proofs: {},
      at,
      signals: origin.signals,
    })
    await recordUnusual(origin, decision, { accountId, clientId })
    const who = { accountId, clientId, primary, origin, rules: noRules }
    if (decision.kind === 'refused' && decision.because === 'unreachable') return finish(visit, unmet)
    if (decision.kind === 'refused' && decision.because === 'context') await challenge.turnAway(uid, who)
    else if (decision.kind === 'allowed') {
      if (await mayOffer(accountId)) {
        const rules = await judge.demands(accountId, metadata, decision)
        if (await challenge.offer(uid, { ...who, rules }))
          return redirect(res, secondFactorPath(addressOf(req)))
      }
      const done: SignIn = { purpose: 'sign-in', ...unproven, ...who, stage: { name: 'proven' } }
      return finish(visit, await resultOf(visit, done))
    } else {
      const completed =
        decision.kind === 'step-up' && (await completeByDevice(visit, { accountId, amr, at }, recognised))
      if (completed) return finish(visit, completed)
      const rules = await judge.demands(accountId, metadata, decision)
      const { stage } = await challenge.begin(uid, { ...who, rules }, lastWayIn(req))
      // Who has nothing better waits for a message: it is on its way when the page is there.
      if (stage.name === 'asking' && parts.isSent(stage.factor))
        await challenge.send(uid, { here: parts.isHere(req, accountId) })
    }
    redirect(res, secondFactorPath(addressOf(req)))
  }

  return {
    resultOf,

    /**
     * To be called by the host's login handler once the password is right; it answers the request.
     */
    async primarySucceeded(req: IncomingMessage, res: ServerResponse, who: Primary): Promise<void> {
      if (!provesAnything(who.amr))
        throw new TypeError('amr must name what was proven, by RFC 8176: ["pwd"] for a password')
      return answering(req, res, (visit) => enter(visit, who))
    },

    /**
     * What a host's login page needs to offer passkeys: the options for `navigator.credentials.get`, and a question that
     * goes back with the answer. Undefined where no factor is a passkey, or the relying party does not take any.
     */
    async passkeyQuestion(
      uid: string,
      client: object | undefined,
    ): ReturnType<EnteringParts['passkeys']['question']> {
      const { forbidden } = combineRules(parts.factors, rulesOfClient(client))
      return forbidden.includes('webauthn') ? undefined : parts.passkeys.question(uid)
    },

    /**
     * To be called by the host's login handler with what the browser answered; where it is right the request is answered,
     * otherwise the host shows its login page again. `mayEnter`: whether the account exists and may sign in.
     */
    async signInWithPasskey(
      req: IncomingMessage,
      res: ServerResponse,
      answer: {
        response: string
        question: string
        mayEnter(accountId: string): Promise<boolean>
      },
    ): Promise<Extract<PasskeyOutcome, { kind: 'refused' }> | { kind: 'answered' }> {
      let outcome: PasskeyOutcome | undefined
      await answering(req, res, async (visit) => {
        const { interaction, metadata, uid } = visit
        let isUnreachable = false
        const clientId = String(interaction.params['client_id'])
        outcome = await parts.passkeys.signIn(uid, {
          clientId,
          response: answer.response,
          question: answer.question,
          async rulesOf(accountId) {
            if (!(await answer.mayEnter(accountId))) return undefined
            const { origin } = await devices.recognise(req, accountId, { uid })
            const nothing = { acr: undefined, amr: [], proofs: {}, signals: origin.signals }
            const decision = await judge.proof(accountId, metadata, interaction.params, nothing)
            await recordUnusual(origin, decision, { accountId, clientId })
            if (decision.kind === 'refused' && decision.because === 'context') return 'turned-away'
            isUnreachable = decision.kind === 'refused' && decision.because === 'unreachable'
            if (isUnreachable) return undefined
            return { rules: await judge.demands(accountId, metadata, decision), origin }
          },
        })
        if (isUnreachable) {
          outcome = undefined
          return finish(visit, unmet)
        }
        if (outcome.kind === 'signed-in') redirect(res, secondFactorPath(addressOf(req)))
      })
      return outcome?.kind === 'refused' ? outcome : { kind: 'answered' }
    },
  }
}

const loginOf = ({
  accountId,
  acr,
  amr,
  at,
  proofs,
  seen,
}: {
  accountId: string
  acr: string
  amr: readonly string[]
  at: number
  proofs: Proofs
  seen: Seen | undefined
}): InteractionResults => ({
  login: { accountId, acr, amr: [...amr], ts: at },
  second_factor: { proofs, ...(seen && { seen }) },
})

const unmet: InteractionResults = {
  error: 'unmet_authentication_requirements',
  error_description: 'the requested authentication cannot be reached',
}
