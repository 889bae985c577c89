import assert from 'node:assert/strict'
import { exportJWK, generateKeyPair } from 'jose'
import { codeOf, errorOf } from '../support/relying-party.ts'
import { ask, basic } from './protocol/parties.ts'
import { callback, type Registering, startRegistering } from './registering.ts'

const long = (size: number) => 'a'.repeat(size)

/** What nobody may register by themselves, and the error. */
const refused: [what: string, metadata: Record<string, unknown>, error?: string][] = [
  ['no redirect URI', { redirect_uris: [] }, 'invalid_redirect_uri'],
  ['a fragment', { redirect_uris: ['https://shop.example/cb#x'] }, 'invalid_redirect_uri'],
  ['an empty fragment', { redirect_uris: ['https://shop.example/cb#'] }, 'invalid_redirect_uri'],
  ['a script', { redirect_uris: ['javascript:alert(1)'] }, 'invalid_redirect_uri'],
  ['data', { redirect_uris: ['data:text/html,x'] }, 'invalid_redirect_uri'],
  ['http elsewhere', { redirect_uris: ['http://shop.example/cb'] }, 'invalid_redirect_uri'],
  [
    'http at what looks local',
    { redirect_uris: ['http://localhost.shop.example/cb'] },
    'invalid_redirect_uri',
  ],
  ['credentials', { redirect_uris: ['https://u:p@shop.example/cb'] }, 'invalid_redirect_uri'],
  ['no address', { redirect_uris: ['shop.example/cb'] }, 'invalid_redirect_uri'],
  ['one bad among good', { redirect_uris: [callback, 'ftp://shop.example/'] }, 'invalid_redirect_uri'],
  ['a private scheme on the web', { redirect_uris: ['com.example.app:/cb'] }, 'invalid_redirect_uri'],
  [
    'a script in a native application',
    { application_type: 'native', redirect_uris: ['javascript:alert(1)'] },
    'invalid_redirect_uri',
  ],
  [
    'a scheme that anybody may claim',
    { application_type: 'native', redirect_uris: ['shop:/cb'] },
    'invalid_redirect_uri',
  ],
  ['a bad way out', { post_logout_redirect_uris: ['http://shop.example/'] }],
  ['a long address', { redirect_uris: [`https://shop.example/${long(2_000)}`] }],
  ['many addresses', { redirect_uris: Array.from({ length: 21 }, (_, index) => `${callback}${index}`) }],
  ['a long name', { client_name: long(101) }],
  ['a name that turns around', { client_name: 'Bank‮knaB' }],
  ['a name of several lines', { client_name: 'Shop\nof the bank' }],
  ['a name of blanks', { client_name: ' \u00A0 ' }],
  ['a name that nobody sees', { client_name: '\u3164\u3164' }],
  ['a name of empty patterns', { client_name: '\u2800\u2800' }],
  ['a name with half a letter', { client_name: 'Shop \ud800' }],
  ['a name that covers other lines', { client_name: `Shop${'\u0316'.repeat(5)}` }],
  ['a long anything', { scope: long(3_000) }],
  ['many people to ask', { contacts: Array.from({ length: 21 }, (_, index) => `a${index}@shop.example`) }],
  ['a logo over http', { logo_uri: 'http://shop.example/logo.png' }],
  ['a logo of data', { logo_uri: 'data:image/png;base64,AAAA' }],
  ['a policy that is a script', { policy_uri: 'javascript:alert(1)' }],
  ['terms over http', { tos_uri: 'http://shop.example/terms' }],
  ['a home page over http', { client_uri: 'http://shop.example/' }],
  ['keys over http', { jwks_uri: 'http://shop.example/jwks' }],
  ['both keys and their address', { jwks_uri: 'https://shop.example/jwks', jwks: { keys: [] } }],
  ['a back channel over http', { backchannel_logout_uri: 'http://shop.example/out' }],
  ['client credentials', { grant_types: ['client_credentials'], redirect_uris: [], response_types: [] }],
  ['CIBA', { grant_types: ['authorization_code', 'urn:openid:params:grant-type:ciba'] }],
  [
    'the device grant',
    { grant_types: ['authorization_code', 'urn:ietf:params:oauth:grant-type:device_code'] },
  ],
  ['the implicit flow', { grant_types: ['implicit'], response_types: ['id_token'] }],
  ['no PKCE', { require_pkce: false }],
  ['a ban on keys', { second_factors: { webauthn: 'forbid' } }],
  ['a level that nobody knows', { minimum_acr: 'low' }],
  ['a demand that is none', { require_second_factor: 'no' }],
  ['a wrong kind', { client_name: 7 }],
  ['a list that is none', { redirect_uris: callback }, 'invalid_redirect_uri'],
  ['a profile without lists', { profile: 'fapi2', redirect_uris: 7 }],
  ['a profile of other types', { profile: 'fapi2', response_types: 7 }],
  ['a secret key', { jwks: { keys: [{ kty: 'oct', k: 'AAAA' }] } }],
]

