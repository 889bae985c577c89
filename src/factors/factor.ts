import type { RandomBytes } from '../crypto/random.ts'
import type { Credential } from '../directory/directory.ts'

export const factorNames = ['webauthn', 'totp', 'recovery-code'] as const

export type FactorName = (typeof factorNames)[number]

/**
 * One way of proving, identical for all. A factor counts nothing, stores nothing and knows no request:
 * challenge/ reserves the attempt, calls `verify`, spends and settles.
 */
export interface Factor {
  readonly name: FactorName
  /** True for what is set up by the person; false for what is issued to them (recovery codes). */
  readonly selfEnrolled: boolean
  /** True where what is set up is proven to be hardware by its maker's attestation. */
  readonly attested?: boolean
  /**
   * Only where a question serves for one answer, right or wrong, and whoever tries again gets a new one (WebAuthn L3
   * §13.4.3): whether an answer is to this very question. What is not, because the question was answered meanwhile, is not
   * judged.
   */
  readonly isAnswerTo?: (answer: string, question: Question) => boolean
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
  /** Only where an answer can say by itself who is there, so that nobody has to type a name or a password. */
  readonly passkey?: Passkey
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
  | {
      verified: true
      credential: string
      spend: Spend
      /** RFC 8176 names that this answer earned; `mfa` where it proved two factors by itself. */
      amr: readonly string[]
      /** The credential's secret as it is from now on, where the answer tells something new. */
      secret?: string
      /** Accepted, and still worth a line in the audit trail. */
      suspicion?: Suspicion
    }
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
 * `wrong`: not this code, or not a signature by this key for this question. `replayed`: right, but used before.
 * `clock`: right for another time; `clockOffset` says by how many seconds the authenticator is ahead (negative: behind).
 * `malformed`: cannot be an answer at all. `unverified`: the authenticator did not check who is using it, and had to.
 * `cloned`: its signature counter went back. `untrusted`: not an authenticator that the policy accepts. `known`: this
 * authenticator is registered already.
 */
export type Rejection =
  | 'wrong'
  | 'replayed'
  | 'clock'
  | 'malformed'
  | 'unverified'
  | 'cloned'
  | 'untrusted'
  | 'known'

/** `counter-went-back`: of a synced credential, whose devices count apart from one another (WebAuthn L3 §6.1.1). */
export type Suspicion = 'counter-went-back'

export interface Enrolment {
  /** A new secret, and what the page shows of it. Nothing is stored with the account yet. `own`: of this factor. */
  begin(own: readonly Credential[], context: FactorContext): Promise<Draft>
  /** Proves that the person holds it. */
  finish(answer: string, draft: Draft, context: FactorContext): Promise<EnrolmentVerdict>
}

export interface Draft {
  secret: string
  /** What the enrolment page shows: plain JSON, kept sealed while the page is open. */
  shown: Record<string, unknown>
}

export type EnrolmentVerdict =
  | {
      confirmed: true
      secret: string
      /** Makes the confirming code unusable for signing in. */
      counter: number
      /** Finds the credential without its account; unique within the factor. */
      handle: string | null
      amr: readonly string[]
      /** A name for it, such as its model, where the person gives none. */
      label?: string
      /** True where the confirming answer was a proof of use, as a code is. */
      used: boolean
    }
  | { confirmed: false; reason: Rejection; clockOffset?: number }

export interface Passkey {
  begin(context: FactorContext): Promise<Question>
  /** The handle of the credential that an answer names, if it names one. */
  handleOf(answer: string): string | undefined
}
