import assert from 'node:assert/strict'
import { connect } from 'node:tls'
import { host, type Profile, startProfile } from './profile.ts'

type Metadata = Record<string, unknown> & Record<'scopes_supported' | 'claims_supported', string[]>

const includesAll = (actual: unknown, wanted: readonly string[]) => {
  const missing = wanted.filter((one) => !(actual as string[]).includes(one))
  assert.deepEqual(missing, [])
}

describe('what the profile says of itself', function () {
  this.timeout(30_000)
  let at: Profile
  let metadata: Metadata
  before(async () => {
    at = await startProfile()
    const response = await at.fetch(`${at.issuer}/.well-known/openid-configuration`)
    assert.equal(response.status, 200)
    assert.match(response.headers.get('content-type') ?? '', /^application\/json/)
    metadata = (await response.json()) as Metadata
  })
  after(() => at.close())

  it('is its own name, on TLS, and no other', async () => {
    assert.equal(new URL(at.issuer).hostname, host)
    assert.equal(metadata['issuer'], at.issuer)
    for (const [name, value] of Object.entries(metadata))
      if (/_(endpoint|uri)$/.test(name)) assert.ok(String(value).startsWith(`${at.issuer}/`), name)
    const authorized = await new Promise<boolean>((resolve, reject) => {
      const socket = connect(
        { port: Number(new URL(at.issuer).port), host: '127.0.0.1', servername: host, ca: at.op.ca },
        () => {
          resolve(socket.authorized)
          socket.end()
        },
      ).once('error', reject)
    })
    assert.equal(authorized, true)
    await assert.rejects(at.fetch(at.issuer.replace(host, 'localhost')))
  })

  it('is everything that the suite looks for', () => {
    for (const name of ['authorization', 'token', 'userinfo', 'registration', 'end_session'])
      assert.ok(metadata[`${name}_endpoint`], name)
    includesAll(metadata['response_types_supported'], ['code', 'id_token', 'id_token token'])
    includesAll(metadata['response_types_supported'], ['code id_token', 'code token', 'code id_token token'])
    includesAll(metadata['response_modes_supported'], ['query', 'fragment', 'form_post'])
    includesAll(metadata['grant_types_supported'], ['authorization_code', 'implicit', 'refresh_token'])
    includesAll(metadata['subject_types_supported'], ['public', 'pairwise'])
    includesAll(metadata['id_token_signing_alg_values_supported'], ['RS256', 'ES256', 'PS256'])
    includesAll(metadata['userinfo_signing_alg_values_supported'], ['RS256', 'ES256', 'PS256'])
    includesAll(metadata['token_endpoint_auth_methods_supported'], [
      'client_secret_basic',
      'client_secret_post',
      'private_key_jwt',
    ])
    includesAll(metadata.scopes_supported, [
      'openid',
      'profile',
      'email',
      'address',
      'phone',
      'offline_access',
    ])
    includesAll(metadata.claims_supported, [
      'sub',
      'iss',
      'auth_time',
      'acr',
      'name',
      'given_name',
      'family_name',
    ])
    includesAll(metadata.claims_supported, [
      'birthdate',
      'updated_at',
      'address',
      'phone_number',
      'email_verified',
    ])
    assert.deepEqual(metadata['code_challenge_methods_supported'], ['S256'])
    assert.equal(metadata['claims_parameter_supported'], true)
    assert.equal(metadata['request_parameter_supported'], true)
    assert.equal(metadata['request_uri_parameter_supported'], false)
    includesAll(metadata['request_object_signing_alg_values_supported'], ['RS256'])
    for (const name of Object.keys(metadata).filter((one) => one.endsWith('alg_values_supported')))
      assert.ok(!(metadata[name] as string[]).includes('none'), name)
    assert.equal(metadata['authorization_response_iss_parameter_supported'], true)
  })

  it('is keys without their private halves, of each algorithm, each with a name', async () => {
    const { keys } = (await (await at.fetch(metadata['jwks_uri'] as string)).json()) as {
      keys: Record<string, unknown>[]
    }
    assert.deepEqual(keys.map(({ alg }) => alg).toSorted(), ['ES256', 'PS256', 'RS256'])
    for (const key of keys) {
      for (const secret of ['d', 'p', 'q', 'dp', 'dq', 'qi', 'k']) assert.equal(key[secret], undefined)
      assert.equal(key['use'], 'sig')
    }
    assert.equal(new Set(keys.map(({ kid }) => kid)).size, keys.length)
  })
})
