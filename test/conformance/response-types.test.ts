import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { createLocalJWKSet, type JSONWebKeySet, type JWTPayload, jwtVerify } from 'jose'
import * as oidc from 'openid-client'
import { mfa } from '../support/provider.ts'
import { answerIn, callback, type Profile, startProfile, type Walk } from './profile.ts'

/** OIDC Core §3.1.3.6, §3.3.2.11: the left half of the hash of the token, for RS256. */
const halfHash = (value: string) =>
  createHash('sha256').update(value).digest().subarray(0, 16).toString('base64url')

/** Parameters of the answer besides `state` and `iss`, which each has. */
const types: [type: string, where: 'query' | 'fragment', parameters: string[]][] = [
  ['code', 'query', ['code']],
  ['id_token', 'fragment', ['id_token']],
  ['id_token token', 'fragment', ['access_token', 'expires_in', 'id_token', 'scope', 'token_type']],
  ['code id_token', 'fragment', ['code', 'id_token']],
  ['code token', 'fragment', ['access_token', 'code', 'expires_in', 'scope', 'token_type']],
  [
    'code id_token token',
    'fragment',
    ['access_token', 'code', 'expires_in', 'id_token', 'scope', 'token_type'],
  ],
  ['none', 'query', []],
]

describe('every response type', function () {
  this.timeout(60_000)
  let at: Profile
  let keys: ReturnType<typeof createLocalJWKSet>
  before(async () => {
    at = await startProfile()
    keys = createLocalJWKSet((await (await at.fetch(`${at.issuer}/jwks`)).json()) as JSONWebKeySet)
  })
  after(() => at.close())

  const client = () => at.op.clients.client
  const verified = async (idToken: string): Promise<JWTPayload> => {
    const { payload } = await jwtVerify(idToken, keys, {
      issuer: at.issuer,
      audience: client().client_id,
      algorithms: ['RS256'],
    })
    return payload
  }
  const bothSteps = ({ met }: Walk) => assert.deepEqual(met, ['password', 'second factor'])

  for (const [type, where, parameters] of types)
    it(`${type} answers in the ${where}, with what belongs together`, async () => {
      const walk = await at.authorize(client(), { response_type: type })
      bothSteps(walk)
      const answer = answerIn(where, walk.end)
      assert.deepEqual(
        Object.keys(answer).toSorted(),
        // RFC 9207 §2.4: an ID token says by itself who issued it.
        [...parameters, ...(parameters.includes('id_token') ? [] : ['iss']), 'state'].toSorted(),
      )
      assert.equal(answer['state'], 'the state')
      assert.equal(answer['iss'] ?? at.issuer, at.issuer)
      const { id_token: idToken, access_token: accessToken, code } = answer
      if (idToken !== undefined) {
        const claims = await verified(idToken)
        assert.equal(claims['nonce'], 'the nonce')
        assert.equal(claims['acr'], mfa)
        assert.deepEqual(claims['amr'], ['pwd', 'otp', 'mfa'])
        assert.equal(claims['at_hash'], accessToken === undefined ? undefined : halfHash(accessToken))
        assert.equal(claims['c_hash'], code === undefined ? undefined : halfHash(code))
      }
      if (accessToken !== undefined) {
        assert.equal(answer['token_type'], 'Bearer')
        const config = await at.discover(client())
        const info = await oidc.fetchUserInfo(config, accessToken, oidc.skipSubjectCheck)
        assert.equal(info.sub, at.op.people[0].account.id)
      }
      if (code !== undefined) {
        const config = await at.discover(client())
        const response = await at.fetch(config.serverMetadata().token_endpoint as string, {
          method: 'POST',
          headers: { authorization: `Basic ${btoa(`${client().client_id}:${client().client_secret}`)}` },
          body: new URLSearchParams({ grant_type: 'authorization_code', code, redirect_uri: callback }),
        })
        const tokens = (await response.json()) as Record<string, string>
        assert.equal(response.status, 200, JSON.stringify(tokens))
        const claims = await verified(tokens['id_token'] as string)
        assert.equal(claims['nonce'], 'the nonce')
        assert.equal(claims['acr'], mfa)
        assert.equal(
          claims['at_hash'] ?? halfHash(tokens['access_token'] as string),
          halfHash(tokens['access_token'] as string),
        )
      }
    })

  it('is understood by openid-client: code, id_token, code id_token', async () => {
    const code = await at.discover(client(), oidc.ClientSecretBasic, {
      id_token_signed_response_alg: 'RS256',
    })
    const { end } = await at.authorize(client())
    const tokens = await oidc.authorizationCodeGrant(code, end.url, {
      expectedState: 'the state',
      expectedNonce: 'the nonce',
    })
    assert.equal(tokens.claims()?.['acr'], mfa)

    const implicit = await at.discover(client(), oidc.ClientSecretBasic, {
      id_token_signed_response_alg: 'RS256',
    })
    oidc.useIdTokenResponseType(implicit)
    const shown = await at.authorize(client(), { response_type: 'id_token' })
    const claims = await oidc.implicitAuthentication(implicit, shown.end.url, 'the nonce', {
      expectedState: 'the state',
    })
    assert.equal(claims.sub, at.op.people[0].account.id)

    const hybrid = await at.discover(client(), oidc.ClientSecretBasic, {
      id_token_signed_response_alg: 'RS256',
    })
    oidc.useCodeIdTokenResponseType(hybrid)
    const both = await at.authorize(client(), { response_type: 'code id_token' })
    const answer = await oidc.authorizationCodeGrant(hybrid, both.end.url, {
      expectedState: 'the state',
      expectedNonce: 'the nonce',
    })
    assert.equal(answer.claims()?.['acr'], mfa)
  })

  it('but the code flow needs a nonce where an ID token comes through the browser', async () => {
    for (const type of ['id_token', 'id_token token', 'code id_token', 'code id_token token']) {
      const { end } = await at.authorize(client(), { response_type: type, nonce: undefined })
      assert.equal(answerIn('fragment', end)['error'], 'invalid_request', type)
    }
    const { end } = await at.authorize(client(), { nonce: undefined })
    assert.ok(answerIn('query', end)['code'])
  })

  it('comes as a form that posts itself, where that is asked for', async () => {
    for (const [type, name] of [
      ['code', 'code'],
      ['id_token', 'id_token'],
    ] as const) {
      const { end } = await at.authorize(client(), { response_type: type, response_mode: 'form_post' })
      assert.equal(end.status, 200)
      assert.match(end.body, new RegExp(`<form [^>]*action="${callback}"`))
      assert.match(end.body, new RegExp(`name="${name}" value="[^"]+"`))
      assert.match(end.headers.get('content-security-policy') ?? '', /script-src [^;]*'sha256-/)
    }
  })

  it('that does not exist, or is missing, is an error', async () => {
    for (const type of ['token', 'device', 'code foo']) {
      const { end } = await at.authorize(client(), { response_type: type })
      assert.match(`${end.url.search}${end.url.hash}${end.body}`, /unsupported_response_type/, type)
      assert.doesNotMatch(end.url.href, /[#?&](code|access_token|id_token)=/)
    }
    const { end } = await at.authorize(client(), { response_type: undefined })
    assert.match(`${end.url.search}${end.body}`, /invalid_request/)
  })
})