describe('what a relying party says of itself', () => {
  let at: Registering
  before(async () => {
    at = await startRegistering({ initialAccessToken: false })
  })
  after(() => at.op.close())

  for (const [what, metadata, error = 'invalid_client_metadata'] of refused)
    it(`is refused with ${what}`, async () => {
      const { status, body } = await at.register(metadata)
      assert.equal(status, 400, JSON.stringify(body))
      assert.ok(
        body['error'] === error || (what.includes('address') && body['error'] === 'invalid_redirect_uri'),
        JSON.stringify(body),
      )
      assert.equal(body['client_id'], undefined)
    })

  it('may ask for more than the policy does, and for no less', async () => {
    const demands = {
      require_second_factor: true,
      minimum_acr: 'phr',
      second_factor_max_age: 900,
      second_factors: { webauthn: 'require' },
    }
    const more = await at.register(demands)
    assert.equal(more.status, 201, JSON.stringify(more.body))
    const kept = await at.op.duepassi.directory.clientById(String(more.body['client_id']))
    for (const [name, value] of Object.entries(demands)) assert.deepEqual(kept?.[name], value)
    // The general policy holds whatever it says.
    const less = await at.register({ require_second_factor: false })
    const id = String(less.body['client_id'])
    const { url } = await at.op.rp.begin({ client_id: id, redirect_uri: callback, prompt: 'none' })
    const { browser } = await at.op.enrol()
    assert.equal(errorOf(await browser.get(url)), 'consent_required')
  })

  it('may be an application on a phone, or on this machine', async () => {
    for (const redirect_uris of [
      ['com.example.app:/cb', 'http://127.0.0.1/cb'],
      ['https://app.example/cb'],
    ]) {
      const { status, body } = await at.register({
        application_type: 'native',
        token_endpoint_auth_method: 'none',
        redirect_uris,
      })
      assert.equal(status, 201, JSON.stringify(body))
      assert.equal(body['client_secret'], undefined)
    }
    assert.equal((await at.register({ redirect_uris: ['http://localhost:8080/cb'] })).status, 201)
  })

  it('may hold keys instead of a secret', async () => {
    const { publicKey } = await generateKeyPair('ES256', { extractable: true })
    const { status, body } = await at.register({
      token_endpoint_auth_method: 'private_key_jwt',
      jwks: { keys: [{ ...(await exportJWK(publicKey)), kid: 'k', alg: 'ES256', use: 'sig' }] },
    })
    assert.equal(status, 201, JSON.stringify(body))
    assert.equal(body['client_secret'], undefined)
  })

  it('is read with care where it names other addresses', async () => {
    // On loopback, where the guarded fetch goes for nobody.
    const { status, body } = await at.register({
      sector_identifier_uri: `https://127.0.0.1:${at.op.config.listen.port}/sector`,
    })
    assert.equal(status, 400)
    assert.equal(body['error'], 'invalid_client_metadata')
    assert.doesNotMatch(JSON.stringify(body), /ECONN|127\.0\.0\.1/)
  })
})

