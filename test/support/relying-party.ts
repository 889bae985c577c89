import * as oidc from 'openid-client'
import type { Browser } from './browser.ts'

export const redirectUri = 'http://rp.invalid/callback'

/** Metadata of the client that tests sign in at. */
export const testClient = {
  client_id: 'rp',
  client_secret: 'a secret of the relying party',
  client_name: 'Test application',
  redirect_uris: [redirectUri],
  post_logout_redirect_uris: ['http://rp.invalid/'],
  grant_types: ['authorization_code', 'refresh_token'],
  response_types: ['code' as const],
}

/** A relying party by openid-client: builds requests, and verifies what comes back. */
export const discoverRelyingParty = async (
  issuer: string,
  client: { client_id: string; client_secret: string } = testClient,
) => {
  const config = await oidc.discovery(
    new URL(issuer),
    client.client_id,
    client.client_secret,
    oidc.ClientSecretBasic(client.client_secret),
    { execute: [oidc.allowInsecureRequests] },
  )
  const successors = new Map<string, string>()
  return {
    config,
    async begin(parameters: Record<string, string> = {}) {
      const codeVerifier = oidc.randomPKCECodeVerifier()
      const request = {
        redirect_uri: redirectUri,
        scope: 'openid profile email offline_access',
        code_challenge: await oidc.calculatePKCECodeChallenge(codeVerifier),
        code_challenge_method: 'S256',
        state: oidc.randomState(),
        nonce: oidc.randomNonce(),
        ...parameters,
      }
      const url = oidc.buildAuthorizationUrl(config, request)
      return {
        url,
        finish: (callback: URL) =>
          oidc.authorizationCodeGrant(config, callback, {
            pkceCodeVerifier: codeVerifier,
            expectedState: request.state,
            expectedNonce: request.nonce,
          }),
      }
    },
    /** With the newest token that came of this one: a test that goes on must not fail for having kept a spent one. */
    async refresh(token: string) {
      let newest = token
      for (let next = successors.get(newest); next !== undefined; next = successors.get(newest)) newest = next
      const tokens = await oidc.refreshTokenGrant(config, newest)
      if (tokens.refresh_token !== undefined && tokens.refresh_token !== newest)
        successors.set(newest, tokens.refresh_token)
      return tokens
    },
    userinfo: (token: string, sub: string) => oidc.fetchUserInfo(config, token, sub),
    introspect: (token: string) => oidc.tokenIntrospection(config, token),
  }
}

export type RelyingParty = Awaited<ReturnType<typeof discoverRelyingParty>>

/** The error with which the provider sent the browser back, if it did. */
export const errorOf = (answer: Awaited<ReturnType<Browser['get']>>): string | null =>
  answer.url.searchParams.get('error')
export const codeOf = (answer: Awaited<ReturnType<Browser['get']>>): string | null =>
  answer.url.searchParams.get('code')
