import type { Assurance } from '../factors/factor.ts'

/** When a factor was proven, and what is known of what proved it. */
export interface Proof extends Assurance {
  /** Seconds since the Unix epoch. */
  at: number
  /** The credential that proved it (`markOf`): without it the account, it counts no more. */
  by?: string
  /** The device that vouched for it, of a trusted one. */
  device?: string
}

/** By the factor's name, the latest of each. */
export type Proofs = Readonly<Record<string, Proof>>
