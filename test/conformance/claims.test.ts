import assert from 'node:assert/strict'
import * as oidc from 'openid-client'
import { answerIn, type Profile, startProfile } from './profile.ts'

const ofProfile = [
  ...['name', 'family_name', 'given_name', 'middle_name', 'nickname', 'preferred_username', 'profile'],
  ...['picture', 'website', 'gender', 'birthdate', 'zoneinfo', 'locale', 'updated_at'],
]

/** Claims at userinfo besides `sub`. */
const scopes: [scope: string, claims: string[]][] = [
  ['openid', []],
  ['openid profile', ofProfile],
  ['openid email', ['email', 'email_verified']],
  ['openid address', ['address']],
  ['openid phone', ['phone_number', 'phone_number_verified']],
  [
    'openid profile email address phone',
    [...ofProfile, 'email', 'email_verified', 'address', 'phone_number', 'phone_number_verified'],
  ],
]

describe('claims about a person', function () {
  this.timeout(60_000)
  let at: Profile
  let config: oidc.Configuration
  before(async () => {
    at = await startProfile()
    config = await at.discover(at.op.clients.client)
  })
  after(() => at.close())

  const client = () => at.op.clients.client
  const granted = async (parameters: Record<string, string>) => {
    const { end } = await at.authorize(client(), parameters)
    const tokens = await oidc.authorizationCodeGrant(config, end.url, {
      expectedState: 'the state',
      expectedNonce: 'the nonce',
    })
    return { tokens, claims: tokens.claims() as oidc.IDToken }
  }
  const userinfo = async (token: string) =>
    (await oidc.fetchUserInfo(config, token, oidc.skipSubjectCheck)) as Record<string, unknown>

  for (const [scope, names] of scopes)
    it(`are released by the scope ${scope}`, async () => {
      const { tokens, claims } = await granted({ scope })
      const info = await userinfo(tokens.access_token)
      assert.deepEqual(Object.keys(info).toSorted(), ['sub', ...names].toSorted())
      assert.equal(info['sub'], claims.sub)
      // OIDC Core §5.4: with an access token they are at userinfo, not in the ID token.
      for (const name of names) assert.equal(claims[name], undefined)
    })

  it('have the types of OIDC Core §5.1', async () => {
    const { tokens } = await granted({ scope: 'openid profile email address phone' })
    const info = await userinfo(tokens.access_token)
    for (const [name, value] of Object.entries(info)) {
      if (name.endsWith('_verified')) assert.equal(value, true)
      else if (name === 'updated_at') assert.ok(Number.isInteger(value))
      else if (name === 'address')
        for (const part of Object.values(value as object)) assert.equal(typeof part, 'string')
      else assert.equal(typeof value, 'string', name)
    }
    assert.match(String(info['birthdate']), /^\d{4}-\d{2}-\d{2}$/)
    assert.match(String(info['phone_number']), /^\+\d+$/)
    assert.equal((info['address'] as Record<string, string>)['country'], 'IT')
  })

  it('come with the ID token where no access token does', async () => {
    const { end } = await at.authorize(client(), {
      response_type: 'id_token',
      scope: 'openid profile email phone',
    })
    oidc.useIdTokenResponseType(config)
    const claims = await oidc.implicitAuthentication(config, end.url, 'the nonce', {
      expectedState: 'the state',
    })
    config = await at.discover(client())
    for (const name of [...ofProfile, 'email', 'phone_number']) assert.notEqual(claims[name], undefined, name)
  })

  it('come one by one by the claims parameter', async () => {
    const { tokens, claims } = await granted({
      claims: JSON.stringify({
        userinfo: { name: { essential: true }, phone_number: null },
        id_token: { given_name: { essential: true }, auth_time: { essential: true } },
      }),
    })
    const info = await userinfo(tokens.access_token)
    assert.deepEqual(Object.keys(info).toSorted(), ['name', 'phone_number', 'sub'])
    assert.equal(claims['given_name'], 'Maria')
    assert.equal(typeof claims.auth_time, 'number')
  })

  it('are asked for by GET, by POST with the token in the header, and in the body', async () => {
    const { tokens } = await granted({ scope: 'openid email' })
    const endpoint = config.serverMetadata().userinfo_endpoint as string
    const authorization = `Bearer ${tokens.access_token}`
    const form = { 'content-type': 'application/x-www-form-urlencoded' }
    const asked = await Promise.all([
      at.fetch(endpoint, { headers: { authorization } }),
      at.fetch(endpoint, { method: 'POST', headers: { authorization } }),
      at.fetch(endpoint, {
        method: 'POST',
        headers: form,
        body: new URLSearchParams({ access_token: tokens.access_token }),
      }),
    ])
    for (const response of asked) {
      assert.equal(response.status, 200)
      assert.match(response.headers.get('content-type') ?? '', /^application\/json/)
      assert.equal(((await response.json()) as Record<string, unknown>)['email'], 'maria@example.org')
    }
    const refused = await at.fetch(endpoint, { headers: { authorization: 'Bearer guessed' } })
    assert.equal(refused.status, 401)
    assert.match(refused.headers.get('www-authenticate') ?? '', /invalid_token/)
  })

  it('are of the person who signed in', async () => {
    const [, paolo] = at.op.people
    assert.ok(paolo)
    const { end } = await at.authorize(client(), { scope: 'openid profile' }, at.browser(), paolo)
    assert.ok(answerIn('query', end)['code'])
    const tokens = await oidc.authorizationCodeGrant(config, end.url, {
      expectedState: 'the state',
      expectedNonce: 'the nonce',
    })
    const info = await userinfo(tokens.access_token)
    assert.deepEqual([info['sub'], info['given_name']], [paolo.account.id, 'Paolo'])
  })
})
