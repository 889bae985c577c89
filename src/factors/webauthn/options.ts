import type {
  PublicKeyCredentialCreationOptionsJSON,
  PublicKeyCredentialHint,
  PublicKeyCredentialRequestOptionsJSON,
} from '@simplewebauthn/server'
import type { Credential } from '../../directory/directory.ts'
import type { FactorContext } from '../factor.ts'
import { type Algorithm, coseIdentifiers, defaultAlgorithms } from './algorithms.ts'
import { readCredential } from './credential.ts'
import type { Metadata } from './metadata.ts'

export interface WebAuthnOptions {
  /** RP ID: the host name, or a registrable parent of it (WebAuthn L3 §5.1.2). */
  rpId: string
  /** Origins whose pages may register and sign in: the issuer's, and related ones (§5.11). Compared exactly. */
  origins: readonly string[]
  /** Origins of pages in which ours may be embedded; none: a cross-origin ceremony is refused. */
  topOrigins?: readonly string[]
  /** What is offered for new keys, the preferred first. Keys that exist stay valid. Default: ES256, EdDSA, RS256. */
  algorithms?: readonly Algorithm[]
  /** Of the second factor and of new keys; default `preferred`. Signing in with a passkey alone always requires it. */
  userVerification?: 'preferred' | 'required'
  hints?: readonly PublicKeyCredentialHint[]
  /** Only these models may be registered, proven by attestation; absent: any, and attestation is not asked for. */
  authenticators?: AllowedAuthenticators
  /** Milliseconds; default 300 000 (§15.1). */
  timeout?: number
}

export interface AllowedAuthenticators {
  /** AAGUIDs, lower case. */
  allowed: readonly string[]
  metadata: Metadata
}

const defaultTimeout = 300_000

/** 256 bits; WebAuthn L3 §13.4.3 asks for 128 at least. */
const newChallenge = ({ random }: FactorContext): string => random(32).toString('base64url')

/** What `navigator.credentials.get` is asked. No credentials: whoever has a passkey of this relying party. */
export const requestOptions = (
  credentials: readonly Credential[],
  userVerification: 'preferred' | 'required',
  options: WebAuthnOptions,
  context: FactorContext,
): PublicKeyCredentialRequestOptionsJSON => ({
  challenge: newChallenge(context),
  rpId: options.rpId,
  allowCredentials: descriptors(credentials),
  userVerification,
  timeout: options.timeout ?? defaultTimeout,
  ...(options.hints && { hints: [...options.hints] }),
})

/** What `navigator.credentials.create` is asked; `own`: what the person has already. */
export const creationOptions = (
  own: readonly Credential[],
  options: WebAuthnOptions,
  context: FactorContext,
): PublicKeyCredentialCreationOptionsJSON => {
  const { algorithms = defaultAlgorithms, userVerification = 'preferred', hints } = options
  const attachment = attachmentOf(hints)
  return {
    rp: { id: options.rpId, name: context.issuerName },
    user: {
      id: userHandleOf(own) ?? context.random(64).toString('base64url'),
      name: context.accountName,
      displayName: context.accountName,
    },
    challenge: newChallenge(context),
    // The library's default depends on the version of Node, and begins with what an older one cannot verify.
    pubKeyCredParams: algorithms.map((name) => ({ type: 'public-key', alg: coseIdentifiers[name] })),
    excludeCredentials: descriptors(own),
    authenticatorSelection: {
      residentKey: 'preferred',
      requireResidentKey: false,
      userVerification,
      ...(attachment && { authenticatorAttachment: attachment }),
    },
    attestation: options.authenticators ? 'direct' : 'none',
    extensions: { credProps: true },
    timeout: options.timeout ?? defaultTimeout,
    ...(hints && { hints: [...hints] }),
  }
}

/** One handle for all passkeys of a person, so that an authenticator replaces rather than piles up (§14.6.1). */
const userHandleOf = ([first]: readonly Credential[]): string | undefined =>
  first && readCredential(first).userHandle

const descriptors = (credentials: readonly Credential[]) =>
  credentials.map((credential) => ({
    type: 'public-key' as const,
    id: credential.handle ?? '',
    transports: readCredential(credential).transports,
  }))

/** For browsers that do not know hints yet (WebAuthn L3 §5.8.7). */
const attachmentOf = (hints: readonly PublicKeyCredentialHint[] = []) => {
  if (hints.length === 0) return undefined
  if (hints.every((hint) => hint === 'client-device')) return 'platform'
  return hints.includes('client-device') ? undefined : 'cross-platform'
}
