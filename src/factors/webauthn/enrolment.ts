import { z } from 'zod'
import type { Draft, EnrolmentVerdict, FactorContext, Rejection } from '../factor.ts'
import { algorithmOf, coseIdentifiers, coseLabels, defaultAlgorithms } from './algorithms.ts'
import { acceptedFormats, isTrusted } from './attestation.ts'
import { assuranceOf, methodsOf, type StoredCredential, writeCredential } from './credential.ts'
import { modelName } from './model-name.ts'
import type { WebAuthnOptions } from './options.ts'
import { type Attestation, isEmbeddedRightly, readAttestation } from './response.ts'

const draftSchema = z.object({ challenge: z.string().min(1), userHandle: z.string().min(1) })

/** What has to stay on the server until the browser answers. */
export type RegistrationDraft = z.infer<typeof draftSchema>

/** Verifies a new credential, WebAuthn L3 §7.1. That nobody has it already, the directory decides. */
export const finishRegistration = async (
  answer: string,
  draft: Draft,
  options: WebAuthnOptions,
  { now }: FactorContext,
): Promise<EnrolmentVerdict> => {
  const attestation = readAttestation(answer)
  if (!attestation) return refused('malformed')
  const { challenge, userHandle } = draftSchema.parse(JSON.parse(draft.secret))
  const claimed = await readClaims(attestation)
  if (!claimed) return refused('malformed')
  const algorithm = algorithmOf(claimed.key, options.algorithms ?? defaultAlgorithms)
  if (!acceptedFormats.includes(claimed.fmt) || !algorithm) return refused('untrusted')
  const verified = await verifyStatement(attestation, challenge, coseIdentifiers[algorithm], options)
  if (!verified || verified.credentialId !== attestation.id) return refused('wrong')
  if (!isVouchedRightly(claimed)) return refused('wrong')
  if (options.userVerification === 'required' && !verified.userVerified) return refused('unverified')
  const { authenticators } = options
  if (authenticators && !isTrusted({ ...claimed, aaguid: verified.aaguid }, authenticators, now))
    return refused('untrusted')
  const { publicKey, aaguid, backupEligible, backedUp, userVerified } = verified
  const credential: StoredCredential = {
    v: 1,
    userHandle,
    publicKey,
    alg: coseIdentifiers[algorithm],
    transports: attestation.response.transports,
    aaguid,
    fmt: claimed.fmt,
    attested: authenticators !== undefined,
    backupEligible,
    backedUp,
    userVerified,
    discoverable: attestation.clientExtensionResults.credProps?.rk ?? null,
  }
  const label = await modelName(aaguid)
  return {
    confirmed: true,
    secret: writeCredential(credential),
    counter: verified.counter,
    handle: attestation.id,
    amr: methodsOf(credential, userVerified),
    assurance: assuranceOf(credential, userVerified),
    ...(label !== undefined && { label }),
    used: false,
  }
}

const refused = (reason: Rejection): EnrolmentVerdict => ({ confirmed: false, reason })

const claims = z.object({
  fmt: z.string(),
  /** A COSE_Key by its labels. */
  key: z.map(z.number(), z.unknown()),
  /** Of the signature in the attestation statement, if it has one. */
  alg: z.unknown(),
  /** The certificates of the attestation statement, if it has any. */
  x5c: z.array(z.instanceof(Uint8Array)).default([]),
})

type Claims = z.infer<typeof claims>

/** An authenticator that vouches for itself does so with the key's own algorithm (WebAuthn L3 §8.2). */
const isVouchedRightly = ({ fmt, alg, key, x5c }: Claims): boolean =>
  fmt !== 'packed' || x5c.length > 0 || alg === key.get(coseLabels.alg)

/** What the authenticator says, before anything is verified; undefined when it says nothing that can be read. */
const readClaims = async ({ response }: Attestation): Promise<Claims | undefined> => {
  const { decodeAttestationObject, decodeCredentialPublicKey, parseAuthenticatorData } = await import(
    '@simplewebauthn/server/helpers'
  )
  try {
    const object = decodeAttestationObject(bytesOf(response.attestationObject))
    const { credentialPublicKey } = parseAuthenticatorData(object.get('authData'))
    if (!credentialPublicKey) return undefined
    return claims.parse({
      fmt: object.get('fmt'),
      key: decodeCredentialPublicKey(credentialPublicKey),
      alg: object.get('attStmt').get('alg'),
      x5c: object.get('attStmt').get('x5c'),
    })
  } catch {
    return undefined
  }
}

const verifyStatement = async (
  { id, rawId, type, response }: Attestation,
  challenge: string,
  algorithm: number,
  { rpId, origins, topOrigins = [] }: WebAuthnOptions,
) => {
  const { verifyRegistrationResponse } = await import('@simplewebauthn/server')
  const { clientDataJSON, attestationObject } = response
  try {
    if (!isEmbeddedRightly(clientDataJSON, topOrigins)) return undefined
    const { verified, registrationInfo } = await verifyRegistrationResponse({
      response: {
        id,
        rawId,
        type,
        response: { clientDataJSON, attestationObject },
        clientExtensionResults: {},
      },
      expectedChallenge: challenge,
      expectedOrigin: [...origins],
      expectedRPID: rpId,
      supportedAlgorithmIDs: [algorithm],
      // Judged by the caller, which says so.
      requireUserVerification: false,
    })
    if (!verified) return undefined
    const { credential, aaguid, userVerified, credentialDeviceType, credentialBackedUp } = registrationInfo
    return {
      credentialId: credential.id,
      publicKey: Buffer.from(credential.publicKey).toString('base64url'),
      counter: credential.counter,
      aaguid: aaguid.toLowerCase(),
      userVerified,
      backupEligible: credentialDeviceType === 'multiDevice',
      backedUp: credentialBackedUp,
    }
  } catch {
    return undefined
  }
}

const bytesOf = (text: string) => new Uint8Array(Buffer.from(text, 'base64url'))
