import { z } from 'zod'
import { randomId } from '../../crypto/random.ts'
import type { Credential } from '../../directory/directory.ts'
import type { CodeMessage, Draft, EnrolmentVerdict, FactorContext, Rejection } from '../factor.ts'
import { readCode } from './code.ts'
import { addressOf, writeAddress } from './credential.ts'
import { faultOf, issueCode, keptCode } from './kept-code.ts'

/** The one in use, and the one it is changed to; the person removes the old one. */
const mostAddresses = 2

/** An address that a code went to, and is not confirmed. */
const unconfirmed = keptCode.extend({ v: z.literal(1), to: z.string().min(1) })

type Unconfirmed = z.infer<typeof unconfirmed>

interface AddressRules {
  /** The one spelling of what a person typed: a number in E.164, or a mail address. */
  readAddress(typed: string): { to: string } | { refused: Rejection }
  /** As it is shown. */
  mask(to: string): string
  /** For which a code is good when an address is set up. */
  enrolmentSeconds: number
}

/** The page asks for the address first. */
export const askAddress = (): Draft => ({ secret: '', shown: { step: 'address' } })

/**
 * Sends a code to a new address; with nothing typed, another one to the address that was typed before. The draft is for
 * the code that was sent last, and for the address it went to.
 */
export const sendToAddress = (
  typed: string,
  draft: Draft,
  own: readonly Credential[],
  { readAddress, mask, enrolmentSeconds: seconds }: AddressRules,
  context: FactorContext,
): { draft: Draft; message: CodeMessage } | { refused: Rejection } => {
  const before = typed.trim() === '' ? readDraft(draft) : undefined
  const read = before ?? readAddress(typed)
  if ('refused' in read) return { refused: read.refused }
  const { to } = read
  if (own.some((credential) => isSame(addressOf(credential), to))) return { refused: 'known' }
  if (own.length >= mostAddresses) return { refused: 'not-allowed' }
  const { code, kept } = issueCode(to, seconds, context)
  const secret: Unconfirmed = { v: 1, to, ...kept }
  return {
    draft: { secret: JSON.stringify(secret), shown: { step: 'code', to: mask(to), seconds } },
    message: { id: randomId(context.random), to, code, seconds },
  }
}

/** `amr`: the names that the code earns. */
export const confirmAddress = (
  answer: string,
  draft: Draft,
  mask: AddressRules['mask'],
  now: number,
  amr: readonly string[],
): EnrolmentVerdict => {
  const sent = readDraft(draft)
  if (!sent) return refused('unsent')
  const code = readCode(answer)
  if (code === undefined) return refused('malformed')
  const { to } = sent
  const fault = faultOf(code, sent, to, now)
  if (fault) return refused(fault)
  return {
    confirmed: true,
    secret: writeAddress(to),
    // Nothing to spend: a code to sign in is bound to the credential, which there was none of yet.
    counter: 0,
    handle: null,
    amr,
    label: mask(to),
    used: true,
  }
}

const refused = (reason: Rejection): EnrolmentVerdict => ({ confirmed: false, reason })

/** Mail servers that tell upper from lower case are not known; people who write the same address both ways are. */
const isSame = (one: string, other: string): boolean => one.toLowerCase() === other.toLowerCase()

/** Undefined where nothing was sent. */
const readDraft = ({ secret }: Draft): Unconfirmed | undefined => unconfirmed.safeParse(parsed(secret)).data

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
