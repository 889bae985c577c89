import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import * as oidc from 'openid-client'
import { type Enrolled, mfa, startProvider, type TestProvider } from '../../support/provider.ts'
import { codeOf, errorOf, testClient } from '../../support/relying-party.ts'
import { ask, byKey, joinParty, makeKey, type Party, type PartyKey, passBoth } from './parties.ts'

const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

describe('clients of the FAPI 2.0 Security Profile', () => {
  let op: TestProvider
  let maria: Enrolled
  let key: PartyKey
  let bank: Party
  let whole: Record<string, unknown>
  before(async () => {
    op = await startProvider({
      config: {
        lifetimes: { authorizationCode: 300 },
        // The exception that the profile does not know.
        protocol: { pkce: 'optional', responseTypes: ['code', 'code id_token'] },
      },
    })
    maria = await op.enrol()
    key = await makeKey()
    whole = {
      profile: 'fapi2',
      redirect_uris: ['https://bank.example/cb'],
      ...byKey(key),
      require_pushed_authorization_requests: true,
      dpop_bound_access_tokens: true,
    }
    bank = await joinParty(op, { client_id: 'bank', ...whole } as never, {
      auth: oidc.PrivateKeyJwt({ key: key.privateKey, kid: 'party' }),
    })
  })
  after(() => op.close())

  const seconds = () => Math.floor(op.clock.now() / 1000)
  const assertion = (
    over: Record<string, unknown> = {},
    header: Record<string, unknown> = {},
    by = key.privateKey,
  ) =>
    new SignJWT({
      iss: 'bank',
      sub: 'bank',
      aud: op.issuer,
      jti: randomUUID(),
      iat: seconds(),
      exp: seconds() + 60,
      ...over,
    })
      .setProtectedHeader({ alg: 'ES256', kid: 'party', ...header })
      .sign(by)
  const push = async (fields: Record<string, string>, client_assertion?: string) =>
    ask(bank.config.serverMetadata().pushed_authorization_request_endpoint as string, {
      response_type: 'code',
      client_id: 'bank',
      client_assertion: client_assertion ?? (await assertion()),
      client_assertion_type: assertionType,
      ...fields,
    })
  const pushed = async () => {
    const request = await bank.prepare()
    return { ...request, url: await oidc.buildAuthorizationUrlWithPAR(bank.config, request.parameters) }
  }

  it('sign in with pushed requests, PKCE, their key and proofs of possession', async () => {
    const { url, redeem } = await pushed()
    const callback = await passBoth(op, maria.secret, url)
    assert.equal(callback.url.searchParams.get('iss'), op.issuer)
    const DPoP = oidc.getDPoPHandle(bank.config, await makeKey())
    const tokens = await redeem(callback.url, { DPoP })
    assert.equal(tokens.token_type, 'dpop')
    assert.equal(tokens.claims()?.['acr'], mfa)
    const again = await oidc.refreshTokenGrant(bank.config, tokens.refresh_token as string, {}, { DPoP })
    assert.equal(again.refresh_token, tokens.refresh_token)
  })

  it('find no shorter way', async () => {
    const { parameters } = await bank.prepare()
    const direct = await maria.browser.get(oidc.buildAuthorizationUrl(bank.config, parameters))
    assert.deepEqual([errorOf(direct), codeOf(direct)], ['invalid_request', null])
    const signed = await oidc.buildAuthorizationUrlWithJAR(bank.config, parameters, key.privateKey)
    assert.equal(codeOf(await maria.browser.get(signed)), null, 'a signed request is not a pushed one')

    const refused = async (what: string, fields: Record<string, string>) => {
      const { status, body } = await push(fields)
      assert.equal(status, 400, what)
      assert.equal(body['request_uri'], undefined, what)
    }
    const { code_challenge: _, code_challenge_method: _m, ...withoutPkce } = parameters
    await refused('without PKCE', withoutPkce)
    await refused('plain PKCE', { ...parameters, code_challenge_method: 'plain' })
    const { redirect_uri: _u, ...nowhere } = parameters
    await refused('without redirect_uri', nowhere)
    await refused('another redirect_uri', { ...parameters, redirect_uri: 'https://bank.example/other' })
    await refused('another response type', { ...parameters, response_type: 'code id_token' })
    assert.equal((await push(parameters)).status, 201)
  })

  it('bind their tokens, or get none', async () => {
    const { url, redeem } = await pushed()
    await assert.rejects(redeem((await passBoth(op, maria.secret, url)).url), { error: 'invalid_grant' })
  })

  it('name the issuer, and nothing else, in their assertions, signed by what the profile allows', async () => {
    const { parameters } = await bank.prepare()
    for (const aud of [
      `${op.issuer}/token`,
      `${op.issuer}/request`,
      [op.issuer],
      [op.issuer, 'https://x.example'],
    ]) {
      const { status } = await push(parameters, await assertion({ aud }))
      assert.equal(status, 401, String(aud))
    }
    const { privateKey, publicKey } = await generateKeyPair('RS256')
    const jwk = { ...(await exportJWK(publicKey)), kid: 'rsa' }
    await joinParty(op, { client_id: 'rsa', ...whole, jwks: { keys: [jwk] } } as never, { auth: oidc.None() })
    const by = (alg: string) =>
      assertion({ iss: 'rsa', sub: 'rsa' }, { alg, kid: 'rsa' }, privateKey as never)
    assert.equal((await push({ ...parameters, client_id: 'rsa' }, await by('RS256'))).status, 401)
    await joinParty(
      op,
      {
        client_id: 'usual',
        ...byKey(key),
        jwks: { keys: [jwk] },
        redirect_uris: whole['redirect_uris'],
      } as never,
      { auth: oidc.None() },
    )
    const usual = await assertion(
      { iss: 'usual', sub: 'usual' },
      { alg: 'RS256', kid: 'rsa' },
      privateKey as never,
    )
    assert.equal((await push({ ...parameters, client_id: 'usual' }, usual)).status, 201)
  })

  it('have a minute for a code, whatever others have', async () => {
    const { url, redeem } = await pushed()
    const { url: callback } = await passBoth(op, maria.secret, url)
    op.clock.advance(61)
    const DPoP = oidc.getDPoPHandle(bank.config, await makeKey())
    await assert.rejects(redeem(callback, { DPoP }), { error: 'invalid_grant' })
    const other = await joinParty(op, { client_id: 'other' })
    const request = await other.prepare()
    const later = await maria.browser.get(oidc.buildAuthorizationUrl(other.config, request.parameters))
    op.clock.advance(61)
    assert.ok(await request.redeem(later.url))
  })

  it('sign requests that begin and end soon, if they sign them', async () => {
    const { parameters } = await bank.prepare()
    const base = {
      ...parameters,
      response_type: 'code',
      client_id: 'bank',
      iss: 'bank',
      aud: op.issuer,
      nbf: seconds(),
      exp: seconds() + 60,
    }
    const sign = (claims: Record<string, unknown>) =>
      new SignJWT(claims).setProtectedHeader({ alg: 'ES256', kid: 'party' }).sign(key.privateKey)
    const send = async (claims: Record<string, unknown>) =>
      (await push({ request: await sign(claims), client_id: 'bank' })).status
    assert.equal(await send(base), 201)
    assert.equal(await send({ ...base, exp: undefined }), 400)
    assert.equal(await send({ ...base, nbf: undefined }), 400)
    assert.equal(await send({ ...base, aud: undefined }), 400)
    assert.equal(await send({ ...base, exp: seconds() + 3700 }), 400)
  })

  it('are not registered with less than all of it', async () => {
    const refused: Array<Record<string, unknown>> = [
      { profile: 'fapi1' },
      { profile: true },
      { token_endpoint_auth_method: 'client_secret_basic', client_secret: testClient.client_secret },
      { token_endpoint_auth_method: 'none' },
      { token_endpoint_auth_method: undefined, token_endpoint_auth_methods_supported: ['private_key_jwt'] },
      { require_pushed_authorization_requests: false },
      { dpop_bound_access_tokens: false },
      { dpop_bound_access_tokens: undefined, tls_client_certificate_bound_access_tokens: true },
      { require_pkce: false },
      { response_types: ['code', 'code id_token'] },
      { redirect_uris: ['http://bank.example/cb'] },
      { id_token_signed_response_alg: 'RS256' },
      { id_token_signing_alg_values_supported: ['RS256', 'ES256'] },
      { token_endpoint_auth_signing_alg: 'RS256' },
      { request_object_signing_alg: 'RS256' },
    ]
    for (const [at, less] of refused.entries()) {
      const client_id = `less-${at}`
      const client = Object.entries({ ...testClient, ...whole, client_id, ...less })
      await op.duepassi.directory.addClient(
        Object.fromEntries(client.filter(([, value]) => value !== undefined)) as never,
      )
      await assert.rejects(
        op.duepassi.provider.Client.find(client_id),
        { error: 'invalid_client_metadata' },
        JSON.stringify(less),
      )
    }
  })
})
