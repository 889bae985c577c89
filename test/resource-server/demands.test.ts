import assert from 'node:assert/strict'
import { type RequireAuthenticationOptions, requireAuthentication } from '../../src/index.ts'
import { audience, createIssuer, issuer, type TestIssuer } from './issuer.ts'
import { bearer, type Served, serveGuarded } from './served.ts'

describe('what a resource server demands', () => {
  let op: TestIssuer
  const servers: Served[] = []
  const guarded = async (demands: Partial<RequireAuthenticationOptions>) => {
    const served = await serveGuarded(
      requireAuthentication({ issuer, audience, clock: op.clock, fetch: op.fetch, ...demands }),
    )
    servers.push(served)
    return async (claims: Record<string, unknown>) => served.ask(bearer(await op.token(claims)))
  }
  before(async () => {
    op = await createIssuer()
  })
  after(() => Promise.all(servers.map((served) => served.close())))

  const words = 'error_description="a stronger sign-in is required"'
  const late = 'error_description="a more recent sign-in is required"'
  const insufficient = 'Bearer error="insufficient_user_authentication"'

  it('is one of the acr values, by name', async () => {
    const ask = await guarded({ acr: ['phrh', 'phr'] })
    for (const acr of ['phr', 'phrh']) assert.equal((await ask({ acr })).status, 200, acr)
    for (const acr of ['https://refeds.org/profile/mfa', 'PHR', 'phr phrh', '', undefined, ['phr'], true]) {
      const { status, challenge, headers, body } = await ask({ acr })
      assert.equal(status, 401, String(acr))
      assert.equal(challenge, `${insufficient}, ${words}, acr_values="phrh phr"`)
      assert.equal(headers['cache-control'], 'no-store')
      assert.match(String(headers['content-type']), /json/)
      assert.deepEqual(JSON.parse(body), {
        error: 'insufficient_user_authentication',
        error_description: 'a stronger sign-in is required',
      })
    }
  })
  it('is a proof not older than maxAge, to the second', async () => {
    const ask = await guarded({ maxAge: 300 })
    const now = op.seconds()
    const at = (authTime: unknown) => ask({ auth_time: authTime, exp: now + 3600 })
    // Between two readings of the clock a second may pass, so the boundary is asked for on both sides of it.
    assert.equal((await at(now - 298)).status, 200)
    for (const authTime of [now - 301, 0, -1, undefined, null, String(now), now + 3600]) {
      const { status, challenge } = await at(authTime)
      assert.equal(status, 401, String(authTime))
      assert.equal(challenge, `${insufficient}, ${late}, max_age="300"`)
    }
    assert.equal((await at(now + 10)).status, 200, 'clocks differ by seconds')
  })
  it('lets the last second pass, and not the one after it', async () => {
    let time = 1_800_000_000_000
    const clock = { now: () => time }
    const ask = await guarded({ maxAge: 300, clock })
    const claims = { iat: 1_800_000_000, exp: 1_800_003_600, auth_time: 1_800_000_000 }
    time += 300_999
    assert.equal((await ask(claims)).status, 200)
    time += 1
    assert.equal((await ask(claims)).status, 401)
  })
  it('lets a token pass until its last second, and not at it', async () => {
    let time = 1_800_000_000_000
    const ask = await guarded({ clock: { now: () => time } })
    const claims = { iat: 1_800_000_000, exp: 1_800_000_060, nbf: 1_800_000_000 }
    assert.equal((await ask(claims)).status, 200)
    time += 59_999
    assert.equal((await ask(claims)).status, 200)
    time += 1
    assert.equal((await ask(claims)).status, 401)
    time = 1_799_999_999_999
    assert.equal((await ask(claims)).status, 401, 'not good yet')
  })
  it('names both demands, whichever was missed', async () => {
    const ask = await guarded({ acr: ['phr'], maxAge: 60 })
    const both = 'acr_values="phr", max_age="60"'
    const now = op.seconds()
    assert.equal((await ask({ acr: 'sfa', auth_time: now })).challenge, `${insufficient}, ${words}, ${both}`)
    assert.equal(
      (await ask({ acr: 'phr', auth_time: now - 90 })).challenge,
      `${insufficient}, ${late}, ${both}`,
    )
    assert.equal((await ask({ acr: 'sfa', auth_time: 0 })).challenge, `${insufficient}, ${words}, ${both}`)
    assert.equal((await ask({ acr: 'phr', auth_time: now })).status, 200)
  })
  it('is every scope, before anything else', async () => {
    const ask = await guarded({ scope: ['vault:open', 'vault:close'], acr: ['phrh'] })
    for (const scope of [
      'vault:open',
      'vault:open vault',
      'vault:open,vault:close',
      '',
      undefined,
      ['vault:open', 'vault:close'],
    ]) {
      const { status, challenge } = await ask({ scope })
      assert.equal(status, 403, String(scope))
      assert.equal(
        challenge,
        'Bearer error="insufficient_scope", error_description="the access token lacks a scope", scope="vault:open vault:close"',
      )
    }
    assert.equal((await ask({ scope: 'vault:close other vault:open', acr: 'phrh' })).status, 200)
    assert.equal((await ask({ scope: 'vault:close vault:open' })).status, 401)
  })
  it('is quoted so that it reads as what it is', async () => {
    const odd = 'urn:acr:"gold"\\best'
    const ask = await guarded({ acr: [odd, 'phrh'] })
    const { challenge } = await ask({ acr: 'phr' })
    assert.equal(challenge, `${insufficient}, ${words}, acr_values="urn:acr:\\"gold\\"\\\\best phrh"`)
    assert.equal((await ask({ acr: odd })).status, 200)
  })
  it('must be one, or nothing starts', () => {
    const good = { issuer, audience, fetch: op.fetch }
    const bad: Array<[object, RegExp]> = [
      [{ acr: [] }, /acr/],
      [{ acr: 'phr' }, /acr/],
      [{ acr: ['phr phrh'] }, /acr/],
      [{ acr: ['è'] }, /acr/],
      [{ acr: ['phr\r\nSet-Cookie: a=b'] }, /acr/],
      [{ scope: [] }, /scope/],
      [{ scope: ['a b'] }, /scope/],
      [{ scope: ['a"b'] }, /scope/],
      [{ maxAge: 0 }, /maxAge/],
      [{ maxAge: -1 }, /maxAge/],
      [{ maxAge: '300' }, /maxAge/],
      [{ maxAge: Number.NaN }, /maxAge/],
      [{ maxAge: Number.POSITIVE_INFINITY }, /maxAge/],
      [{ audience: '' }, /audience/],
      [{ audience: undefined }, /audience/],
      [{ audience: [audience] }, /audience/],
      [{ issuer: 'http://id.example.org' }, /issuer/],
      [{ issuer: 'id.example.org' }, /issuer/],
      [{ issuer: undefined }, /issuer/],
      [{ fetch: undefined }, /fetch/],
    ]
    for (const [over, message] of bad)
      assert.throws(
        () => requireAuthentication({ ...good, ...over } as RequireAuthenticationOptions),
        { name: 'TypeError', message },
        JSON.stringify(over),
      )
    for (const local of ['http://localhost:3000', 'http://127.0.0.1:3000', 'http://[::1]:3000'])
      assert.doesNotThrow(() => requireAuthentication({ ...good, issuer: local }))
  })
  it('does not change with the lists it was made from', async () => {
    const acr = ['phrh']
    const ask = await guarded({ acr })
    acr.push('phr')
    assert.equal((await ask({ acr: 'phr' })).status, 401)
  })
})
