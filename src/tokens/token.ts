import type { TokenFaultReason } from './fault.ts'

/** A hardware token as a file describes it. */
export interface TokenSeed {
  /** As written, without spaces around it: 1 to 64 of letters, digits and `._:/-`. */
  serial: string
  manufacturer: string | null
  model: string | null
  kind: 'hotp' | 'totp' | 'yubico'
  /** Of `hotp` and `totp`; `sha1` for a Yubico OTP, which has none. */
  algorithm: 'sha1' | 'sha256' | 'sha512'
  /** Of `hotp` and `totp`; 6 for a Yubico OTP, which has none. */
  digits: 6 | 8
  /** Seconds; totp only. */
  period: 30 | 60 | null
  /** The next counter that the token uses; 0 except for hotp. */
  counter: number
  /** The seed (10 to 64 bytes), or the AES-128 key of a Yubico OTP (16 bytes), in base64. */
  key: string
  /** Yubico OTP only: what the key types in front, modhex, lower case; null where it types nothing. */
  publicId: string | null
  /** Yubico OTP only: 12 hexadecimal digits, lower case. */
  privateId: string | null
  /** The person that the file assigns the token to: a user name (CSV), or what PSKC calls UserId, unchanged. */
  owner: string | null
  /** Milliseconds since the epoch; the token is not to be accepted outside of these. */
  notBefore: number | null
  notAfter: number | null
}

/** Where a row stands in its file; both begin at 1. */
export interface TokenPlace {
  /** The line of the text; of a PSKC file, where the KeyPackage begins. */
  line: number
  /** The how-manieth token of the file it is. */
  ordinal: number
}

export interface TokenRow extends TokenPlace {
  token: TokenSeed
}

/** One thing wrong with one row; a row may have several. */
export interface TokenFault extends TokenPlace {
  /** Null where it is missing, wrong, or so long that it might be a seed in the wrong column. */
  serial: string | null
  reason: TokenFaultReason
  /** What was found instead, where it is short enough to be no key. */
  detail?: string
}

export type TokenFileFormat =
  | 'pskc'
  | 'csv-generic'
  | 'csv-two-columns'
  | 'csv-entra'
  | 'csv-yubico'
  | 'csv-yubico-traditional'

export interface TokenFile {
  format: TokenFileFormat
  /** How the keys were protected in the file; with anything but `plain`, every key was. */
  protection: 'plain' | 'pre-shared-key' | 'password'
  /** The file carries a signature. Nobody checked it. */
  signed: boolean
  /** In the order of the file. A serial that is doubled is here once, and once more among the faults. */
  rows: TokenRow[]
  /** In the order of the file; where there is one, nothing of the file should be imported. */
  faults: TokenFault[]
}
