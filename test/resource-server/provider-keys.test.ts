import assert from 'node:assert/strict'
import { requireAuthentication } from '../../src/index.ts'
import { audience, createIssuer, issuer, newKey, type TestIssuer } from './issuer.ts'
import { bearer, type Served, serveGuarded } from './served.ts'

const metadataUrl = `${issuer}/.well-known/openid-configuration`
const keysUrl = `${issuer}/jwks`

describe('the keys of the provider', () => {
  let op: TestIssuer
  let served: Served
  let told: Error[]
  beforeEach(async () => {
    op = await createIssuer()
    told = []
    served = await serveGuarded(
      requireAuthentication({
        issuer,
        audience,
        clock: op.clock,
        fetch: op.fetch,
        onUnavailable: (error) => told.push(error),
      }),
    )
  })
  afterEach(() => served.close())

  const statusOf = async (token: string | Promise<string>) => (await served.ask(bearer(await token))).status
  const isUnavailable = async (token: string) => {
    const { status, challenge, headers, body } = await served.ask(bearer(token))
    assert.equal(status, 503, body)
    assert.equal(challenge, undefined)
    assert.equal(headers['retry-after'], '5')
    assert.equal(headers['cache-control'], 'no-store')
    assert.equal(JSON.parse(body).error, 'temporarily_unavailable')
  }

  it('are read once for many requests at a time', async () => {
    const token = await op.token()
    const statuses = await Promise.all(Array.from({ length: 20 }, () => statusOf(token)))
    assert.deepEqual(new Set(statuses), new Set([200]))
    assert.deepEqual(op.asked, [metadataUrl, keysUrl])
  })
  it('are read anew after ten minutes, and a key that is gone counts no more', async () => {
    const token = await op.token({ exp: op.seconds() + 3600 })
    assert.equal(await statusOf(token), 200)
    op.publish(await newKey('second'))
    op.clock.advance(590)
    assert.equal(await statusOf(token), 200)
    op.clock.advance(11)
    assert.equal(await statusOf(token), 401)
  })
  it('are read anew when the clock was set back: nobody knows how old they are', async () => {
    assert.equal(await statusOf(op.token()), 200)
    op.publish(await newKey('second'))
    op.clock.advance(-3600)
    assert.equal(await statusOf(op.token()), 401)
  })
  it('are read anew for a key nobody knows, once in half a minute', async () => {
    assert.equal(await statusOf(op.token()), 200)
    const second = await newKey('second')
    op.publish(op.key, second)
    const forged = await newKey('forged')
    op.clock.advance(20)
    assert.equal(await statusOf(op.token({}, {}, second)), 401)
    assert.equal(op.asked.length, 2, 'too soon')
    op.clock.advance(11)
    assert.equal(await statusOf(op.token({}, {}, second)), 200)
    assert.equal(op.asked.length, 4)
    for (let time = 0; time < 5; time++) assert.equal(await statusOf(op.token({}, {}, forged)), 401)
    assert.equal(op.asked.length, 4, 'made up keys ask nobody')
    assert.equal(await statusOf(op.token({}, {}, second)), 200)
    assert.equal(await statusOf(op.token()), 200)
  })
  it('follow a rotation, and a provider that moves them', async () => {
    assert.equal(await statusOf(op.token()), 200)
    const second = await newKey('second')
    op.answers.set(metadataUrl, { status: 200, value: { issuer, jwks_uri: `${issuer}/moved` } })
    op.answers.set(`${issuer}/moved`, { status: 200, value: { keys: [second.publicJwk] } })
    op.clock.advance(31)
    assert.equal(await statusOf(op.token({}, {}, second)), 200)
    assert.equal(await statusOf(op.token()), 401)
  })
  it('are looked for under RFC 8414 where there is no OpenID Connect', async () => {
    op.answers.delete(metadataUrl)
    op.answers.set(`${issuer}/.well-known/oauth-authorization-server`, {
      status: 200,
      value: { issuer, jwks_uri: keysUrl },
    })
    assert.equal(await statusOf(op.token()), 200)
  })
  it('of an issuer with a path are found on either side of it', async () => {
    const tenant = 'https://id.example.org/tenant'
    for (const address of [
      `${tenant}/.well-known/openid-configuration`,
      'https://id.example.org/.well-known/oauth-authorization-server/tenant',
    ]) {
      const other = await createIssuer()
      other.answers.set(address, { status: 200, value: { issuer: tenant, jwks_uri: keysUrl } })
      const guarded = await serveGuarded(
        requireAuthentication({ issuer: tenant, audience, clock: other.clock, fetch: other.fetch }),
      )
      const { status } = await guarded.ask(bearer(await other.token({ iss: tenant })))
      await guarded.close()
      assert.equal(status, 200, address)
    }
  })

  describe('that cannot be had', () => {
    it('let nobody pass, and are asked for again after a pause', async () => {
      op.down = true
      const token = await op.token()
      for (let time = 0; time < 4; time++) await isUnavailable(token)
      assert.equal(op.asked.length, 1)
      assert.match(told[0]?.message ?? '', /keys of the provider/)
      assert.match(String(told[0]?.cause), /fetch failed/)
      op.down = false
      await isUnavailable(token)
      op.clock.advance(6)
      assert.equal(await statusOf(token), 200)
    })
    it('do not matter while there are fresh ones', async () => {
      assert.equal(await statusOf(op.token()), 200)
      op.down = true
      op.clock.advance(60)
      assert.equal(await statusOf(op.token()), 200)
      await isUnavailable(await op.token({}, {}, await newKey('perhaps new')))
      assert.equal(await statusOf(op.token()), 200)
    })
    it('let nobody pass with old ones', async () => {
      assert.equal(await statusOf(op.token()), 200)
      op.down = true
      op.clock.advance(601)
      await isUnavailable(await op.token())
    })
    it('are no reason to doubt what is no token anyway', async () => {
      op.down = true
      assert.equal(await statusOf('an.opaque.token'), 401)
      const secret = { kid: 'first', alg: 'HS256', privateKey: Buffer.alloc(64, 7) }
      assert.equal(await statusOf(op.token({}, {}, secret)), 401)
      assert.equal(op.asked.length, 0)
    })

    const faults: Record<string, (op: TestIssuer) => void> = {
      'metadata of another issuer': ({ answers }) =>
        answers.set(metadataUrl, {
          status: 200,
          value: { issuer: 'https://evil.example', jwks_uri: keysUrl },
        }),
      'metadata without keys': ({ answers }) => answers.set(metadataUrl, { status: 200, value: { issuer } }),
      'keys over an open line': ({ answers }) => {
        answers.set(metadataUrl, { status: 200, value: { issuer, jwks_uri: 'http://id.example.org/jwks' } })
        answers.set('http://id.example.org/jwks', answers.get(keysUrl) as { status: number; value: unknown })
      },
      'a redirect': ({ answers }) => answers.set(metadataUrl, { status: 302, value: {} }),
      'an error that looks like an answer': ({ answers }) =>
        answers.set(keysUrl, { ...answers.get(keysUrl), status: 500 } as { status: number; value: unknown }),
      'no metadata anywhere': ({ answers }) => answers.delete(metadataUrl),
      'something that is no key set': ({ answers }) =>
        answers.set(keysUrl, { status: 200, value: { keys: 'none' } }),
      nothing: ({ answers }) => answers.set(keysUrl, { status: 200, value: null }),
    }
    for (const [name, fault] of Object.entries(faults))
      it(`are not made up for by ${name}`, async () => {
        fault(op)
        await isUnavailable(await op.token())
        assert.equal(told.length, 1)
      })
    it('are none when they are too short to be used', async () => {
      const short = await newKey('short', 'RS256')
      op.publish({ publicJwk: { ...short.publicJwk, n: Buffer.alloc(96, 255).toString('base64url') } })
      await isUnavailable(await op.token({}, {}, short))
    })
  })
})
