import { z } from 'zod'
import type { Credential } from '../../directory/directory.ts'
import type { Rejection, Verdict } from '../factor.ts'
import {
  assuranceOf,
  methodsOf,
  readCredential,
  type StoredCredential,
  writeCredential,
} from './credential.ts'
import type { WebAuthnOptions } from './options.ts'
import { type Assertion, isEmbeddedRightly, readAssertion } from './response.ts'

/** What `begin` asked; an answer is judged by this, not by the settings of today. */
const asked = z.object({
  options: z.object({
    challenge: z.string().min(1),
    rpId: z.string().min(1),
    allowCredentials: z.array(z.object({ id: z.string() })),
    userVerification: z.enum(['preferred', 'required']),
  }),
  /** Any passkey of the relying party may answer: who is there is said by the answer. */
  discoverable: z.boolean().default(false),
})

type Asked = z.infer<typeof asked>

/** Verifies an assertion, WebAuthn L3 §7.2. `credentials`: of the account that is asked. */
export const verifyAssertion = async (
  answer: string,
  question: unknown,
  credentials: readonly Credential[],
  options: WebAuthnOptions,
): Promise<Verdict> => {
  const assertion = readAssertion(answer)
  if (!assertion) return refused('malformed')
  const { data } = asked.safeParse(question)
  const credential = credentials.find(({ handle }) => handle === assertion.id)
  if (!data || !credential || !mayAnswer(assertion, data)) return refused('wrong')
  const stored = readCredential(credential)
  if (!isOwner(assertion, data, stored)) return refused('wrong')
  const signed = await verifySignature(assertion, data, stored, options)
  if (!signed || signed.backupEligible !== stored.backupEligible) return refused('wrong')
  if (data.options.userVerification === 'required' && !signed.userVerified) return refused('unverified')
  const wentBack = counterWentBack(credential.counter, signed.counter)
  if (wentBack && !stored.backupEligible) return refused('cloned')
  const next = {
    ...stored,
    backedUp: signed.backedUp,
    userVerified: stored.userVerified || signed.userVerified,
  }
  const changed = next.backedUp !== stored.backedUp || next.userVerified !== stored.userVerified
  return {
    verified: true,
    credential: credential.id,
    spend: { expected: credential.counter, next: Math.max(credential.counter, signed.counter) },
    amr: methodsOf(stored, signed.userVerified),
    assurance: assuranceOf(stored, signed.userVerified),
    ...(changed && { secret: writeCredential(next) }),
    ...(wentBack && { suspicion: 'counter-went-back' }),
  }
}

const refused = (reason: Rejection): Verdict => ({ verified: false, reason })

const mayAnswer = ({ id }: Assertion, { options, discoverable }: Asked): boolean =>
  discoverable || options.allowCredentials.some((allowed) => allowed.id === id)

/** Where nobody said who they are, the user handle has to. */
const isOwner = (
  { response }: Assertion,
  { discoverable }: Asked,
  { userHandle }: StoredCredential,
): boolean => response.userHandle === userHandle || (!discoverable && (response.userHandle ?? null) === null)

/** Zero on both sides: the authenticator does not count (WebAuthn L3 §6.1.1). */
const counterWentBack = (stored: number, signed: number): boolean =>
  (stored > 0 || signed > 0) && signed <= stored

interface Signed {
  counter: number
  userVerified: boolean
  backupEligible: boolean
  backedUp: boolean
}

/** What the authenticator signed for this question; undefined when it did not. The library's reasons stay here. */
const verifySignature = async (
  { id, rawId, type, response }: Assertion,
  { options: { challenge, rpId } }: Asked,
  { publicKey }: StoredCredential,
  { origins, topOrigins = [] }: WebAuthnOptions,
): Promise<Signed | undefined> => {
  const { verifyAuthenticationResponse } = await import('@simplewebauthn/server')
  const { clientDataJSON, authenticatorData, signature } = response
  try {
    if (!isEmbeddedRightly(clientDataJSON, topOrigins)) return undefined
    const { verified, authenticationInfo } = await verifyAuthenticationResponse({
      response: {
        id,
        rawId,
        type,
        response: { clientDataJSON, authenticatorData, signature },
        clientExtensionResults: {},
      },
      expectedChallenge: challenge,
      expectedOrigin: [...origins],
      expectedTopOrigin: [...topOrigins],
      expectedRPID: rpId,
      // The counter and the user's verification are judged by the caller: from zero, every counter is good.
      credential: { id, publicKey: new Uint8Array(Buffer.from(publicKey, 'base64url')), counter: 0 },
      requireUserVerification: false,
    })
    const { newCounter, userVerified, credentialDeviceType, credentialBackedUp } = authenticationInfo
    return verified
      ? {
          counter: newCounter,
          userVerified,
          backupEligible: credentialDeviceType === 'multiDevice',
          backedUp: credentialBackedUp,
        }
      : undefined
  } catch {
    return undefined
  }
}
