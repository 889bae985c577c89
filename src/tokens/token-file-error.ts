/** Why a file cannot be read as a whole, and what to do about it. */
const texts = {
  too_large: 'The file is larger than 16 MiB, or has more than 500,000 lines. Split it.',
  not_utf8:
    'The file is not UTF-8 text. Save it as UTF-8; unpack or decrypt it first if it came as ZIP or PGP.',
  not_a_token_file:
    'The file is neither PSKC nor a known kind of CSV. A header such as `serial,key,type,digits,counter` helps.',
  column_unknown:
    'A column of the header is not known. Remove it, or name it serial, key, type, digits, counter, period, ' +
    'algorithm, owner, manufacturer or model.',
  malformed: 'The file is damaged: its XML or CSV cannot be read. Ask for it again.',
  markup_forbidden:
    'The file has a document type or entities, which no token file needs. Do not trust it; ask for it again.',
  version_unsupported: 'The file is PSKC, but of a draft. Ask the vendor for PSKC 1.0 (RFC 6030).',
  no_tokens: 'There is no token in the file.',
  password_needed: 'The file is encrypted with a password. Give it.',
  key_needed: 'The file is encrypted with a pre-shared key. Give it.',
  key_other: 'The file is encrypted with a key of another name than the one given.',
  not_encrypted:
    'A password or key was given, but nothing in this file is encrypted. Read it without, if you trust it.',
  wrong_secret:
    'The password or key does not open this file. Check it; if it is right, the file was damaged.',
  mac_missing:
    'An encrypted key has no MAC (RFC 6030 §6), so it could have been changed. Ask for the file again.',
  mac_wrong: 'The file was changed after it was encrypted: a MAC does not fit. Ask for it again.',
  protection_unsupported:
    'The keys are encrypted in a way that is not supported; known are a pre-shared key and a password, with AES.',
  too_many_iterations:
    'The password is derived with more than 1,000,000 iterations. Ask for a file with fewer.',
} as const

export type TokenFileErrorReason = keyof typeof texts

/** A file that is not read at all; the message says what to do and never contains key material. */
export class TokenFileError extends Error {
  readonly reason: TokenFileErrorReason

  /** There is no cause to give: those of the parsers quote the file. */
  constructor(reason: TokenFileErrorReason, detail?: string) {
    super(detail === undefined ? texts[reason] : `${texts[reason]} (${detail})`)
    this.name = 'TokenFileError'
    this.reason = reason
  }
}
