import { z } from 'zod'
import { randomDigits } from '../../crypto/digits.ts'
import type { Credential } from '../../directory/directory.ts'
import type { FactorContext, Question, RemoteEnd, RemoteRequest, RequestFacts } from '../factor.ts'
import { bytes32 } from './signed.ts'

export interface RequestRules {
  /** Of the number that the person reads on the computer and types on the phone. */
  digits: 2 | 3 | 6
  /** In which a request can be answered. Default: 60. */
  seconds?: number
  /** Seconds after which it may be sent again. Default: 15. */
  resendAfter?: number
  /** How often, in one sign-in. Default: 2. */
  mostResends?: number
}

/** What is kept of the requests of one sign-in. */
const history = {
  /** The person's names for their phones. */
  devices: z.array(z.string()),
  /** Requests that were made. */
  sends: z.int().nonnegative(),
  /** Milliseconds since the Unix epoch, from when another may be made; null: none. Absent: now. */
  resendAt: z.int().nullable().optional(),
}

const unsentQuestion = z.object({ ...history, ended: z.enum(['judging', 'denied', 'wrong']).optional() })

/** Times in milliseconds since the Unix epoch. */
const pendingQuestion = z.object({
  ...history,
  id: bytes32,
  /** The devices sign it. */
  nonce: bytes32,
  /** Signed in its place by an app in the very browser that asks: the page there knows it, and nobody else. */
  local: bytes32,
  number: z.string().regex(/^\d*$/),
  digits: z.int().nonnegative(),
  createdAt: z.int(),
  /** Spent by an approval: later than all that were spent before, whichever node's clock it was. */
  serial: z.int().positive(),
  expiresAt: z.int(),
  /** JSON text. */
  shown: z.string(),
  kind: z.enum(['sign-in', 'backchannel', 'test']),
})

export type PushRequest = z.infer<typeof pendingQuestion>

/** What is kept before anything is asked. */
export const notAsked = (credentials: readonly Credential[]): Question => ({
  devices: credentials.map(({ label }) => label),
  sends: 0,
})

/** The request that waits for an answer; undefined where nothing is asked. It may have expired. */
export const readRequest = (question: Question): PushRequest | undefined =>
  pendingQuestion.safeParse(question).data

/** What the phone shows, and signs. Everywhere null: not known. */
const shownOf = (
  { app, sighting, bindingMessage }: Omit<RequestFacts, 'kind'>,
  { accountName, now }: FactorContext,
): string => {
  const { address = null, city = null, country = null, browser = null, system = null } = sighting ?? {}
  const where = { address, city, country, browser, system }
  return JSON.stringify({ app, account: accountName, at: now, ...where, bindingMessage })
}

/**
 * A new request; undefined where there is no phone to ask, or no more may be sent. `before`: the question so far.
 *
 * @throws TypeError where there is no number to type, and nothing else either that both devices show
 */
export const newRequest = (
  before: Question,
  credentials: readonly Credential[],
  { kind, seconds: own, ...facts }: Omit<RequestFacts, 'kind'> & Pick<RemoteRequest, 'kind'>,
  { digits: usual, seconds = 60, resendAfter = 15, mostResends = 2 }: RequestRules,
  context: FactorContext,
): PushRequest | undefined => {
  const { now, random } = context
  const { sends, resendAt = 0 } = unsentQuestion.parse(before)
  if (credentials.length === 0 || resendAt === null || now < resendAt) return undefined
  const digits = kind === 'backchannel' ? 0 : usual
  if (digits === 0 && !facts.bindingMessage)
    throw new TypeError('a request without a number needs a binding message')
  const newId = () => random(32).toString('base64url')
  return {
    devices: credentials.map(({ label }) => label),
    sends: sends + 1,
    resendAt: sends < mostResends ? now + resendAfter * 1000 : null,
    id: newId(),
    nonce: newId(),
    local: newId(),
    number: digits === 0 ? '' : randomDigits(random, digits),
    digits,
    createdAt: now,
    serial: Math.max(now, ...credentials.map(({ counter }) => counter + 1)),
    expiresAt: now + (own ?? seconds) * 1000,
    shown: shownOf(facts, context),
    kind,
  }
}

export const isOver = ({ expiresAt }: Pick<PushRequest, 'expiresAt'>, now: number): boolean =>
  now >= expiresAt

/** As the phone gets it: never the number. Undefined where nothing is asked, or no more. */
export const showRequest = (question: Question, now: number): RemoteRequest | undefined => {
  const request = readRequest(question)
  if (!request || isOver(request, now)) return undefined
  const { id, nonce, digits, expiresAt, kind, shown } = request
  return { id, nonce, digits, expiresAt, kind, shown }
}

/** What is left of a question whose request was answered. */
export const endRequest = (question: Question, ended: RemoteEnd): Question => {
  const { devices, sends, resendAt } = unsentQuestion.parse(question)
  return { devices, sends, ...(resendAt !== undefined && { resendAt }), ended }
}
