import assert from 'node:assert/strict'
import { compactDecrypt, createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from 'jose'
import * as oidc from 'openid-client'
import { type Enrolled, mfa, startProvider, type TestProvider } from '../../support/provider.ts'
import { testClient } from '../../support/relying-party.ts'
import { basic, joinParty, keySet, makeKey, type Party, type PartyKey, passBoth } from './parties.ts'

describe('answers that are signed and encrypted', () => {
  let op: TestProvider
  let maria: Enrolled
  let key: PartyKey
  let shop: Party
  let tokens: oidc.TokenEndpointResponse & oidc.TokenEndpointResponseHelpers
  before(async () => {
    op = await startProvider()
    maria = await op.enrol()
    key = await makeKey('decrypts', 'enc')
    shop = await joinParty(
      op,
      {
        client_id: 'shop',
        ...keySet(key),
        id_token_encrypted_response_alg: 'ECDH-ES',
        id_token_encrypted_response_enc: 'A256GCM',
        userinfo_signed_response_alg: 'ES256',
        userinfo_encrypted_response_alg: 'ECDH-ES+A256KW',
        userinfo_encrypted_response_enc: 'A256GCM',
        introspection_signed_response_alg: 'ES256',
        introspection_encrypted_response_alg: 'ECDH-ES',
        introspection_encrypted_response_enc: 'A256GCM',
      },
      {
        execute: [
          oidc.enableNonRepudiationChecks,
          (config) =>
            oidc.enableDecryptingResponses(config, ['A256GCM', 'A128CBC-HS256'], {
              key: key.privateKey,
              kid: 'decrypts',
            }),
        ],
      },
    )
    const { parameters, redeem } = await shop.prepare()
    const url = oidc.buildAuthorizationUrl(shop.config, parameters)
    tokens = await redeem((await passBoth(op, maria.secret, url)).url)
  })
  after(() => op.close())

  /** Of the JWT inside: signed by the provider, and for this client. */
  const opened = async (jwe: string, audience = 'shop') => {
    assert.equal(jwe.split('.').length, 5)
    const { plaintext } = await compactDecrypt(jwe, key.privateKey)
    const { payload } = await jwtVerify(
      new TextDecoder().decode(plaintext),
      createRemoteJWKSet(new URL(`${op.issuer}/jwks`)),
      { issuer: op.issuer, audience, algorithms: ['ES256'] },
    )
    return payload
  }

  it('are ID tokens', async () => {
    const header = decodeProtectedHeader(tokens.id_token as string)
    assert.deepEqual([header.alg, header.enc, header.kid], ['ECDH-ES', 'A256GCM', 'decrypts'])
    const payload = await opened(tokens.id_token as string)
    assert.equal(payload['acr'], mfa)
    assert.equal(tokens.claims()?.['acr'], mfa)
    await assert.rejects(compactDecrypt(tokens.id_token as string, (await makeKey('x', 'enc')).privateKey))
  })

  it('are userinfo', async () => {
    const info = await oidc.fetchUserInfo(shop.config, tokens.access_token, op.maria.id)
    assert.equal(info.email, 'maria@example.org')
    const answer = await fetch(`${op.issuer}/me`, {
      headers: { authorization: `Bearer ${tokens.access_token}` },
    })
    assert.match(answer.headers.get('content-type') ?? '', /^application\/jwt/)
    assert.equal((await opened(await answer.text()))['email'], 'maria@example.org')
  })

  it('are introspection, where the caller asks for a JWT (RFC 9701)', async () => {
    const answer = await fetch(`${op.issuer}/token/introspection`, {
      method: 'POST',
      headers: { accept: 'application/token-introspection+jwt', ...basic('shop') },
      body: new URLSearchParams({ token: tokens.access_token }),
    })
    assert.match(answer.headers.get('content-type') ?? '', /^application\/token-introspection\+jwt/)
    const { token_introspection: seen } = (await opened(await answer.text())) as {
      token_introspection?: Record<string, unknown>
    }
    assert.equal(seen?.['active'], true)
    assert.equal(seen?.['acr'], mfa)
    const byClient = await oidc.tokenIntrospection(shop.config, tokens.access_token)
    assert.equal(byClient.active, true)
  })

  it('are authorization responses', async () => {
    const secretive = await joinParty(op, {
      client_id: 'secretive',
      ...keySet(key),
      authorization_encrypted_response_alg: 'ECDH-ES',
      authorization_encrypted_response_enc: 'A256GCM',
    })
    const { parameters } = await secretive.prepare({ response_mode: 'jwt' })
    const { url } = await maria.browser.get(oidc.buildAuthorizationUrl(secretive.config, parameters))
    assert.equal(url.searchParams.get('code'), null)
    const payload = await opened(url.searchParams.get('response') as string, 'secretive')
    assert.equal(typeof payload['code'], 'string')
    assert.equal(payload['state'], parameters['state'])
  })

  it('are signed alone where no key is registered', async () => {
    const plain = await joinParty(
      op,
      { client_id: 'plain', userinfo_signed_response_alg: 'ES256' },
      { execute: [oidc.enableNonRepudiationChecks] },
    )
    const { parameters, redeem } = await plain.prepare()
    const url = oidc.buildAuthorizationUrl(plain.config, parameters)
    const { access_token } = await redeem((await maria.browser.get(url)).url)
    assert.equal(
      (await oidc.fetchUserInfo(plain.config, access_token, op.maria.id)).email,
      'maria@example.org',
    )
    const answer = await fetch(`${op.issuer}/me`, { headers: { authorization: `Bearer ${access_token}` } })
    const { payload } = await jwtVerify(
      await answer.text(),
      createRemoteJWKSet(new URL(`${op.issuer}/jwks`)),
      { issuer: op.issuer, audience: 'plain' },
    )
    assert.equal(payload.sub, op.maria.id)
  })

  it('are not to be had with algorithms that are broken, or that rest on the secret', async () => {
    const refused: Array<Record<string, string>> = [
      { id_token_signed_response_alg: 'none' },
      { id_token_signed_response_alg: 'HS256' },
      { userinfo_signed_response_alg: 'HS256' },
      { id_token_encrypted_response_alg: 'RSA1_5' },
      { id_token_encrypted_response_alg: 'dir' },
      { id_token_encrypted_response_alg: 'A256KW' },
      { userinfo_signed_response_alg: 'ES256', userinfo_encrypted_response_alg: 'A128GCMKW' },
      { request_object_signing_alg: 'HS256' },
      { request_object_signing_alg: 'none' },
      { request_object_encryption_alg: 'RSA-OAEP' },
      { authorization_signed_response_alg: 'HS512' },
      { token_endpoint_auth_signing_alg: 'HS256' },
      { id_token_signed_response_alg: 'PS256' },
    ]
    for (const [at, metadata] of refused.entries()) {
      const client_id = `refused-${at}`
      await op.duepassi.directory.addClient({ ...testClient, client_id, ...keySet(key), ...metadata })
      await assert.rejects(
        op.duepassi.provider.Client.find(client_id),
        { error: 'invalid_client_metadata' },
        JSON.stringify(metadata),
      )
    }
  })

  it('take the first algorithm that both know, where a client names several', async () => {
    await op.duepassi.directory.addClient({
      ...testClient,
      client_id: 'choosy',
      id_token_signing_alg_values_supported: ['HS256', 'ES256', 'PS256'],
    } as never)
    const client = await op.duepassi.provider.Client.find('choosy')
    assert.equal(client?.idTokenSignedResponseAlg, 'ES256')
  })
})
