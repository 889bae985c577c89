import type { RandomBytes } from '../crypto/random.ts'
import type { PushDelivery } from '../delivery/delivery.ts'
import type { Credential, Sighting } from '../directory/directory.ts'

export const factorNames = [
  'webauthn',
  'push',
  'totp',
  'hardware-token',
  'sms',
  'email',
  'recovery-code',
] as const

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
   * judged. Undefined for an answer that belongs to no question, such as a code: it leaves the question as it is.
   */
  readonly isAnswerTo?: (answer: string, question: Question) => boolean | undefined
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
  /** Only where the answer is sent to the person. */
  readonly message?: Messages
  /** Factors whose success makes this one needless: a policy may then take it away. */
  readonly retiredBy?: readonly FactorName[]
  /** Only where it is answered on another device, which is told that it is asked. */
  readonly remote?: Remote
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
  /** Whose second factor it is: only for a factor that knows what belongs to whom, such as an inventory of tokens. */
  accountId?: string | undefined
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
      assurance?: Assurance
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

/** What is known of the authenticator that answered. Absent: not known. */
export interface Assurance {
  /** It verified who was using it, by PIN, finger or face. */
  userVerified?: boolean
  /** Its key cannot leave it; false: its provider may bring it to other devices. */
  deviceBound?: boolean
  /** Its maker attests which model it is. */
  attested?: boolean
}

/** Compare-and-set on the credential's counter. */
export interface Spend {
  expected: number
  next: number
}

/**
 * `wrong`: not this code, or not a signature by this key for this question. `replayed`: right, but used before.
 * `clock`: right for another time; `clockOffset` says by how many seconds the authenticator is ahead (negative: behind).
 * `expired`: right, and too late. `unsent`: nothing was sent that this could answer. `unknown`: there is no such
 * authenticator to be had. `not-allowed`: no message goes there.
 * `malformed`: cannot be an answer at all. `unverified`: the authenticator did not check who is using it, and had to.
 * `cloned`: its signature counter went back. `untrusted`: not an authenticator that the policy accepts. `known`: this
 * authenticator is registered already.
 */
export type Rejection =
  | 'wrong'
  | 'replayed'
  | 'clock'
  | 'malformed'
  | 'expired'
  | 'unsent'
  | 'unknown'
  | 'not-allowed'
  | 'unverified'
  | 'cloned'
  | 'untrusted'
  | 'known'

/** `counter-went-back`: of a synced credential, whose devices count apart from one another (WebAuthn L3 §6.1.1). */
export type Suspicion = 'counter-went-back'

export interface Enrolment {
  /** Confirming proves that somebody has a thing that is not theirs to choose: whoever guesses is counted, and waits. */
  readonly counted?: boolean
  /** Told once the account has the credential. */
  kept?(credential: Credential): Promise<void>
  /** A new secret, and what the page shows of it. Nothing is stored with the account yet. `own`: of this factor. */
  begin(own: readonly Credential[], context: FactorContext): Promise<Draft>
  /** Proves that the person holds it. */
  finish(answer: string, draft: Draft, context: FactorContext): Promise<EnrolmentVerdict>
  /** Only where the factor is a device that presents itself. */
  readonly remote?: RemoteEnrolment
}

export interface Draft {
  secret: string
  /** What the enrolment page shows: plain JSON, kept sealed while the page is open. */
  shown: Record<string, unknown>
  /** Names by which a device finds this enrolment: hashes of what it was told. */
  names?: readonly string[]
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
      assurance?: Assurance
      /** A name for it, such as its model, where the person gives none. */
      label?: string
      /** True where the confirming answer was a proof of use, as a code is. */
      used: boolean
    }
  /** `draft`: takes the place of the one before, where the answer was its only one. */
  | { confirmed: false; reason: Rejection; clockOffset?: number; draft?: Draft }
  /** Right so far; more is to be proven. */
  | { confirmed: false; next: Draft }

