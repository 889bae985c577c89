import type { RandomBytes } from '../crypto/random.ts'
import type { Credential } from '../directory/directory.ts'

export type FactorName = 'totp' | 'recovery-code'

/**
 * One way of proving, identical for all. A factor counts nothing, stores nothing and knows no request:
 * challenge/ reserves the attempt, calls `verify`, spends and settles.
 */
export interface Factor {
  readonly name: FactorName
  /** RFC 8176 names that a success earns. */
  readonly amr: readonly string[]
  /** True for what is set up by the person; false for what is issued to them (recovery codes). */
  readonly selfEnrolled: boolean
  /** Could this be an answer at all? Asked before anything is counted: a slip of the finger is no attempt. */
  accepts(answer: string): boolean
  /** What the person is asked; kept on the server, as JSON. */
  begin(credentials: readonly Credential[], context: FactorContext): Promise<Question>
  verify(
    answer: string,
    question: Question,
    credentials: readonly Credential[],
    context: FactorContext,
  ): Promise<Verdict>
  readonly enrolment: Enrolment
}

/** Nothing but facts, so that verification is a function. */
export interface FactorContext {
  /** Milliseconds since the Unix epoch. */
  now: number
  random: RandomBytes
  /** Shown by authenticator apps: who issues, and for which account. */
  issuerName: string
  accountName: string
}

/** Plain JSON. */
export type Question = Record<string, unknown>

export type Verdict =
  | { verified: true; credential: string; spend: Spend }
  | {
      verified: false
      reason: Rejection
      clockOffset?: number
      /** Spent although refused: a code for a later time must not be accepted when that time comes. */
      burn?: { credential: string; spend: Spend }
    }

/** Compare-and-set on the credential's counter. */
export interface Spend {
  expected: number
  next: number
}

/**
 * `wrong`: not this code. `replayed`: right, but used before. `clock`: right for another time; `clockOffset` says by
 * how many seconds the authenticator is ahead (negative: behind). `malformed`: cannot be an answer at all.
 */
export type Rejection = 'wrong' | 'replayed' | 'clock' | 'malformed'

export interface Enrolment {
  /** A new secret, and what the page shows of it. Nothing is stored with the account yet. */
  begin(context: FactorContext): Promise<Draft>
  /** Proves that the person holds it. `counter` makes the confirming code unusable for signing in. */
  finish(answer: string, draft: Draft, context: FactorContext): Promise<EnrolmentVerdict>
}

export interface Draft {
  secret: string
  /** What the enrolment page shows: plain JSON, kept sealed while the page is open. */
  shown: Record<string, unknown>
}

export type EnrolmentVerdict =
  | { confirmed: true; counter: number }
  | { confirmed: false; reason: Rejection; clockOffset?: number }
