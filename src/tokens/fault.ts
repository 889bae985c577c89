import type { TokenFault } from './token.ts'

/** All that can be wrong with a row, and what is said about it: the rest of a sentence, without the value. */
const texts = {
  columns: 'the row has more columns than the file has names for',
  structure_invalid: 'an element is there twice, or has no value',
  serial_missing: 'the serial number is missing',
  serial_too_long: 'the serial number is longer than 64 characters',
  serial_invalid:
    'the serial number has other characters than letters, digits and . _ : / - (a spreadsheet?)',
  serial_doubled: 'the serial number is in the file more than once',
  kind_unsupported: 'this kind of token is not supported; known are HOTP, TOTP and Yubico OTP',
  algorithm_unsupported: 'the hash is not supported; known are SHA-1, SHA-256 and SHA-512',
  digits_unsupported: 'codes have to be of 6 or 8 digits, without a check digit',
  period_unsupported: 'the period has to be 30 or 60 seconds',
  counter_invalid: 'the counter is not a whole number',
  key_missing: 'the key is missing',
  key_not_hex: 'the key is not hexadecimal',
  key_not_base32: 'the key is not base32',
  key_not_base64: 'the key is not base64',
  key_too_short: 'the key is too short: a seed has at least 10 bytes, the key of a Yubico OTP 16',
  key_too_long: 'the key is too long: a seed has at most 64 bytes, the key of a Yubico OTP 16',
  key_not_encrypted: 'the key is not encrypted, while others of this file are',
  parameter_encrypted: 'something other than the key is encrypted, which is not supported',
  public_id_invalid: 'the public id is not modhex of at most 16 bytes',
  private_id_invalid: 'the private id is not 12 hexadecimal digits',
  text_invalid: 'manufacturer, model or owner is too long or has control characters',
  date_invalid: 'a date is not one of the form 2026-01-31T00:00:00Z',
  expired: 'the token has expired',
  policy_unsupported: 'the file sets a rule for this key that cannot be kept here (RFC 6030 §5)',
  serial_taken: 'there is a token with this serial number already',
  key_doubled: 'the key is in the file more than once: two tokens would show the same codes',
  key_taken: 'there is a token with this key already',
  owner_unknown: 'there is no account for the owner',
  owner_without_name: 'the owner is a distinguished name that has neither UID nor CN',
} as const

export type TokenFaultReason = keyof typeof texts

/** For people: `Line 7, serial 1001: the key is not hexadecimal.` Never contains key material. */
export function describeFault({ line, serial, reason, detail }: TokenFault): string {
  const which = serial === null ? `Line ${line}` : `Line ${line}, serial ${serial}`
  return `${which}: ${texts[reason]}${detail === undefined ? '' : ` (${detail})`}.`
}

/** The shortest key that is accepted, 10 bytes, has this many characters in base32, its shortest spelling. */
const shortestSpelling = 16

/** A value of the file for a fault to show; undefined where it could be a key that stands in the wrong place. */
export function showable(value: string | undefined): string | undefined {
  if (value === undefined || value.length >= shortestSpelling) return undefined
  return /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(value) ? value : undefined
}
