import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { SignJWT, UnsecuredJWT } from 'jose'
import * as oidc from 'openid-client'
import { type Enrolled, mfa, startProvider, type TestProvider } from '../../support/provider.ts'
import { testClient } from '../../support/relying-party.ts'
import { ask, basic, byKey, joinParty, makeKey, type Party, type PartyKey, passBoth } from './parties.ts'

const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

describe('clients that prove who they are', () => {
  let op: TestProvider
  let maria: Enrolled
  let key: PartyKey
  let shop: Party
  let keysAt: Record<string, unknown> = {}
  let lasting = 0
  before(async () => {
    op = await startProvider({
      parts: {
        outbound: async (url) =>
          Response.json(keysAt[String(url)] ?? {}, {
            headers: lasting > 0 ? { 'cache-control': `max-age=${lasting}` } : {},
          }),
      },
    })
    maria = await op.enrol()
    key = await makeKey()
    shop = await joinParty(
      op,
      {
        client_id: 'shop',
        grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
        ...byKey(key),
      },
      { auth: oidc.PrivateKeyJwt({ key: key.privateKey, kid: 'party' }) },
    )
  })
  after(() => op.close())

  const seconds = () => Math.floor(op.clock.now() / 1000)
  const tokenEndpoint = () => `${op.issuer}/token`

  const claims = (over: Record<string, unknown> = {}) => ({
    iss: 'shop',
    sub: 'shop',
    aud: op.issuer,
    jti: randomUUID(),
    iat: seconds(),
    exp: seconds() + 60,
    ...over,
  })
  const sign = (payload: Record<string, unknown>, header = {}, by = key) =>
    new SignJWT(payload).setProtectedHeader({ alg: 'ES256', kid: 'party', ...header }).sign(by.privateKey)
  const asking = (assertion: string, over: Record<string, string> = {}) =>
    ask(tokenEndpoint(), {
      grant_type: 'client_credentials',
      client_assertion: assertion,
      client_assertion_type: assertionType,
      ...over,
    })

  it('sign in with an assertion in place of a secret', async () => {
    const { parameters, redeem } = await shop.prepare()
    const tokens = await redeem(
      (await passBoth(op, maria.secret, oidc.buildAuthorizationUrl(shop.config, parameters))).url,
    )
    assert.equal(tokens.claims()?.['acr'], mfa)
    const refreshed = await oidc.refreshTokenGrant(shop.config, tokens.refresh_token as string)
    assert.equal(refreshed.claims()?.['acr'], mfa)
    assert.equal((await oidc.tokenIntrospection(shop.config, refreshed.access_token)).active, true)
    await oidc.tokenRevocation(shop.config, refreshed.access_token)
  })

  it('use each assertion once, however many try at the same moment', async () => {
    const assertion = await sign(claims())
    const answers = await Promise.all(Array.from({ length: 30 }, () => asking(assertion)))
    assert.equal(answers.filter(({ status }) => status === 200).length, 1)
    for (const { body } of answers.filter(({ status }) => status !== 200))
      assert.ok(['invalid_client', 'invalid_request'].includes(String(body['error'])))
    assert.equal((await asking(assertion)).status, 401)
  })

  it('are refused with an assertion that is not theirs, not for us, or not of now', async () => {
    const refused = async (what: string, assertion: string, over: Record<string, string> = {}) => {
      const { status, body } = await asking(assertion, over)
      assert.ok(status === 401 || status === 400, `${what}: ${status}`)
      assert.equal(body['access_token'], undefined, what)
    }
    await refused('for another provider', await sign(claims({ aud: 'https://op.example' })))
    await refused('for another endpoint of ours', await sign(claims({ aud: `${op.issuer}/jwks` })))
    await refused('of another issuer', await sign(claims({ iss: 'other' })))
    await refused('of another client', await sign(claims({ iss: 'rp', sub: 'rp' })))
    await refused('in the name of another', await sign(claims()), { client_id: 'rp' })
    await refused('expired', await sign(claims({ iat: seconds() - 120, exp: seconds() - 60 })))
    await refused('of tomorrow', await sign(claims({ nbf: seconds() + 600, exp: seconds() + 900 })))
    await refused('without end', await sign(claims({ exp: undefined })))
    await refused('good for a day', await sign(claims({ exp: seconds() + 86_400 })))
    await refused('without a number', await sign(claims({ jti: undefined })))
    await refused('by another key', await sign(claims(), {}, await makeKey()))
    await refused('by nobody', new UnsecuredJWT(claims()).encode())
    const secret = new TextEncoder().encode(JSON.stringify(key.jwk))
    await refused(
      'by our copy of the public key',
      await new SignJWT(claims()).setProtectedHeader({ alg: 'HS256' }).sign(secret),
    )
    await refused('a signed request', await sign(claims(), { typ: 'oauth-authz-req+jwt' }))
    await refused('a proof of possession', await sign(claims(), { typ: 'dpop+jwt' }))
    await refused('with a secret beside it', await sign(claims()), { client_secret: 'x' })
    await refused('of another type', await sign(claims()), {
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:saml2-bearer',
    })
    assert.equal((await asking(await sign(claims()))).status, 200)
    assert.equal((await asking(await sign(claims({ aud: tokenEndpoint() })))).status, 200)
  })

  it('cannot take another way than the one they are registered with', async () => {
    const credentials = { grant_type: 'client_credentials' }
    const refused = async (fields: Record<string, string>, headers = {}) => {
      const { status, body } = await ask(tokenEndpoint(), { ...credentials, ...fields }, headers)
      assert.deepEqual([status, body['error']], [401, 'invalid_client'])
    }
    await refused({ client_id: 'shop' })
    await refused({}, basic('shop', 'x'))
    await refused({ client_id: 'rp' })
    const secret = new TextEncoder().encode(testClient.client_secret)
    const byHmac = await new SignJWT(claims({ iss: 'rp', sub: 'rp' }))
      .setProtectedHeader({ alg: 'HS256' })
      .sign(secret)
    await refused({ client_assertion: byHmac, client_assertion_type: assertionType })
    for (const method of ['client_secret_jwt', 'tls_client_auth', 'self_signed_tls_client_auth']) {
      const id = `by-${method}`
      await op.duepassi.directory.addClient({
        ...testClient,
        client_id: id,
        token_endpoint_auth_method: method,
        tls_client_auth_san_dns: 'x.example',
        jwks: { keys: [key.jwk] },
      })
      await assert.rejects(op.duepassi.provider.Client.find(id), { error: 'invalid_client_metadata' }, method)
    }
  })

  it('send their secret in the body where they are registered so', async () => {
    await op.duepassi.directory.addClient({
      ...testClient,
      client_id: 'poster',
      token_endpoint_auth_method: 'client_secret_post',
      grant_types: ['client_credentials'],
      response_types: [],
      redirect_uris: [],
    })
    const fields = { grant_type: 'client_credentials', client_id: 'poster' }
    const right = await ask(tokenEndpoint(), { ...fields, client_secret: testClient.client_secret })
    assert.equal(right.status, 200)
    assert.equal((await ask(tokenEndpoint(), { ...fields, client_secret: 'guessed' })).status, 401)
  })

  it('may have their keys elsewhere, and replace them there', async () => {
    const where = 'https://keys.example/jwks'
    const next = await makeKey('next')
    keysAt = { [where]: { keys: [key.jwk] } }
    const remote = { ...byKey(key), jwks: undefined, jwks_uri: where }
    await joinParty(op, {
      client_id: 'remote',
      grant_types: ['client_credentials'],
      response_types: [],
      redirect_uris: [],
      ...remote,
    })
    const by = (one: PartyKey, kid: string) => sign(claims({ iss: 'remote', sub: 'remote' }), { kid }, one)
    assert.equal((await asking(await by(key, 'party'))).status, 200)
    assert.equal((await asking(await by(next, 'next'))).status, 401)
    keysAt = { [where]: { keys: [next.jwk] } }
    op.clock.advance(61)
    assert.equal((await asking(await by(next, 'next'))).status, 200)
    assert.equal((await asking(await by(key, 'party'))).status, 401)
    // Nobody has used the third yet when the second is withdrawn.
    const third = await makeKey('third')
    keysAt = { [where]: { keys: [third.jwk] } }
    op.clock.advance(61)
    assert.equal((await asking(await by(next, 'next'))).status, 401)
    keysAt = {}
    op.clock.advance(61)
    for (const what of ['keys that do not come are none', 'however often somebody tries'])
      assert.notEqual((await asking(await by(third, 'third'))).status, 200, what)
  })

  it('have their keys looked for again within the hour, whatever the answer says of its age', async () => {
    const where = 'https://keys.example/lasting'
    keysAt = { [where]: { keys: [key.jwk] } }
    lasting = 10 * 365 * 86_400
    await joinParty(op, {
      client_id: 'lasting',
      grant_types: ['client_credentials'],
      response_types: [],
      redirect_uris: [],
      ...byKey(key),
      jwks: undefined,
      jwks_uri: where,
    })
    const assertion = () => sign(claims({ iss: 'lasting', sub: 'lasting' }))
    assert.equal((await asking(await assertion())).status, 200)
    keysAt = { [where]: { keys: [] } }
    op.clock.advance(600)
    assert.equal((await asking(await assertion())).status, 200)
    op.clock.advance(3_001)
    assert.equal((await asking(await assertion())).status, 401)
  })

  it('are told by discovery what there is, and nothing else', () => {
    const metadata = shop.config.serverMetadata()
    assert.deepEqual(metadata.token_endpoint_auth_methods_supported, [
      'client_secret_basic',
      'client_secret_post',
      'private_key_jwt',
      'none',
    ])
    for (const [name, algs] of Object.entries(metadata))
      if (/_(alg|enc)_values_supported$/.test(name))
        for (const alg of algs as string[])
          assert.doesNotMatch(alg, /^(none|HS\d+|RSA1_5|dir|A\d+(GCM)?KW)$/, name)
    assert.equal(metadata.authorization_response_iss_parameter_supported, true)
    assert.equal(metadata['tls_client_certificate_bound_access_tokens'], undefined)
    assert.equal(metadata['mtls_endpoint_aliases'], undefined)
  })
})

describe('keys of clients', () => {
  it('are not fetched over http by a provider that has https', async () => {
    await using op = await startProvider({ config: { issuer: 'https://id.example.org', proxy: true } })
    const key = await makeKey()
    const add = (client_id: string, jwks_uri: string) =>
      op.duepassi.directory.addClient({
        ...testClient,
        ...byKey(key),
        jwks: undefined,
        client_id,
        jwks_uri,
      })
    await add('plain', 'http://keys.example/jwks')
    await add('safe', 'https://keys.example/jwks')
    await assert.rejects(op.duepassi.provider.Client.find('plain'), { error: 'invalid_client_metadata' })
    assert.ok(await op.duepassi.provider.Client.find('safe'))
  })
})
