import assert from 'node:assert/strict'
import { decodeProtectedHeader, exportJWK, generateKeyPair } from 'jose'
import * as oidc from 'openid-client'
import { mfa } from '../support/provider.ts'
import { callback, type Profile, startProfile } from './profile.ts'

describe('a client of the suite that registers itself', function () {
  this.timeout(60_000)
  let at: Profile
  before(async () => {
    at = await startProfile()
  })
  after(() => at.close())

  const register = (metadata: Record<string, unknown> = {}, auth?: oidc.ClientAuth) =>
    oidc.dynamicClientRegistration(
      new URL(at.issuer),
      { redirect_uris: [callback], client_name: 'OIDF', ...metadata } as Partial<oidc.ClientMetadata>,
      auth,
      { [oidc.customFetch]: at.fetch as oidc.CustomFetch },
    )
  const signIn = async (config: oidc.Configuration, parameters: Record<string, string> = {}) => {
    const walk = await at.authorize(config.clientMetadata(), parameters)
    assert.deepEqual(walk.met, ['password', 'second factor', 'consent'])
    const tokens = await oidc.authorizationCodeGrant(config, walk.end.url, {
      expectedState: 'the state',
      expectedNonce: 'the nonce',
    })
    assert.equal(tokens.claims()?.['acr'], mfa)
    return tokens
  }

  it('gets ID tokens by RS256 where it names no algorithm, with the key that is named', async () => {
    const config = await register()
    assert.equal(config.clientMetadata()['id_token_signed_response_alg'], 'RS256')
    const tokens = await signIn(config)
    const { alg, kid } = decodeProtectedHeader(tokens.id_token as string)
    assert.equal(alg, 'RS256')
    const { keys } = (await (await at.fetch(`${at.issuer}/jwks`)).json()) as { keys: { kid: string }[] }
    assert.ok(keys.some((key) => key.kid === kid))
  })

  for (const alg of ['RS256', 'ES256', 'PS256'])
    it(`gets ID tokens and userinfo by ${alg} where it asks for it`, async () => {
      const config = await register({
        id_token_signed_response_alg: alg,
        userinfo_signed_response_alg: alg,
      })
      const tokens = await signIn(config, { scope: 'openid email' })
      assert.equal(decodeProtectedHeader(tokens.id_token as string).alg, alg)
      const response = await oidc.fetchProtectedResource(
        config,
        tokens.access_token,
        new URL(config.serverMetadata().userinfo_endpoint as string),
        'GET',
      )
      assert.match(response.headers.get('content-type') ?? '', /^application\/jwt/)
      assert.equal(decodeProtectedHeader(await response.text()).alg, alg)
    })

  it('sends its secret in the body where it registered for that', async () => {
    const config = await register(
      { token_endpoint_auth_method: 'client_secret_post' },
      oidc.ClientSecretPost(),
    )
    await signIn(config)
  })

  it('signs with its own key', async () => {
    const { publicKey, privateKey } = await generateKeyPair('RS256', { extractable: true })
    const config = await register(
      {
        token_endpoint_auth_method: 'private_key_jwt',
        jwks: { keys: [{ ...(await exportJWK(publicKey)), kid: 'k1', use: 'sig', alg: 'RS256' }] },
        contacts: ['certification@oidf.example'],
      },
      oidc.PrivateKeyJwt({ key: privateKey, kid: 'k1' }),
    )
    assert.equal(config.clientMetadata().client_secret, undefined)
    await signIn(config)
  })

  it('may be registered for every response type', async () => {
    for (const type of ['id_token', 'id_token token', 'code id_token', 'code token', 'code id_token token']) {
      const config = await register({
        response_types: [type],
        grant_types: type.includes('code') ? ['authorization_code', 'implicit'] : ['implicit'],
      })
      const { end, met } = await at.authorize(config.clientMetadata(), { response_type: type })
      assert.deepEqual(met, ['password', 'second factor', 'consent'], type)
      assert.match(end.url.hash, /^#.*(id_token|access_token)=/)
    }
  })

  it('has its logo, policy and terms on the first page', async () => {
    const config = await register({
      client_uri: 'https://rp.example/',
      logo_uri: 'https://rp.example/logo.png',
      policy_uri: 'https://rp.example/policy',
      tos_uri: 'https://rp.example/tos',
    })
    const { pages } = await at.authorize(config.clientMetadata())
    const [first] = pages
    assert.match(first?.body ?? '', /<h1>Sign in<\/h1>/)
    assert.match(first?.body ?? '', /<img class="logo" src="https:\/\/rp\.example\/logo\.png"/)
    const links = first?.body.match(/<a href="https:\/\/rp\.example\/(policy|tos)"[^>]*>/g) ?? []
    assert.equal(links.length, 2)
    for (const link of links) assert.match(link, /rel="noopener noreferrer"/)
    assert.match(
      first?.headers.get('content-security-policy') ?? '',
      /img-src 'self' data: https:\/\/rp\.example;/,
    )
  })

  it('is refused with a fragment in its redirect URI, or with a sector of others', async () => {
    await assert.rejects(register({ redirect_uris: [`${callback}#foobar`] }), {
      error: 'invalid_redirect_uri',
    })
    await assert.rejects(register({ sector_identifier_uri: 'https://nobody.invalid/sector' }), {
      error: 'invalid_client_metadata',
    })
  })

  it('may have a query in its redirect URI', async () => {
    const config = await register({ redirect_uris: [`${callback}?foo=bar`] })
    const { end } = await at.authorize(config.clientMetadata(), { redirect_uri: `${callback}?foo=bar` })
    assert.equal(end.url.searchParams.get('foo'), 'bar')
    assert.ok(end.url.searchParams.get('code'))
    for (const redirect_uri of [callback, `${callback}?foo=baz`, `${callback}?foo=bar&a=b`])
      assert.equal((await at.authorize(config.clientMetadata(), { redirect_uri })).end.status, 400)
  })

  it('gets a subject of its own where it asks for one', async () => {
    const config = await register({ subject_type: 'pairwise' })
    const tokens = await signIn(config)
    assert.notEqual(tokens.claims()?.sub, at.op.people[0].account.id)
  })
})
