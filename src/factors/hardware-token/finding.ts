import type { StoredToken } from './credential.ts'

/** What an answer is to one token. */
export type Finding = Accepted | Refused

export interface Accepted {
  accepted: true
  /** What its counter becomes. */
  next: number
  /** The token as it is from now on, where the answer tells something new. */
  token?: StoredToken
}

export interface Refused {
  accepted: false
  reason: 'wrong' | 'replayed' | 'clock' | 'expired'
  clockOffset?: number
  /** What its counter becomes although the answer is refused. */
  burn?: number
}

export const wrong: Finding = { accepted: false, reason: 'wrong' }
export const replayed: Finding = { accepted: false, reason: 'replayed' }
