import type { CodeMessage, Factor, FactorName, Rejection } from '../factor.ts'
import { readCode } from './code.ts'
import { askAddress, confirmAddress, sendToAddress } from './enrolment.ts'
import { askWhere, sendCode } from './question.ts'
import { verifyMessageCode } from './verify.ts'

export interface MessageCodeOptions {
  channel: 'sms' | 'email'
  /** The one spelling of what a person typed (a number in E.164, or a mail address), where messages go there. */
  readAddress(typed: string): { to: string } | { refused: Rejection }
  /** As it is shown on pages, and as the credential is called. */
  mask(to: string): string
  /** Rejects when the message could not be handed over. */
  send(accountId: string, message: CodeMessage): Promise<void>
  /** For which a code is good. Default: 300. */
  seconds?: number
  /** For which a code is good that confirms a new address. Default: 240. */
  enrolmentSeconds?: number
  retiredBy?: readonly FactorName[]
}

/** A mailbox is no thing that a person has (NIST SP 800-63B-4 §3.1.3.1): no name is earned. */
const earned = { sms: ['sms'], email: [] } as const

/** Codes by text message or mail: the weakest of the factors, for whoever has no other (NIST SP 800-63B-4 §3.1.3.3). */
export const messageCode = ({
  channel,
  readAddress,
  mask,
  send,
  seconds = 300,
  enrolmentSeconds = 240,
  retiredBy,
}: MessageCodeOptions): Factor => {
  const amr = earned[channel]
  return {
    name: channel,
    selfEnrolled: true,
    accepts: (answer) => readCode(answer) !== undefined,
    async begin(credentials) {
      return askWhere(credentials, mask)
    },
    async verify(answer, question, credentials, { now }) {
      return verifyMessageCode(answer, question, credentials, now, amr)
    },
    enrolment: {
      counted: true,
      async begin() {
        return askAddress()
      },
      async finish(answer, draft, { now }) {
        return confirmAddress(answer, draft, mask, now, amr)
      },
    },
    message: {
      async renew(question, credentials, context) {
        return sendCode(question, credentials, { mask, seconds }, context)
      },
      async address(typed, draft, own, context) {
        return sendToAddress(typed, draft, own, { readAddress, mask, enrolmentSeconds }, context)
      },
      send,
    },
    ...(retiredBy && { retiredBy }),
  }
}
