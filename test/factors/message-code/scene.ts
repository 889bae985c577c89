import { randomBytes } from 'node:crypto'
import type { Credential } from '../../../src/directory/directory.ts'
import type { CodeMessage, Factor, FactorContext, Question } from '../../../src/factors/factor.ts'
import { type MessageCodeOptions, messageCode } from '../../../src/factors/message-code/message-code.ts'

export const start = 1_900_000_000_000
export const maria = '+393471234567'
export const other = '+393479876543'

export const at = (now: number): FactorContext => ({
  now,
  random: (size) => randomBytes(size),
  issuerName: 'Duepassi',
  accountName: 'maria@example.org',
})

export const addressed = (to: string, change: Partial<Credential> = {}): Credential => ({
  id: 'c1',
  accountId: 'a',
  factor: 'sms',
  label: '',
  handle: null,
  secret: JSON.stringify({ v: 1, to }),
  counter: 0,
  createdAt: start,
  lastUsedAt: null,
  ...change,
})

/** Takes what begins with + or has an @, but nothing of Ruritania; shows the last three characters. */
export const codesBy = (change: Partial<MessageCodeOptions> = {}): Factor =>
  messageCode({
    channel: 'sms',
    readAddress: (typed) =>
      typed.startsWith('+999')
        ? { refused: 'not-allowed' }
        : /^\+|@/.test(typed)
          ? { to: typed }
          : { refused: 'malformed' },
    mask: (to) => `•••${to.slice(-3)}`,
    send: async () => {},
    ...change,
  })

export const messagesOf = (factor: Factor) => {
  if (!factor.message) throw new Error('this factor sends nothing')
  return factor.message
}

/** What is asked, and what goes out for it. */
export const sentTo = async (
  factor: Factor,
  credentials: readonly Credential[],
  now = start,
): Promise<{ question: Question; message: CodeMessage }> => {
  const context = at(now)
  const sent = await messagesOf(factor).renew(await factor.begin(credentials, context), credentials, context)
  if (!sent) throw new Error('nothing was sent')
  return sent
}

/** Another code than this one. */
export const not = (code: string): string => String((Number(code) + 1) % 1_000_000).padStart(6, '0')
