import { readDigits } from '../../crypto/digits.ts'
import type { Credential } from '../../directory/directory.ts'
import type { FactorContext, Question, Rejection, Verdict } from '../factor.ts'
import { challengeOf, judgeDecision, readEvidence } from './decision.ts'
import { readDevice, writeDevice } from './device.ts'
import { digits as offlineDigits, verifyOfflineCode } from './offline-code.ts'
import type { Presence } from './presence.ts'
import { isOver, readRequest } from './request.ts'
import { isSameText } from './signed.ts'

/** What an answer is judged by, beside the question. */
export interface Judged {
  issuer: string
  presence: Presence
}

/** RFC 8176: a key that was used behind PIN, finger or face, told of on another channel, or in the browser that asks. */
const earned = { elsewhere: ['pop', 'mca', 'mfa'], here: ['pop', 'mfa'] } as const

/**
 * Accepts an approval of the request that waits, by a phone of this account, whose owner typed the number and was verified
 * for this very decision; or the code of a phone that has no network. An approval spends the request's serial.
 */
export const verifyPush = async (
  answer: string,
  question: Question,
  credentials: readonly Credential[],
  { issuer, presence }: Judged,
  { now }: FactorContext,
): Promise<Verdict> => {
  const code = readDigits(answer, offlineDigits)
  if (code !== undefined) return verifyOfflineCode(code, credentials, now)
  const evidence = readEvidence(answer)
  if (!evidence) return refused('malformed')
  const request = readRequest(question)
  if (!request) return refused('unsent')
  if (isOver(request, now)) return refused('expired')
  const credential = credentials.find(({ handle }) => handle === evidence.thumbprint)
  if (!credential) return refused('wrong')
  const device = readDevice(credential)
  const decided = await judgeDecision(evidence, request, device.key, { issuer, now })
  if (!decided) return refused('wrong')
  // Whoever asks in the browser that answers has nothing to compare.
  if (!decided.local && !isSameText(decided.number, request.number)) return refused('wrong')
  if (decided.decision !== 'approve') return refused('wrong')
  if (evidence.assertion === undefined) return refused('unverified')
  const present = await presence.verify(evidence.assertion, challengeOf(evidence.jws), device.authenticator)
  if ('refused' in present) return refused(present.refused)
  if (request.serial <= credential.counter) return refused('replayed')
  const { counter, secret = device.authenticator.secret, assurance, suspicion } = present
  const authenticator = { ...device.authenticator, counter, secret }
  const kept = writeDevice({ ...device, authenticator })
  return {
    verified: true,
    credential: credential.id,
    spend: { expected: credential.counter, next: request.serial },
    amr: decided.local ? earned.here : earned.elsewhere,
    assurance,
    ...(kept !== credential.secret && { secret: kept }),
    ...(suspicion && { suspicion }),
  }
}

const refused = (reason: Rejection): Verdict => ({ verified: false, reason })
