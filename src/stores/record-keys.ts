import { hash } from 'node:crypto'

/** One letter per model: a Redis key of up to 14 characters takes 16 bytes. */
const letters = {
  AccessToken: 't',
  AuthorizationCode: 'c',
  BackchannelAuthenticationRequest: 'b',
  ClientCredentials: 'k',
  DeviceCode: 'd',
  Grant: 'g',
  InitialAccessToken: 'n',
  Interaction: 'i',
  PreAuthorizedCode: 'o',
  PushedAuthorizationRequest: 'p',
  RefreshToken: 'r',
  RegistrationAccessToken: 'm',
  ReplayDetection: 'x',
  Session: 's',
  /** From a session's uid to the number of its present id. */
  uid: 'u',
  /** From a user code to its device code. */
  userCode: 'v',
  /** From an account to its sessions and grants. */
  account: 'a',
  /** From an account to the interactions in which it has signed in, and which their browser has not followed yet. */
  finished: 'f',
} as const

export type Kept = keyof typeof letters

export const isKept = (name: string): name is Kept => Object.hasOwn(letters, name)

const sha256 = (text: string): Buffer => hash('sha256', text, 'buffer')

/** What an id that the adapter gave out itself starts with, where it does not know the real one; see `aliasOf`. */
const aliasMark = '~'

/** Ids never stand in the store in clear, so that a copy of it holds no usable token: 128 bits of SHA-256 do. */
export const keyOf = (kept: Kept, id: string): string =>
  letters[kept] + (isAlias(id) ? id.slice(1) : sha256(id).toString('base64url', 0, 16))

/**
 * An id that stands for a record whose real id is unknown (found by user code or uid): good for writing and removing,
 * never for finding, or the keys of a leaked store would be as good as tokens.
 */
export const aliasOf = (key: string): string => aliasMark + key.slice(1)

export const isAlias = (id: string): boolean => id.startsWith(aliasMark)

/**
 * 63 bits of SHA-256 as a decimal: Redis keeps integers, and sets of integers, in a fraction of the space of texts. For
 * what is no bearer secret (uid, grant id, account), or where the record holds more bits to compare (`Handle.check`).
 */
export const numberOf = (text: string): string => String(sha256(text).readBigUInt64BE(0) >> 1n)

export const numberedKey = (kept: Kept, number: string): string => letters[kept] + BigInt(number).toString(36)

/** A session's id, hashed: 63 bits make the key, 64 more stand in the record and must match. */
export interface Handle {
  number: string
  check: string
}

export function handleOf(id: string): Handle {
  if (isAlias(id)) {
    const [number = '', check = ''] = id.slice(1).split('.')
    return { number, check }
  }
  const digest = sha256(id)
  return { number: String(digest.readBigUInt64BE(0) >> 1n), check: digest.toString('base64url', 8, 16) }
}

export const sessionAlias = ({ number, check }: Handle): string => `${aliasMark}${number}.${check}`
