import assert from 'node:assert/strict'
import type { webcrypto } from 'node:crypto'
import { exportJWK } from 'jose'
import * as oidc from 'openid-client'
import type { ClientMetadata } from '../../../src/directory/directory.ts'
import { type Answer, Browser } from '../../support/browser.ts'
import { password, type TestProvider } from '../../support/provider.ts'
import { redirectUri, testClient } from '../../support/relying-party.ts'

export interface PartyKey {
  privateKey: webcrypto.CryptoKey
  publicKey: webcrypto.CryptoKey
  /** The public part, as it is registered. */
  jwk: Record<string, unknown>
}

/** A key of a relying party, on P-256; `use` as in its metadata. */
export const makeKey = async (kid = 'party', use: 'sig' | 'enc' = 'sig'): Promise<PartyKey> => {
  const { privateKey, publicKey } =
    use === 'sig'
      ? await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify'])
      : await crypto.subtle.generateKey({ name: 'ECDH', namedCurve: 'P-256' }, true, ['deriveBits'])
  return { privateKey, publicKey, jwk: { ...(await exportJWK(publicKey)), kid, use } }
}

export const keySet = (...keys: PartyKey[]) => ({ jwks: { keys: keys.map(({ jwk }) => jwk) } })

/** Metadata of a client that proves itself by a key. */
export const byKey = (...keys: PartyKey[]) => ({
  token_endpoint_auth_method: 'private_key_jwt',
  client_secret: undefined,
  ...keySet(...keys),
})

type Parameters = Record<string, string>
type Tokens = oidc.TokenEndpointResponse & oidc.TokenEndpointResponseHelpers
type Dpop = { DPoP: oidc.DPoPHandle }

/** A relying party that speaks more than codes and secrets. */
export interface Party {
  id: string
  config: oidc.Configuration
  /** Parameters of a request with PKCE, and what redeems the code that comes of it. */
  prepare(over?: Parameters): Promise<{
    parameters: Parameters
    redeem(callback: URL | Request, options?: Dpop): Promise<Tokens>
  }>
}

export interface PartyOptions {
  /** Default: the secret in the header. */
  auth?: oidc.ClientAuth
  execute?: Array<(config: oidc.Configuration) => void>
  customFetch?: oidc.CustomFetch
}

export const joinParty = async (
  op: TestProvider,
  metadata: Partial<ClientMetadata> & { client_id: string },
  { auth = oidc.ClientSecretBasic(testClient.client_secret), execute = [], customFetch }: PartyOptions = {},
): Promise<Party> => {
  const given = { ...testClient, ...metadata }
  const client = Object.fromEntries(
    Object.entries(given).filter(([, value]) => value !== undefined),
  ) as ClientMetadata
  await op.duepassi.directory.addClient(client)
  const config = await oidc.discovery(
    new URL(op.issuer),
    client.client_id,
    client as Partial<oidc.ClientMetadata>,
    auth,
    {
      execute: [oidc.allowInsecureRequests, ...execute],
      ...(customFetch && { [oidc.customFetch]: customFetch }),
    },
  )
  return {
    id: client.client_id,
    config,
    async prepare(over = {}) {
      const verifier = oidc.randomPKCECodeVerifier()
      const [at = redirectUri] = (client.redirect_uris ?? []) as string[]
      const parameters = {
        redirect_uri: at,
        scope: 'openid profile email offline_access',
        code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
        state: oidc.randomState(),
        nonce: oidc.randomNonce(),
        ...over,
      }
      return {
        parameters,
        redeem: (callback, options) =>
          oidc.authorizationCodeGrant(
            config,
            callback,
            {
              pkceCodeVerifier: verifier,
              expectedState: parameters.state,
              expectedNonce: parameters.nonce,
            },
            undefined,
            options,
          ),
      }
    },
  }
}

const namesOfAnswers = /[?&#](code|id_token|access_token|response)=/

/** Password and code at an authorization request; after the password alone there is nothing yet. */
export const passBoth = async (
  op: TestProvider,
  secret: string,
  url: URL,
  browser = new Browser(),
): Promise<Answer> => {
  const code = op.nextCode(secret)
  const first = await browser.get(url)
  const second = await browser.post(first.url, { intent: 'sign-in', username: 'maria', password })
  assert.match(second.url.pathname, /second-factor$/, second.url.href)
  assert.doesNotMatch(second.url.href, namesOfAnswers)
  return browser.post(second.url, { intent: 'answer', code })
}

/** What the provider answers to a form, as JSON. */
export const ask = async (
  url: string | URL,
  fields: Record<string, string>,
  headers: Record<string, string> = {},
): Promise<{ status: number; body: Record<string, unknown>; headers: Headers }> => {
  const answer = await fetch(url, { method: 'POST', headers, body: new URLSearchParams(fields) })
  const text = await answer.text()
  return { status: answer.status, body: text === '' ? {} : JSON.parse(text), headers: answer.headers }
}

export const basic = (id: string, secret = testClient.client_secret) => ({
  authorization: `Basic ${Buffer.from(`${encodeURIComponent(id)}:${encodeURIComponent(secret)}`).toString('base64')}`,
})
