import type { ClientMetadata, Configuration } from 'oidc-provider'
import type { SignatureAlgorithm } from './algorithms.ts'

type Enabled = NonNullable<Configuration['enabledJWA']>

/** What others sign with their own keys. No `none`, and nothing that our copy of their secret could sign as well. */
export const signaturesOfOthers = [
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
  'PS256',
  'PS384',
  'PS512',
  'RS256',
] as const

/** For the keys of relying parties (RFC 7518 §4.3, §4.6). No RSA1_5 (padding oracle), and nothing made of their secret. */
export const keyEncryptions = [
  'ECDH-ES',
  'ECDH-ES+A128KW',
  'ECDH-ES+A256KW',
  'RSA-OAEP',
  'RSA-OAEP-256',
  'RSA-OAEP-512',
] as const

/** All of them authenticate; the CBC ones are what a client gets that names none (OIDC Registration §2). */
export const contentEncryptions = ['A128GCM', 'A256GCM', 'A128CBC-HS256', 'A256CBC-HS512'] as const

/** `ours`: what there are keys for. */
export const enabledAlgorithms = (ours: readonly SignatureAlgorithm[]): Enabled => ({
  idTokenSigningAlgValues: [...ours],
  userinfoSigningAlgValues: [...ours],
  introspectionSigningAlgValues: [...ours],
  authorizationSigningAlgValues: [...ours],
  clientAuthSigningAlgValues: [...signaturesOfOthers],
  requestObjectSigningAlgValues: [...signaturesOfOthers],
  dPoPSigningAlgValues: signaturesOfOthers.filter((alg) => alg !== 'RS256'),
  idTokenEncryptionAlgValues: [...keyEncryptions],
  userinfoEncryptionAlgValues: [...keyEncryptions],
  introspectionEncryptionAlgValues: [...keyEncryptions],
  authorizationEncryptionAlgValues: [...keyEncryptions],
  idTokenEncryptionEncValues: [...contentEncryptions],
  userinfoEncryptionEncValues: [...contentEncryptions],
  introspectionEncryptionEncValues: [...contentEncryptions],
  authorizationEncryptionEncValues: [...contentEncryptions],
  // A pushed request is hidden by TLS and seen by nobody else: there is no key of ours to encrypt to.
  requestObjectEncryptionAlgValues: [],
  requestObjectEncryptionEncValues: [],
})

/** What is signed with for a client that asks for nothing else; oidc-provider's RS256 may have no key. */
export const signatureDefaults = (ours: readonly SignatureAlgorithm[]): Partial<ClientMetadata> => {
  const [alg = 'ES256'] = ours
  return {
    id_token_signed_response_alg: alg,
    introspection_signed_response_alg: alg,
    authorization_signed_response_alg: alg,
  } as Partial<ClientMetadata>
}
