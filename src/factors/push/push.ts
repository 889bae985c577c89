import { readDigits } from '../../crypto/digits.ts'
import type { Factor, Question } from '../factor.ts'
import { judgeDecision, readEvidence } from './decision.ts'
import { readDevice } from './device.ts'
import { type EnrolmentParts, pushEnrolment } from './enrolment.ts'
import { digits as offlineDigits } from './offline-code.ts'
import { endRequest, newRequest, notAsked, readRequest, showRequest } from './request.ts'
import { tellDevices } from './telling.ts'
import { verifyPush } from './verify.ts'

/**
 * `issuer`: audience of everything that a phone signs. `issuerName`: as the app calls this provider; else that of the
 * context.
 */
export type PushOptions = EnrolmentParts

/**
 * Requests that are approved in our own app on the person's phone. Answers are the JSON text `{jws, assertion}` that the
 * app signs, or the six digits that it shows without network. A question is `{devices, sends}` before anything is asked,
 * `PushRequest` while a request waits, and has `ended` once it was answered in vain.
 */
export const push = (options: PushOptions): Factor => ({
  name: 'push',
  selfEnrolled: true,
  isAnswerTo: (answer, question) => {
    const evidence = readEvidence(answer)
    return evidence ? evidence.claims.txn === readRequest(question)?.id : undefined
  },
  accepts: (answer) => isCode(answer) || readEvidence(answer) !== undefined,
  async begin(credentials) {
    return notAsked(credentials)
  },
  verify: (answer, question, credentials, context) =>
    verifyPush(answer, question, credentials, options, context),
  enrolment: pushEnrolment(options),
  remote: {
    delivery: options.delivery,
    ask: (question, credentials, facts, context) =>
      newRequest(question, credentials, facts, options, context),
    show: showRequest,
    async tell(question: Question, credentials) {
      const request = readRequest(question)
      return request ? tellDevices(credentials, request, options.delivery.send) : { reached: 0, changed: [] }
    },
    end: endRequest,
    async readRefusal(answer, question, credentials, { now }) {
      const evidence = readEvidence(answer)
      const request = readRequest(question)
      const credential = credentials.find(({ handle }) => handle === evidence?.thumbprint)
      if (!evidence || !request || !credential) return undefined
      const { key } = readDevice(credential)
      const decided = await judgeDecision(evidence, request, key, { issuer: options.issuer, now })
      if (!decided || decided.decision === 'approve') return undefined
      return decided.decision === 'deny' ? 'denied' : 'reported'
    },
  },
})

const isCode = (answer: string): boolean => readDigits(answer, offlineDigits) !== undefined