describe('what the configuration allows those who register', () => {
  it('is other grants, one by one', async () => {
    const at = await startRegistering({ initialAccessToken: false, grants: ['client_credentials'] })
    try {
      const machine = { redirect_uris: [], response_types: [], grant_types: ['client_credentials'] }
      assert.equal((await at.register(machine)).status, 201)
      // Nobody proves that it is this client.
      assert.equal((await at.register({ ...machine, token_endpoint_auth_method: 'none' })).status, 400)
      const device = ['urn:ietf:params:oauth:grant-type:device_code']
      assert.equal((await at.register({ ...machine, grant_types: device })).status, 400)
    } finally {
      await at.op.close()
    }
  })

  it('is no resource that is there for every client, unless a person is asked', async () => {
    const id = 'https://api.example/'
    const at = await startRegistering(
      { initialAccessToken: false, grants: ['client_credentials'] },
      { config: { resources: [{ id, scopes: ['read'], clients: ['*'] }] } },
    )
    try {
      const grant_types = ['client_credentials']
      const machine = await at.register({ redirect_uris: [], response_types: [], grant_types })
      await at.op.addClient({ client_id: 'added', grant_types, redirect_uris: [], response_types: [] })
      const fields = { grant_type: 'client_credentials', resource: id, scope: 'read' }
      const [own, secret] = [String(machine.body['client_id']), String(machine.body['client_secret'])]
      const answer = await ask(`${at.op.issuer}/token`, fields, basic(own, secret))
      assert.deepEqual([answer.status, answer.body['error']], [400, 'invalid_target'])
      assert.equal((await ask(`${at.op.issuer}/token`, fields, basic('added'))).status, 200)
      const shop = await at.register({})
      const { browser } = await at.op.enrol()
      const client_id = String(shop.body['client_id'])
      const request = { client_id, redirect_uri: callback, scope: 'openid read', resource: id }
      const asked = await browser.get((await at.op.rp.begin(request)).url)
      assert.ok(codeOf(await browser.post(asked.url, { intent: 'allow' })))
    } finally {
      await at.op.close()
    }
  })

  it('is to go without PKCE, where it is optional', async () => {
    const at = await startRegistering(
      { initialAccessToken: false },
      { config: { protocol: { pkce: 'optional' } } },
    )
    try {
      assert.equal((await at.register({ require_pkce: false })).status, 201)
    } finally {
      await at.op.close()
    }
  })
})

describe('where everybody may register', () => {
  it('so many do in an hour from one network; what is refused does not count, nor who manages what is there', async () => {
    const at = await startRegistering({ initialAccessToken: false, openPerHour: 3 })
    try {
      const one = () => at.register({ redirect_uris: [callback] })
      assert.equal((await at.register({ redirect_uris: [] })).status, 400)
      const all = await Promise.all(Array.from({ length: 50 }, one))
      const statuses = all.map(({ status }) => status)
      assert.equal(statuses.filter((status) => status === 201).length, 3)
      assert.equal(statuses.filter((status) => status === 429).length, 47)
      const refused = await one()
      assert.equal(refused.body['error'], 'temporarily_unavailable')
      assert.match(String(refused.body['error_description']), /too many .* in this hour/)
      const [first] = all.filter(({ status }) => status === 201)
      const token = String(first?.body['registration_access_token'])
      const changed = { ...first?.body, client_name: 'Shop' }
      const managed = await at.manage('PUT', String(first?.body['registration_client_uri']), token, changed)
      assert.notEqual(managed.status, 429)
      at.op.clock.advance(3_600)
      assert.equal((await one()).status, 201)
    } finally {
      await at.op.close()
    }
  })
})
