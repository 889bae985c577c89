import type { Credential } from '../../directory/directory.ts'
import type { Question, Rejection, Verdict } from '../factor.ts'
import { readCode } from './code.ts'
import { faultOf } from './kept-code.ts'
import { readSent } from './question.ts'

/**
 * Accepts the code that was sent last, once, until it expires, while the account still has the address it went to.
 * `amr`: the names that it earns.
 */
export const verifyMessageCode = (
  typed: string,
  question: Question,
  credentials: readonly Credential[],
  now: number,
  amr: readonly string[],
): Verdict => {
  const sent = readSent(question)
  if (!sent) return refused('unsent')
  const code = readCode(typed)
  if (code === undefined) return refused('malformed')
  const credential = credentials.find(({ id }) => id === sent.credential)
  if (!credential) return refused('wrong')
  const fault = faultOf(code, sent, credential.id, now)
  if (fault) return refused(fault)
  if (credential.counter !== sent.counter) return refused('replayed')
  const spend = { expected: sent.counter, next: sent.counter + 1 }
  return { verified: true, credential: credential.id, spend, amr }
}

const refused = (reason: Rejection): Verdict => ({ verified: false, reason })
