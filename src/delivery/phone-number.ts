import type { CountryCode } from 'libphonenumber-js/max'
import { phoneLibrary } from './phone-library.ts'

export interface PhoneNumberRules {
  /** Country of a number that is written without one, ISO 3166-1 alpha-2. Default: IT. */
  country?: string
  /** Countries that messages may be sent to, ISO 3166-1 alpha-2 in capitals. */
  allowed: readonly string[]
}

export type ParsedPhoneNumber =
  | { e164: string; country: string }
  | { fault: 'invalid' | 'not-allowed' | 'not-mobile' }

/** More than any number needs, however it is grouped. */
const longest = 40

/** In North America the number does not tell; everywhere else mobile numbers have a range of their own. */
const mobile = new Set(['MOBILE', 'FIXED_LINE_OR_MOBILE'])

/**
 * A phone number as a person types it, for sending text messages to: mobile, and in a country that is allowed. All
 * other kinds (landline, premium, shared cost, personal, VoIP, satellite) are refused: messages to some of them earn
 * money for whoever asked for them (toll fraud). The kind comes from Google's metadata (`max`: all patterns). Never
 * throws.
 */
export function parsePhoneNumber(
  text: string,
  { country = 'IT', allowed }: PhoneNumberRules,
): ParsedPhoneNumber {
  if (text.length > longest) return { fault: 'invalid' }
  const { isSupportedCountry, parsePhoneNumberFromString } = phoneLibrary()
  const number = parsePhoneNumberFromString(text, {
    ...(isSupportedCountry(country) && { defaultCountry: country as CountryCode }),
    // The whole text, or nothing: no number is picked out of other words.
    extract: false,
  })
  if (!number?.isValid() || number.ext !== undefined) return { fault: 'invalid' }
  // Without a country it is satellite, or another service between countries.
  if (number.country === undefined || !allowed.includes(number.country)) return { fault: 'not-allowed' }
  if (!mobile.has(number.getType() ?? '')) return { fault: 'not-mobile' }
  return { e164: number.number, country: number.country }
}

/**
 * A number for a page, a mail or the audit: "+39 ••• ••• 4567". Country code and the last four digits are shown, three
 * of a short number; nothing else, not even how long it is. Of what is no number nothing is shown.
 */
export function maskNumber(e164: string): string {
  const number = phoneLibrary().parsePhoneNumberFromString(e164, { extract: false })
  const national = number?.nationalNumber ?? ''
  if (!number || national.length < 6) return '••• •••'
  const shown = national.slice(national.length < 9 ? -3 : -4)
  return `+${number.countryCallingCode} ••• ••• ${shown}`
}
