import type { TokenFaultReason } from './fault.ts'
import type { TokenPlace } from './token.ts'

/** What a reader found wrong that only it can know. */
export interface DraftFault {
  reason: TokenFaultReason
  detail?: string | undefined
}

/** A token as read, not yet judged: texts of the file, and undefined (or empty) for what it does not say. */
export interface Draft extends TokenPlace {
  serial?: string | undefined
  manufacturer?: string | undefined
  model?: string | undefined
  /** `hotp`, `totp` or `yubico`, in any case. */
  kind?: string | undefined
  algorithm?: string | undefined
  digits?: string | undefined
  /** Seconds. */
  period?: string | undefined
  counter?: string | undefined
  /** The decoded key; without one, `faults` says why. */
  key?: Buffer | undefined
  publicId?: string | undefined
  privateId?: string | undefined
  owner?: string | undefined
  /** Every date that the file gives; the narrowest span counts. */
  notBefore?: readonly string[]
  notAfter?: readonly string[]
  faults: DraftFault[]
}

/** The key of a draft from its spelling, with the fault where there is none. */
export function decodeKey(
  text: string | undefined,
  decode: (text: string) => Buffer | undefined,
  wrong: TokenFaultReason,
): Pick<Draft, 'key' | 'faults'> {
  if (text === undefined || text === '') return { faults: [{ reason: 'key_missing' }] }
  const key = decode(text)
  return key === undefined ? { faults: [{ reason: wrong }] } : { key, faults: [] }
}
