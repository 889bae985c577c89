import type { PublicKeyCredentialCreationOptionsJSON } from '@simplewebauthn/server'
import type { Credential } from '../../directory/directory.ts'
import type { Assurance, FactorContext, Rejection, Suspicion } from '../factor.ts'
import { finishRegistration, type RegistrationDraft } from './enrolment.ts'
import { creationOptions, type WebAuthnOptions } from './options.ts'
import { verifyAssertion } from './verify.ts'

/** What is kept of a credential that proves no more than that its user was verified. `id`: base64url. */
interface Kept {
  id: string
  secret: string
  counter: number
}

/**
 * The authenticator that is built into a device (WebAuthn L3 §6.2.1), as proof that its user was verified by PIN, finger or
 * face, now; a part of another factor, and no passkey: it signs nobody in. Judged by the code that judges passkeys, but
 * user verification is always required, the page must not be embedded, and no model is asked for.
 */
export const platformPresence = ({ rpId, origins, algorithms, timeout }: WebAuthnOptions) => {
  const options: WebAuthnOptions = {
    rpId,
    origins,
    userVerification: 'required',
    hints: ['client-device'],
    ...(algorithms && { algorithms }),
    ...(timeout !== undefined && { timeout }),
  }

  return {
    rpId,

    creationOptions(
      { challenge, userHandle }: RegistrationDraft,
      context: FactorContext,
    ): PublicKeyCredentialCreationOptionsJSON {
      const usual = creationOptions([], options, context)
      return {
        ...usual,
        challenge,
        user: { ...usual.user, id: userHandle },
        authenticatorSelection: {
          ...usual.authenticatorSelection,
          // Not discoverable, it stays in the device on Android, and is in no list of passkeys.
          residentKey: 'discouraged',
        },
      }
    },

    async register(
      answer: unknown,
      { challenge, userHandle }: RegistrationDraft,
      context: FactorContext,
    ): Promise<(Kept & { assurance: Assurance }) | { refused: Rejection }> {
      const secret = JSON.stringify({ challenge, userHandle })
      const verdict = await finishRegistration(textOf(answer), { secret, shown: {} }, options, context)
      if (!verdict.confirmed) return { refused: 'reason' in verdict ? verdict.reason : 'wrong' }
      const { handle, counter, assurance = {} } = verdict
      return { id: handle ?? '', secret: verdict.secret, counter, assurance }
    },

    async verify(
      assertion: unknown,
      challenge: string,
      { id, secret, counter }: Kept,
    ): Promise<
      | { counter: number; secret?: string; assurance: Assurance; suspicion?: Suspicion }
      | { refused: Rejection }
    > {
      const credential: Credential = {
        id,
        accountId: '',
        factor: 'webauthn',
        label: '',
        handle: id,
        secret,
        counter,
        createdAt: 0,
        lastUsedAt: null,
      }
      const question = {
        options: { challenge, rpId, allowCredentials: [{ id }], userVerification: 'required' },
      }
      const verdict = await verifyAssertion(textOf(assertion), question, [credential], options)
      if (!verdict.verified) return { refused: verdict.reason }
      const { spend, assurance = {}, suspicion } = verdict
      return {
        counter: spend.next,
        assurance,
        ...(verdict.secret !== undefined && { secret: verdict.secret }),
        ...(suspicion && { suspicion }),
      }
    },
  }
}

/** Undefined is no text; it is no answer either. */
const textOf = (json: unknown): string => JSON.stringify(json) ?? ''
