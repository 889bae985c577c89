import type { Factor } from '../factor.ts'
import { finishRegistration, type RegistrationDraft } from './enrolment.ts'
import { creationOptions, requestOptions, type WebAuthnOptions } from './options.ts'
import { isAssertionTo, readAssertion, readAttestation } from './response.ts'
import { verifyAssertion } from './verify.ts'

export type { WebAuthnOptions } from './options.ts'

/**
 * Passkeys and security keys (WebAuthn Level 3). Answers are the JSON text of what `credential.toJSON()` gives; a
 * question is `{ options }`, as `PublicKeyCredential.parseRequestOptionsFromJSON` takes them, and `discoverable: true`
 * where any passkey may answer.
 */
export const webauthn = (options: WebAuthnOptions): Factor => ({
  name: 'webauthn',
  selfEnrolled: true,
  attested: options.authenticators !== undefined,
  isAnswerTo: (answer, question) => isAssertionTo(answer, question),
  accepts: (answer) => readAssertion(answer) !== undefined || readAttestation(answer) !== undefined,
  async begin(credentials, context) {
    return { options: requestOptions(credentials, options.userVerification ?? 'preferred', options, context) }
  },
  verify: (answer, question, credentials) => verifyAssertion(answer, question, credentials, options),
  passkey: {
    async begin(context) {
      return { options: requestOptions([], 'required', options, context), discoverable: true }
    },
    handleOf: (answer) => readAssertion(answer)?.id,
  },
  enrolment: {
    async begin(own, context) {
      const shown = creationOptions(own, options, context)
      const secret: RegistrationDraft = { challenge: shown.challenge, userHandle: shown.user.id }
      return { secret: JSON.stringify(secret), shown: { options: shown } }
    },
    finish: (answer, draft, context) => finishRegistration(answer, draft, options, context),
  },
})
