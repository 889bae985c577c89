import { z } from 'zod'
import { type PhoneNumberRules, parsePhoneNumber } from './phone-number.ts'

/** Where a code goes, in one spelling; `malformed`: no such address, `not-allowed`: no message goes there. */
export type AddressReading = { to: string } | { refused: 'malformed' | 'not-allowed' }

/** Reads phone numbers for codes by text message, in E.164. */
export const smsAddress =
  (rules: PhoneNumberRules) =>
  (typed: string): AddressReading => {
    const read = parsePhoneNumber(typed, rules)
    if ('e164' in read) return { to: read.e164 }
    return { refused: read.fault === 'invalid' ? 'malformed' : 'not-allowed' }
  }

/** RFC 5321 §4.5.3.1: 64 octets before the @, and 254 of a path without its angle brackets. */
const mailbox = z
  .email()
  .max(254)
  .refine((address) => address.lastIndexOf('@') <= 64)

/**
 * Reads mail addresses for codes by mail: exactly one, of the plain kind in ASCII, without a name, a comment, or a control
 * character. The domain is in lower case; what is before it is for its server to compare, and stays.
 */
export const mailAddress =
  () =>
  (typed: string): AddressReading => {
    // Measured before it is matched, and before spaces are taken off: a line break is no slip of the finger.
    const plain = typed.length <= 300 && !/\p{Cc}/u.test(typed) ? typed.trim() : ''
    const { data } = mailbox.safeParse(plain)
    if (data === undefined) return { refused: 'malformed' }
    const at = data.lastIndexOf('@')
    return { to: data.slice(0, at) + data.slice(at).toLowerCase() }
  }

/** An address for a page or the audit: "m•••@example.org". Of what is no address nothing is shown. */
export const maskMailAddress = (address: string): string => {
  const at = address.lastIndexOf('@')
  return at > 0 ? `${address.slice(0, 1)}•••${address.slice(at)}` : '•••'
}
