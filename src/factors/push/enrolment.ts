import { readDigits } from '../../crypto/digits.ts'
import type { PushDelivery } from '../../delivery/delivery.ts'
import type { Credential } from '../../directory/directory.ts'
import type { Draft, Enrolment, EnrolmentVerdict, FactorContext, Question } from '../factor.ts'
import { readEvidence } from './decision.ts'
import { writeDevice } from './device.ts'
import { type ConfirmDraft, readDraft, type ScanDraft, type TestDraft } from './draft.ts'
import { deviceName, newInvitation } from './invitation.ts'
import { draftToConfirm, type PresentingParts, presentDevice } from './presenting.ts'
import { endRequest, newRequest, notAsked, type RequestRules, readRequest, showRequest } from './request.ts'
import { isSameText } from './signed.ts'
import { tellDevice } from './telling.ts'
import { verifyPush } from './verify.ts'

/** Seconds for which an invitation is good. */
const invitationSeconds = 300

export interface EnrolmentParts extends PresentingParts, RequestRules {
  issuerName?: string
  delivery: Pick<PushDelivery, 'applicationServerKey' | 'readAddress' | 'send'>
}

/**
 * A phone is invited on the computer (`scan`), presents itself, shows a number that is typed on the computer (`confirm`),
 * and approves a first request (`test`) as it will any other.
 */
export const pushEnrolment = (parts: EnrolmentParts): Enrolment => ({
  counted: true,

  async begin(own, context) {
    return invite(own.length, parts, context)
  },

  async finish(answer, draft, context) {
    const read = readDraft(draft)
    if (read.step === 'scan') return { confirmed: false, reason: 'unsent' }
    return read.step === 'confirm'
      ? confirmNumber(answer, read, parts, context)
      : judgeTest(answer, read, parts, context)
  },

  remote: {
    renew(draft, context) {
      const read = readDraft(draft)
      return read.step === 'test' ? newTest(read, parts, context) : invite(read.own, parts, context)
    },

    offer(draft, context) {
      const read = readDraft(draft)
      if (read.step !== 'scan' || context.now >= read.expiresAt) return undefined
      const { issuer, presence, delivery, issuerName = context.issuerName } = parts
      return {
        issuer,
        brand: issuerName,
        account: context.accountName,
        rpId: presence.rpId,
        options: presence.creationOptions(read, context),
        expiresAt: read.expiresAt,
        applicationServerKey: delivery.applicationServerKey,
        offline: true,
      }
    },

    async present(answer, draft, context) {
      const read = readDraft(draft)
      return read.step === 'scan' ? presentDevice(answer, read, parts, context) : { refused: 'replayed' }
    },

    show(draft, now) {
      const read = readDraft(draft)
      return read.step === 'test' ? showRequest(read.question, now) : undefined
    },

    async tell(draft) {
      const read = readDraft(draft)
      const request = read.step === 'test' ? readRequest(read.question) : undefined
      if (read.step === 'test' && request) await tellDevice(read.device, request, parts.delivery.send)
    },
  },
})

const invite = (own: number, { issuer }: EnrolmentParts, { now, random }: FactorContext): Draft => {
  const { uri, qrSvg, code, names } = newInvitation(issuer, random)
  const expiresAt = now + invitationSeconds * 1000
  const draft: ScanDraft = {
    v: 1,
    own,
    step: 'scan',
    invitations: [...names],
    challenge: random(32).toString('base64url'),
    userHandle: random(32).toString('base64url'),
    expiresAt,
  }
  return { secret: JSON.stringify(draft), shown: { step: 'scan', uri, qrSvg, code, expiresAt }, names }
}

/** Whoever guesses is out after three, and the phone that was there has to be invited again. */
const confirmNumber = (
  typed: string,
  draft: ConfirmDraft,
  parts: EnrolmentParts,
  context: FactorContext,
): EnrolmentVerdict => {
  const number = readDigits(typed, draft.number.length)
  if (number === undefined) return { confirmed: false, reason: 'malformed' }
  if (context.now >= draft.expiresAt)
    return { confirmed: false, reason: 'expired', draft: invite(draft.own, parts, context) }
  if (isSameText(number, draft.number)) return { confirmed: false, next: newTest(draft, parts, context) }
  const triesLeft = draft.triesLeft - 1
  const next = triesLeft > 0 ? draftToConfirm({ ...draft, triesLeft }) : invite(draft.own, parts, context)
  return { confirmed: false, reason: 'wrong', draft: next }
}

type Candidate = Pick<TestDraft, 'own' | 'device' | 'thumbprint' | 'label'>

/** The phone as it would be kept. Nothing has been approved by it. */
const credentialOf = ({ device, thumbprint, label }: Candidate): Credential => ({
  id: 'draft',
  accountId: '',
  factor: 'push',
  label,
  handle: thumbprint,
  secret: writeDevice(device),
  counter: 0,
  createdAt: 0,
  lastUsedAt: null,
})

const newTest = (candidate: Candidate, parts: EnrolmentParts, context: FactorContext): Draft => {
  const own = [credentialOf(candidate)]
  const app = { name: parts.issuerName ?? context.issuerName }
  const facts = { kind: 'test', app, sighting: null } as const
  return testDraft(candidate, newRequest(notAsked(own), own, facts, parts, context) ?? notAsked(own))
}

const testDraft = ({ own, device, thumbprint, label }: Candidate, question: Question): Draft => {
  const draft: TestDraft = { v: 1, own, step: 'test', device, thumbprint, label, question }
  const { number = '', digits = 0, expiresAt = 0 } = readRequest(question) ?? {}
  return {
    secret: JSON.stringify(draft),
    shown: { step: 'test', label, number, digits, expiresAt },
    names: [deviceName(thumbprint)],
  }
}

/** Judged as every answer is, save that nothing but an approval of this very request will do. */
const judgeTest = async (
  answer: string,
  draft: TestDraft,
  parts: EnrolmentParts,
  context: FactorContext,
): Promise<EnrolmentVerdict> => {
  const evidence = readEvidence(answer)
  // A form that was sent twice, or the answer to an earlier test: this one goes on.
  if (!evidence) return { confirmed: false, reason: 'malformed' }
  if (evidence.claims.txn !== draft.question['id']) return { confirmed: false, reason: 'unsent' }
  const credential = credentialOf(draft)
  const verdict = await verifyPush(answer, draft.question, [credential], parts, context)
  if (!verdict.verified) {
    const over = testDraft(draft, endRequest(draft.question, 'wrong'))
    return { confirmed: false, reason: verdict.reason, draft: over }
  }
  const { secret = credential.secret, spend, amr, assurance } = verdict
  return {
    confirmed: true,
    secret,
    counter: spend.next,
    handle: draft.thumbprint,
    amr,
    ...(assurance && { assurance }),
    label: draft.label,
    used: true,
  }
}
