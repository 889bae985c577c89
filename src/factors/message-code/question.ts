import { z } from 'zod'
import { randomId } from '../../crypto/random.ts'
import type { Credential } from '../../directory/directory.ts'
import type { CodeMessage, FactorContext, Question } from '../factor.ts'
import { addressOf, usualOf } from './credential.ts'
import { issueCode, keptCode } from './kept-code.ts'

const sentQuestion = keptCode.extend({
  sent: z.literal(true),
  /** Masked. */
  to: z.string(),
  /** Id of the credential whose address the code went to. */
  credential: z.string(),
  /** Its counter at that time: once a code of this address was used, those sent before are good for nothing. */
  counter: z.int(),
  /** Milliseconds since the Unix epoch. */
  sentAt: z.int(),
})

type SentQuestion = z.infer<typeof sentQuestion>

type Mask = (to: string) => string

/** Says where a code would go; none is sent yet. */
export const askWhere = (credentials: readonly Credential[], mask: Mask): Question => {
  const credential = usualOf(credentials)
  return credential
    ? { sent: false, to: mask(addressOf(credential)), credential: credential.id }
    : { sent: false }
}

/** A code to where the question says; to another address of the account, where that one is gone meanwhile. */
export const sendCode = (
  question: Question,
  credentials: readonly Credential[],
  { mask, seconds }: { mask: Mask; seconds: number },
  context: FactorContext,
): { question: SentQuestion; message: CodeMessage } | undefined => {
  const credential = credentials.find(({ id }) => id === question['credential']) ?? usualOf(credentials)
  if (!credential) return undefined
  const { id, counter } = credential
  const to = addressOf(credential)
  const { code, kept } = issueCode(id, seconds, context)
  return {
    question: { sent: true, to: mask(to), credential: id, counter, sentAt: context.now, ...kept },
    message: { id: randomId(context.random), to, code, seconds },
  }
}

/** Undefined where nothing was sent. */
export const readSent = (question: Question): SentQuestion | undefined =>
  sentQuestion.safeParse(question).data
