import assert from 'node:assert/strict'
import { createRemoteJWKSet, decodeJwt, exportJWK, generateKeyPair, jwtVerify } from 'jose'
import * as oidc from 'openid-client'
import { type Enrolled, mfa, startProvider, type TestProvider } from '../../support/provider.ts'
import { errorOf } from '../../support/relying-party.ts'
import { ask, basic, joinParty, makeKey, type Party, passBoth } from './parties.ts'

const bank = 'https://bank.example.org/api'
const archive = 'https://archive.example.org/'
const post = 'https://post.example.org/'

describe('access tokens for resource servers (RFC 8707, RFC 9068)', () => {
  let op: TestProvider
  let maria: Enrolled
  let shop: Party
  before(async () => {
    const [es256, ps256] = await Promise.all(
      (['ES256', 'PS256'] as const).map(async (alg) => {
        const { privateKey } = await generateKeyPair(alg, { extractable: true })
        return { ...(await exportJWK(privateKey)), kid: alg, alg, use: 'sig' }
      }),
    )
    const random = () => Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('base64')
    op = await startProvider({
      config: {
        keys: {
          signing: [es256, ps256] as never,
          cookies: [random()],
          sealing: [{ id: 'k1', key: random() }],
        },
        resources: [
          { id: bank, scopes: ['pay', 'read'], clients: ['shop', 'machine'] },
          { id: archive, scopes: ['read'], clients: ['shop'], alg: 'PS256' },
          { id: post, scopes: ['send'], clients: ['*'], format: 'opaque' },
        ],
      },
    })
    maria = await op.enrol()
    shop = await joinParty(op, { client_id: 'shop' })
  })
  after(() => op.close())

  const tokensFor = async (over: Record<string, string>, options?: { DPoP: oidc.DPoPHandle }) => {
    const { parameters, redeem } = await shop.prepare({
      scope: 'openid offline_access pay read send',
      ...over,
    })
    const url = oidc.buildAuthorizationUrl(shop.config, parameters)
    return redeem((await passBoth(op, maria.secret, url)).url, options)
  }
  const verify = (token: string, audience: string, algorithms = ['ES256']) =>
    jwtVerify(token, createRemoteJWKSet(new URL(`${op.issuer}/jwks`)), {
      issuer: op.issuer,
      audience,
      algorithms,
      typ: 'at+jwt',
    })

  it('say whom they are for, for whom they speak, and how that person signed in', async () => {
    const tokens = await tokensFor({ resource: bank })
    const { payload, protectedHeader } = await verify(tokens.access_token, bank)
    assert.equal(protectedHeader.kid, 'ES256')
    assert.equal(payload['client_id'], 'shop')
    assert.equal(payload.sub, op.maria.id)
    assert.deepEqual(String(payload['scope']).split(' ').toSorted(), ['pay', 'read'])
    assert.equal(payload['acr'], mfa)
    assert.deepEqual(payload['amr'], ['pwd', 'otp', 'mfa'])
    assert.equal(payload['auth_time'], tokens.claims()?.auth_time)
    assert.equal((payload.exp as number) - (payload.iat as number), op.config.lifetimes.accessToken)
    assert.equal(typeof payload.jti, 'string')
    assert.equal(payload['email'], undefined)
    const refreshed = await oidc.refreshTokenGrant(shop.config, tokens.refresh_token as string)
    const again = await verify(refreshed.access_token, bank)
    for (const claim of ['acr', 'amr', 'auth_time', 'sub'])
      assert.deepEqual(again.payload[claim], payload[claim], claim)
  })

  it('are signed as the resource server wants it', async () => {
    const { access_token } = await tokensFor({ resource: archive })
    const { payload } = await verify(access_token, archive, ['PS256'])
    assert.equal(payload['scope'], 'read')
  })

  it('are opaque where the resource server asks about them', async () => {
    const { access_token } = await tokensFor({ resource: post })
    assert.doesNotMatch(access_token, /\./)
    const seen = await oidc.tokenIntrospection(shop.config, access_token)
    assert.deepEqual([seen.active, seen.aud, seen.scope, seen['acr']], [true, post, 'send', mfa])
  })

  it('carry the key that they are bound to', async () => {
    const key = await makeKey()
    const { access_token } = await tokensFor(
      { resource: bank },
      { DPoP: oidc.getDPoPHandle(shop.config, key) },
    )
    const { payload } = await verify(access_token, bank)
    assert.equal(typeof (payload['cnf'] as { jkt?: string }).jkt, 'string')
    assert.equal(payload['acr'], mfa)
  })

  it('are not for userinfo, nor are ID tokens access tokens', async () => {
    const tokens = await tokensFor({ resource: bank })
    for (const token of [tokens.access_token, tokens.id_token as string]) {
      const { status } = await fetch(`${op.issuer}/me`, { headers: { authorization: `Bearer ${token}` } })
      assert.equal(status, 401)
    }
    await assert.rejects(verify(tokens.id_token as string, 'shop'))
    assert.notEqual(decodeJwt(tokens.access_token).aud, 'shop')
  })

  it('are refused for a resource server that nobody knows, or that is not for this client', async () => {
    const stranger = await joinParty(op, { client_id: 'stranger' })
    for (const [party, resource] of [
      [shop, 'https://evil.example/'],
      [shop, `${bank}/more`],
      [stranger, bank],
    ] as const) {
      const { parameters } = await party.prepare({ scope: 'openid pay', resource })
      const answer = await maria.browser.get(oidc.buildAuthorizationUrl(party.config, parameters))
      assert.equal(errorOf(answer), 'invalid_target', resource)
    }
    const tokens = await tokensFor({ resource: bank })
    await assert.rejects(
      oidc.refreshTokenGrant(shop.config, tokens.refresh_token as string, { resource: archive }),
      { error: 'invalid_target' },
    )
  })

  it('for machines say of no person that they signed in', async () => {
    await joinParty(op, {
      client_id: 'machine',
      grant_types: ['client_credentials'],
      response_types: [],
      redirect_uris: [],
    })
    const { body } = await ask(
      `${op.issuer}/token`,
      { grant_type: 'client_credentials', resource: bank, scope: 'pay' },
      basic('machine'),
    )
    const { payload } = await verify(String(body['access_token']), bank)
    assert.deepEqual([payload.sub, payload['client_id'], payload['scope']], ['machine', 'machine', 'pay'])
    for (const claim of ['acr', 'amr', 'auth_time']) assert.equal(payload[claim], undefined)
  })

  it('need a key for what they are signed with', async () => {
    await assert.rejects(
      startProvider({ config: { resources: [{ id: bank, clients: ['*'], alg: 'RS256' }] } }),
      /no key for the RS256/,
    )
  })
})
