import type { ClientMetadata } from '../directory/directory.ts'

export const accountClientId = 'duepassi-account'

/**
 * The security page as the provider knows it: a public client with PKCE, to be put into its configuration. It asks for
 * `openid` alone, so that its tokens are good for nothing but userinfo, and end with the provider's session.
 */
export const accountClient = (issuer: string, brand: { name: string }) =>
  ({
    client_id: accountClientId,
    client_name: brand.name,
    client_uri: `${issuer}/account`,
    redirect_uris: [`${issuer}/account/callback`],
    post_logout_redirect_uris: [`${issuer}/account/signed-out`],
    token_endpoint_auth_method: 'none' as const,
    grant_types: ['authorization_code'],
    response_types: ['code' as const],
    scope: 'openid',
    require_auth_time: true,
  }) satisfies ClientMetadata
