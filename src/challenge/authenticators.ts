import { createHash } from 'node:crypto'
import type { Attempts } from '../attempts/attempts.ts'
import type { RecordEvent } from '../audit/trail.ts'
import type { Clock } from '../clock.ts'
import { accountTag } from '../context/device-cookie.ts'
import type { Credential, SecondFactorDirectory } from '../directory/directory.ts'
import type { FactorContext, FactorName, Rejection, RemoteRequest } from '../factors/factor.ts'
import { readEvidence } from '../factors/push/decision.ts'
import { type DeviceKey, readDevice, writeDevice } from '../factors/push/device.ts'
import { proofSeconds, readDeviceProof } from '../factors/push/device-proof.ts'
import { candidateOf } from '../factors/push/draft.ts'
import { deviceName, invitationName } from '../factors/push/invitation.ts'
import type { Factors } from '../factors/registry.ts'
import { type FactorRules, mayBeLeftWith } from '../policy/factor-rules.ts'
import type { Store } from '../stores/store.ts'
import type { Challenge, Notice, Outcome } from './challenge.ts'
import type { PendingRequests } from './pending-requests.ts'
import type { SignIns } from './sign-ins.ts'

interface Parts {
  directory: SecondFactorDirectory
  store: Store
  signIns: SignIns
  pending: PendingRequests
  factors: Factors
  challenge: Challenge
  clock: Clock
  record: RecordEvent
  notify(notice: Notice): Promise<void>
  contextFor(accountId: string): Promise<FactorContext>
  /** What the policy says of an account's factors, apart from any relying party. */
  rulesOf(accountId: string): Promise<FactorRules>
  /** Short-lived: guesses of invitations, by address. */
  guesses: Attempts
  issuer(): string
  /** Told when a device has answered, for whoever began the sign-in without a browser. */
  answered(uid: string, outcome: Outcome): Promise<void>
}

/** A phone that has proven which it is: one that an account has, or one that is being set up. */
export type Device = { accountId: string; thumbprint: string } & (
  | { kind: 'active'; credential: Credential }
  | { kind: 'candidate'; uid: string }
)

export type Decided =
  | { kind: 'decided'; outcome: 'approved' | 'denied' | 'reported' }
  | { kind: 'refused'; reason: Rejection }
  | { kind: 'wait'; seconds: number }
  | { kind: 'locked' }
  | { kind: 'gone' }

export type Authenticators = ReturnType<typeof createAuthenticators>

