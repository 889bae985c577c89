import { type AuthorizationCode, type Client, errors, type KoaContextWithOIDC } from 'oidc-provider'
import type { OwnProperty } from './own-metadata.ts'

/** Client metadata: `fapi2` holds a relying party to the FAPI 2.0 Security Profile. */
export const profileProperty = 'profile'

export const fapiProfile = 'fapi2'

/** §5.3.2.1, §5.4.1: what proves a client without a secret that both sides know, and what may sign. */
export const fapiAuthentication = ['private_key_jwt', 'tls_client_auth', 'self_signed_tls_client_auth']
export const fapiSignatures = ['ES256', 'PS256', 'EdDSA', 'Ed25519']

/** Seconds: the longest life of a code (§5.3.2.1). */
const longestCode = 60

type Metadata = Parameters<OwnProperty['check']>[1]

/** Nobody has checked yet whether it is a list. */
const listed = (value: unknown): unknown[] => (value === undefined ? [] : [value].flat())

const isHttps = (uri: unknown): boolean => URL.parse(String(uri))?.protocol === 'https:'

/** What the profile demands of client metadata, in words for whoever registers. */
const demands: ReadonlyArray<readonly [demand: string, isMet: (client: Metadata) => boolean]> = [
  [
    `token_endpoint_auth_method ${fapiAuthentication.join(' or ')}`,
    (client) => fapiAuthentication.includes(String(client.token_endpoint_auth_method)),
  ],
  [
    'require_pushed_authorization_requests',
    (client) => client.require_pushed_authorization_requests === true,
  ],
  [
    'dpop_bound_access_tokens or tls_client_certificate_bound_access_tokens',
    (client) =>
      client.dpop_bound_access_tokens === true || client.tls_client_certificate_bound_access_tokens === true,
  ],
  ['PKCE', (client) => client['require_pkce'] !== false],
  ['no response type but code', (client) => listed(client.response_types).every((type) => type === 'code')],
  [
    'redirect_uris with https',
    (client) => client.application_type === 'native' || listed(client.redirect_uris).every(isHttps),
  ],
  [
    `signatures by ${fapiSignatures.join(', ')}`,
    (client) =>
      Object.entries(client).every(
        ([name, algs]) =>
          !/_(signed_response|signing)_alg(_values_supported)?$/.test(name) ||
          [algs].flat().every((alg) => fapiSignatures.includes(String(alg))),
      ),
  ],
]

export const fapiClients: OwnProperty = {
  name: profileProperty,
  check(value, client) {
    if (value === undefined) return
    if (value !== fapiProfile)
      throw new errors.InvalidClientMetadata(`${profileProperty} must be ${fapiProfile}`)
    const missing = demands.filter(([, isMet]) => !isMet(client)).map(([demand]) => demand)
    if (missing.length > 0)
      throw new errors.InvalidClientMetadata(`${profileProperty} ${fapiProfile} needs ${missing.join('; ')}`)
  },
}

export const isFapi = (client: Client | undefined): boolean =>
  (client as { [profileProperty]?: unknown } | undefined)?.[profileProperty] === fapiProfile

/** As oidc-provider asks for it; it then looks closer at assertions and request objects by itself. */
export const profileOf = (_ctx: KoaContextWithOIDC, client: Client | undefined): '2.0' | undefined =>
  isFapi(client) ? '2.0' : undefined

/** Seconds that a code lives. */
export const codeLife =
  (seconds: number) =>
  (_ctx: KoaContextWithOIDC, _code: AuthorizationCode, client: Client): number =>
    isFapi(client) ? Math.min(seconds, longestCode) : seconds
