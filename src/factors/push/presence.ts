import type { Assurance, FactorContext, Rejection, Suspicion } from '../factor.ts'
import type { KeptAuthenticator } from './device.ts'

/**
 * The phone's own authenticator (WebAuthn Level 3), which says that its user was verified by PIN, finger or face, now.
 * Texts of bytes are base64url.
 */
export interface Presence {
  readonly rpId: string
  /** PublicKeyCredentialCreationOptionsJSON. */
  creationOptions(asked: PresenceAsked, context: FactorContext): object
  /** `answer`: RegistrationResponseJSON. */
  register(
    answer: unknown,
    asked: PresenceAsked,
    context: FactorContext,
  ): Promise<(KeptAuthenticator & { assurance: Assurance }) | { refused: Rejection }>
  /** `assertion`: AuthenticationResponseJSON. `secret`: as it is from now on, where that is new. */
  verify(
    assertion: unknown,
    challenge: string,
    kept: KeptAuthenticator,
  ): Promise<
    { counter: number; secret?: string; assurance: Assurance; suspicion?: Suspicion } | { refused: Rejection }
  >
}

/** What a new credential of the authenticator is made for; both are random. */
export interface PresenceAsked {
  challenge: string
  userHandle: string
}