/** What phones ask and answer. Whatever they say is judged by `challenge.ts`, like every other answer. */
export const createAuthenticators = (parts: Parts) => {
  const { directory, store, signIns, pending, factors, challenge, clock } = parts
  const delivery = factors.get('push')?.remote?.delivery

  /** The enrolment that an invitation is for. Knowing one is no guess, and makes up for none. */
  const invitedBy = async (token: string, address: string | null) => {
    const guesser = address ?? 'unknown'
    // Nobody guesses 256 bits; only what is typed can be, and a whole office may share an address.
    const isTyped = token.length !== 43
    const guess = isTyped ? await parts.guesses.reserve(guesser, 'invitation') : undefined
    if (guess && guess.kind !== 'judge') return { wait: guess.kind === 'wait' ? guess.seconds : 900 } as const
    const name = invitationName(token)
    const uid = name && (await signIns.named(name))
    const signIn = uid ? (await signIns.find(uid))?.signIn : undefined
    if (!name || !uid || signIn?.stage.name !== 'enrolling') return { unknown: true } as const
    if (guess) await parts.guesses.giveBack(guesser, 'invitation', guess.failures)
    // Another picture may have taken its place, or a phone has used it.
    const isOpen = signIn.stage.draft.names?.includes(name) === true
    return { uid, signIn, stage: signIn.stage, isOpen } as const
  }

  /** The enrolment that is under way with this device. */
  const candidate = async (thumbprint: string) => {
    const uid = await signIns.named(deviceName(thumbprint))
    const signIn = uid ? (await signIns.find(uid))?.signIn : undefined
    if (!uid || signIn?.stage.name !== 'enrolling') return undefined
    // Another factor is set up by now, whose draft is nobody's business here.
    if (!factors.named(signIn.stage.factor).enrolment.remote) return undefined
    const found = candidateOf(signIn.stage.draft)
    return found?.thumbprint === thumbprint
      ? { uid, signIn, stage: signIn.stage, key: found.device.key, step: found.step }
      : undefined
  }

  const keyOf = async (thumbprint: string): Promise<{ device: Device; key: DeviceKey } | undefined> => {
    const credential = await directory.credentialByHandle('push', thumbprint)
    if (credential) {
      const { accountId } = credential
      return {
        device: { kind: 'active', accountId, thumbprint, credential },
        key: readDevice(credential).key,
      }
    }
    const found = await candidate(thumbprint)
    if (!found) return undefined
    const { uid, signIn, key } = found
    return { device: { kind: 'candidate', accountId: signIn.accountId, thumbprint, uid }, key }
  }

  /** What waits for an answer of this device, and where the answer goes. */
  const waiting = async (
    device: Device,
  ): Promise<{ uid: string; factor: FactorName; request: RemoteRequest } | undefined> => {
    const now = clock.now()
    if (device.kind === 'candidate') {
      const found = await candidate(device.thumbprint)
      const remote = found && factors.named(found.stage.factor).enrolment.remote
      const request = found && remote?.show(found.stage.draft, now)
      return request && { uid: device.uid, factor: found.stage.factor, request }
    }
    const asked = await pending.find(device.accountId)
    const stage = asked && (await signIns.find(asked.uid))?.signIn.stage
    if (!asked || stage?.name !== 'asking') return undefined
    const request = factors.named(stage.factor).remote?.show(stage.question, now)
    // Another one took its place, or it was answered.
    return request?.id === asked.id ? { uid: asked.uid, factor: stage.factor, request } : undefined
  }

  /** What has become of a request, whoever of the person's devices answered it first. */
  const decidedBy = (outcome: Outcome, factor: FactorName): Decided => {
    if (outcome.kind === 'gone') return { kind: 'gone' }
    if (outcome.kind === 'refused') {
      const { refusal } = outcome
      if (refusal.reason === 'wait' || refusal.reason === 'pause')
        return { kind: 'wait', seconds: refusal.seconds }
      if (refusal.reason === 'elsewhere' || refusal.reason === 'undelivered') return { kind: 'gone' }
      // It is over either way; a phone that tries again would only hear the same.
      return refusal.reason === 'expired' || refusal.reason === 'unsent'
        ? { kind: 'gone' }
        : { kind: 'refused', reason: refusal.reason }
    }
    const { stage, factors: proven } = outcome.signIn
    if (stage.name === 'locked') return { kind: 'locked' }
    if (stage.name === 'reported') return { kind: 'decided', outcome: 'reported' }
    if (stage.name === 'asking' && stage.factor === factor && stage.question['ended'] === 'denied')
      return { kind: 'decided', outcome: 'denied' }
    return proven.includes(factor) ? { kind: 'decided', outcome: 'approved' } : { kind: 'gone' }
  }

  /** Nobody is let in by it any more; that it was somebody else is never said too late. */
  const decideLate = async (device: Device, id: string, answer: string): Promise<Decided> => {
    if (device.kind === 'candidate') return { kind: 'gone' }
    const declined = await challenge.declineLate(device.accountId, id, answer)
    if (!declined) return { kind: 'gone' }
    const { uid, how } = declined
    const left = (await signIns.find(uid))?.signIn
    // Whoever began it without a browser hears of a refusal alone, whatever else had been proven by then.
    if (left?.stage.name === 'reported') await parts.answered(uid, { kind: 'moved', signIn: left })
    return { kind: 'decided', outcome: how }
  }

  return {
    /** What a phone needs to set itself up. */
    async offer(token: string, address: string | null) {
      const invited = await invitedBy(token, address)
      if ('wait' in invited || 'unknown' in invited) return invited
      const { signIn, stage, isOpen } = invited
      if (!isOpen) return { unknown: true } as const
      const context = await parts.contextFor(signIn.accountId)
      const offered = factors.named(stage.factor).enrolment.remote?.offer(stage.draft, context)
      if (!offered) return { unknown: true } as const
      return { accountTag: accountTag(signIn.accountId), ...offered }
    },

    /** `answer`: JSON of the token, the device's signature, its registration, and where it is told. */
    async present(token: string, answer: string, address: string | null) {
      const invited = await invitedBy(token, address)
      if ('wait' in invited) return { kind: 'wait', seconds: invited.wait } as const
      if ('unknown' in invited) return { kind: 'unknown' } as const
      const presented = await challenge.present(invited.uid, answer)
      if (presented.kind !== 'presented') return presented
      return { kind: 'presented', told: presented.told, accountId: invited.signIn.accountId } as const
    },

    /** The device that makes a call: it has signed this very call, and its signature is good for one. */
    async open(
      authorization: string | undefined,
      { method, url }: { method: string; url: string },
    ): Promise<Device | undefined> {
      const jws = /^Device ([\w.-]+)$/.exec(authorization ?? '')?.[1]
      const proof = jws && readDeviceProof(jws, { issuer: parts.issuer(), method, url, now: clock.now() })
      if (!proof) return undefined
      const found = await keyOf(proof.thumbprint)
      if (!found || !(await proof.isBy(found.key))) return undefined
      const name = createHash('sha256').update(`${proof.thumbprint} ${proof.jti}`).digest('base64url')
      return (await store.add(`dj:${name}`, '1', proofSeconds + 1)) ? found.device : undefined
    },

    async describe(device: Device): Promise<Record<string, unknown>> {
      const { accountName } = await parts.contextFor(device.accountId)
      const common = { account: accountName, applicationServerKey: delivery?.applicationServerKey ?? null }
      if (device.kind === 'active') {
        const { label } = device.credential
        const stale = readDevice(device.credential).address === null
        return { ...common, state: 'active', label, stale }
      }
      const step = (await candidate(device.thumbprint))?.step
      return { ...common, state: step === 'test' ? 'testing' : 'confirming', label: '', stale: false }
    },

    /**
     * What is asked of the device now, and what nobody has answered in time. Whoever waits at the computer is told that it was
     * seen.
     */
    async requests(
      device: Device,
    ): Promise<{ requests: RemoteRequest[]; missed: RemoteRequest[]; now: number }> {
      const now = clock.now()
      const found = await waiting(device)
      if (device.kind === 'candidate') return { requests: found ? [found.request] : [], missed: [], now }
      if (found) await pending.note(device.accountId, found.request.id, { seen: true })
      const missed = await challenge.missed(device.accountId)
      return { requests: found ? [found.request] : [], missed, now }
    },

    /** `answer`: JSON of what the device signed, and of its authenticator's assertion. */
    async decide(device: Device, id: string, answer: string): Promise<Decided> {
      const found = await waiting(device)
      if (found?.request.id !== id) return decideLate(device, id, answer)
      const { uid, factor, request } = found
      // The nonce that the page on the computer knows is good in that page alone: here a number belongs to it.
      const evidence = readEvidence(answer)
      if (evidence?.claims.txn === id && evidence.claims.nonce !== request.nonce)
        return { kind: 'refused', reason: 'malformed' }
      if (device.kind === 'candidate') return decidedBy(await challenge.confirm(uid, answer, ''), factor)
      // What is no refusal is judged, and counted, as an answer.
      const declined = await challenge.decline(uid, answer)
      const isRefusal = declined.kind !== 'refused' || declined.refusal.reason !== 'malformed'
      const outcome = isRefusal ? declined : await challenge.answer(uid, answer)
      await parts.answered(uid, outcome)
      return decidedBy(outcome, factor)
    },

    /** Where the device is told from now on; null: nowhere. `not-allowed`: nothing is delivered there. */
    async setAddress(device: Device, given: unknown): Promise<'kept' | 'not-allowed' | 'gone'> {
      const address = given === null ? null : delivery?.readAddress(given)
      if (address === undefined) return 'not-allowed'
      // It has just said where; once it is set up it says so whenever it is opened.
      if (device.kind === 'candidate') return 'kept'
      const { credential, accountId } = device
      const secret = writeDevice({ ...readDevice(credential), address })
      const isKept =
        secret === credential.secret ||
        (await directory.changeCredential(accountId, credential.id, { secret }))
      return isKept ? 'kept' : 'gone'
    },

    /**
     * The person took the account off their phone. Whoever holds it unlocked can do so, and so never takes away more than a
     * policy that demands a second factor would let the person take: the last one of any worth goes where somebody is signed in.
     */
    async remove(device: Device): Promise<void> {
      if (device.kind === 'candidate') return
      const { accountId, credential } = device
      const own = (all: ReadonlyArray<Pick<Credential, 'factor'>>) =>
        all.map(({ factor }) => factor).filter((name) => factors.get(name)?.selfEnrolled)
      const rules = await parts.rulesOf(accountId)
      const before = own(await directory.credentials(accountId))
      const removed = await directory.removeCredentials(accountId, [credential.id], (left) =>
        mayBeLeftWith(own(left), before, rules, true),
      )
      if (removed === 0) {
        const secret = writeDevice({ ...readDevice(credential), address: null })
        await directory.changeCredential(accountId, credential.id, { secret })
        return
      }
      await parts.record('factor.removed', { accountId, factor: 'push', reason: 'by-device' })
      await parts.notify({ kind: 'factor-removed', accountId, factor: 'push', label: credential.label })
    },
  }
}