/** A factor that is answered on another device. Nothing here counts or stores. */
export interface Remote {
  /** Where devices are told. */
  readonly delivery: Pick<PushDelivery, 'applicationServerKey' | 'readAddress'>
  /**
   * A new request in the place of the one before; undefined where there is no device to ask, or no more may be sent in this
   * sign-in. `question` is the one before.
   */
  ask(
    question: Question,
    credentials: readonly Credential[],
    facts: RequestFacts,
    context: FactorContext,
  ): Question | undefined
  /** What a device is shown of a request; undefined where nothing is asked, or it has expired. */
  show(question: Question, now: number): RemoteRequest | undefined
  /** Tells the devices. Never rejects. `changed`: credentials that cannot be told any more, with their new secret. */
  tell(question: Question, credentials: readonly Credential[]): Promise<Told>
  /** The question once it was answered without letting anybody in. */
  end(question: Question, how: RemoteEnd): Question
  /** A signed refusal; undefined where it is none, or not by a device of these. */
  readRefusal(
    answer: string,
    question: Question,
    credentials: readonly Credential[],
    context: FactorContext,
  ): Promise<'denied' | 'reported' | undefined>
}

/** `judging`: an answer is there, and nobody knows yet what it is worth. */
export type RemoteEnd = 'judging' | 'denied' | 'wrong'

export interface Told {
  /** Devices that were told. */
  reached: number
  changed: ReadonlyArray<{ credential: string; secret: string }>
}

/** What a person is shown of the sign-in that they are asked about. */
export interface RequestFacts {
  kind: 'sign-in' | 'backchannel'
  /** The relying party. */
  app: { name: string; logo?: string | undefined }
  sighting: Pick<Sighting, 'address' | 'country' | 'city' | 'browser' | 'system'> | null
  /** Of CIBA: shown on both devices. */
  bindingMessage?: string | undefined
  /** In which it can be answered, where whoever asks has less time or more than is usual. */
  seconds?: number | undefined
}

/** As the device API answers it. */
export interface RemoteRequest {
  id: string
  nonce: string
  /** Of the number that is typed on the device; 0: none. */
  digits: number
  /** Milliseconds since the Unix epoch. */
  expiresAt: number
  kind: RequestFacts['kind'] | 'test'
  /** JSON text, which the device signs the hash of. */
  shown: string
}

/** A device that presents itself to an enrolment that was begun elsewhere. */
export interface RemoteEnrolment {
  /** A new invitation, or a new test, in the place of the one before. */
  renew(draft: Draft, context: FactorContext): Draft
  /** What a device needs to present itself; undefined where the draft waits for none. */
  offer(draft: Draft, context: FactorContext): Record<string, unknown> | undefined
  /** `told`: what the device is answered. */
  present(
    answer: string,
    draft: Draft,
    context: FactorContext,
  ): Promise<{ draft: Draft; told: Record<string, unknown> } | { refused: Rejection }>
  /** The test that ends it, once there is one. */
  show(draft: Draft, now: number): RemoteRequest | undefined
  /** Tells the device of its test. Never rejects. */
  tell(draft: Draft): Promise<void>
}

/**
 * Codes that are sent. challenge/ counts what is sent, keeps the question or draft, and only then sends: whoever repeats a
 * request sends nothing twice.
 */
export interface Messages {
  /** A new code in the place of the one before; undefined where the account has nowhere to send it. */
  renew(
    question: Question,
    credentials: readonly Credential[],
    context: FactorContext,
  ): Promise<{ question: Question; message: CodeMessage } | undefined>
  /** Where the codes are to go, as the person typed it: a code goes there, which `enrolment.finish` expects. */
  address(
    typed: string,
    draft: Draft,
    own: readonly Credential[],
    context: FactorContext,
  ): Promise<{ draft: Draft; message: CodeMessage } | { refused: Rejection }>
  /** Rejects when it could not be handed over. */
  send(accountId: string, message: CodeMessage): Promise<void>
}

export interface CodeMessage {
  /** Same id: same message. */
  id: string
  /** A number in E.164, or a mail address. */
  to: string
  code: string
  /** Seconds for which it is good. */
  seconds: number
}

export interface Passkey {
  begin(context: FactorContext): Promise<Question>
  /** The handle of the credential that an answer names, if it names one. */
  handleOf(answer: string): string | undefined
}
