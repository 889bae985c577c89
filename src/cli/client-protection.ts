import { fapiAuthentication, fapiProfile, fapiSignatures } from '../provider/clients/fapi.ts'
import { rotations } from '../provider/clients/refresh-rotation.ts'
import { contentEncryptions, keyEncryptions } from '../provider/keys/enabled-algorithms.ts'
import { Refusal } from './io.ts'

/** How requests, responses and tokens of a relying party are protected. */
export interface ProtectionOptions {
  public: boolean
  redirectUri: string[]
  auth?: string
  jwks?: string
  jwksUri?: string
  idTokenAlg?: string
  pkce?: string
  refreshRotation?: string
  boundTokens?: string
  requirePar: boolean
  requireSignedRequest: boolean
  profile?: string
  userinfoAlg?: string
  introspectionAlg?: string
  responseAlg?: string
  encrypt: string[]
  encryptionAlg?: string
}

export const signatures = ['ES256', 'EdDSA', 'PS256', 'RS256']

/** What may be encrypted, and its name in client metadata. */
const encrypted: Readonly<Record<string, string>> = {
  'id-token': 'id_token',
  userinfo: 'userinfo',
  introspection: 'introspection',
  response: 'authorization',
}

const bindings: Readonly<Record<string, string>> = {
  dpop: 'dpop_bound_access_tokens',
  mtls: 'tls_client_certificate_bound_access_tokens',
}

const oneOf = (option: string, value: string | undefined, known: readonly string[]): void => {
  if (value !== undefined && !known.includes(value))
    throw new Refusal(`There is no ${option} ${value}; there are ${known.join(', ')}.`)
}

const checkKnown = (options: ProtectionOptions): void => {
  oneOf('--pkce', options.pkce, ['required', 'optional'])
  oneOf('--refresh-rotation', options.refreshRotation, rotations)
  oneOf('--bound-tokens', options.boundTokens, Object.keys(bindings))
  oneOf('--profile', options.profile, [fapiProfile])
  oneOf('--userinfo-alg', options.userinfoAlg, signatures)
  oneOf('--introspection-alg', options.introspectionAlg, signatures)
  oneOf('--response-alg', options.responseAlg, signatures)
  oneOf('--encryption-alg', options.encryptionAlg, keyEncryptions)
  for (const what of options.encrypt) oneOf('--encrypt', what, Object.keys(encrypted))
}

const checkTogether = (options: ProtectionOptions): void => {
  const hasKeys = options.jwks !== undefined || options.jwksUri !== undefined
  if (options.pkce === 'optional' && options.public)
    throw new Refusal('--pkce optional is not for apps without a secret: PKCE is all that protects them.')
  if (options.requireSignedRequest && !hasKeys)
    throw new Refusal('--require-signed-request needs --jwks or --jwks-uri.')
  if (options.encrypt.length > 0 && !hasKeys) throw new Refusal('--encrypt needs --jwks or --jwks-uri.')
  if (options.encryptionAlg !== undefined && options.encrypt.length === 0)
    throw new Refusal('--encryption-alg needs --encrypt.')
  // OIDC Registration §2: what is encrypted is signed first.
  if (options.encrypt.includes('userinfo') && options.userinfoAlg === undefined)
    throw new Refusal('--encrypt userinfo needs --userinfo-alg.')
}

/** What FAPI 2.0 asks for; what follows from it by itself is set. */
const checkProfile = (options: ProtectionOptions): void => {
  if (options.profile === undefined) return
  const needs = (what: string) => new Refusal(`--profile ${fapiProfile} needs ${what}.`)
  if (!fapiAuthentication.includes(options.auth ?? ''))
    throw needs(`--auth ${fapiAuthentication.join(' or ')}`)
  if (options.boundTokens === undefined) throw needs('--bound-tokens dpop or mtls')
  if (options.pkce === 'optional') throw needs('PKCE')
  for (const alg of [options.idTokenAlg, options.userinfoAlg, options.introspectionAlg, options.responseAlg])
    if (alg !== undefined && !fapiSignatures.includes(alg))
      throw needs(`signatures by ${fapiSignatures.join(', ')}`)
  if (options.redirectUri.some((uri) => uri.startsWith('http:')))
    throw needs('each --redirect-uri with https')
}

/** Client metadata. */
export const protectionOf = (options: ProtectionOptions): Record<string, unknown> => {
  checkKnown(options)
  checkTogether(options)
  checkProfile(options)
  const { pkce, boundTokens, encryptionAlg = 'ECDH-ES' } = options
  return {
    ...(pkce !== undefined && { require_pkce: pkce === 'required' }),
    ...(options.refreshRotation !== undefined && { refresh_token_rotation: options.refreshRotation }),
    ...(boundTokens !== undefined && { [bindings[boundTokens] as string]: true }),
    ...((options.requirePar || options.profile !== undefined) && {
      require_pushed_authorization_requests: true,
    }),
    ...(options.requireSignedRequest && { require_signed_request_object: true }),
    ...(options.profile !== undefined && { profile: options.profile }),
    ...(options.userinfoAlg !== undefined && { userinfo_signed_response_alg: options.userinfoAlg }),
    ...(options.introspectionAlg !== undefined && {
      introspection_signed_response_alg: options.introspectionAlg,
    }),
    ...(options.responseAlg !== undefined && { authorization_signed_response_alg: options.responseAlg }),
    ...Object.fromEntries(
      options.encrypt.flatMap((what) => [
        [`${encrypted[what]}_encrypted_response_alg`, encryptionAlg],
        [`${encrypted[what]}_encrypted_response_enc`, contentEncryptions[1]],
      ]),
    ),
  }
}
