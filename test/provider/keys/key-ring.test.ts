import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { createLocalJWKSet, decodeProtectedHeader, jwtVerify } from 'jose'
import type { Provider } from 'oidc-provider'
import { createCookieSigner } from '../../../src/crypto/cookie-signer.ts'
import { systemRandom } from '../../../src/crypto/random.ts'
import { DuepassiError } from '../../../src/errors.ts'
import type { KeyRing } from '../../../src/provider/keys/key-ring.ts'
import { makeKey } from '../../../src/provider/keys/new-key.ts'
import { freshKey, freshSigningKey } from '../../config/sample.ts'
import { day, openRings, providerOf, type Rings, tokenOf } from './rings.ts'
import { publishedBy } from './served-keys.ts'

const kidsOf = (ring: KeyRing) => ring.now().jwks.map(({ kid }) => kid)
const rsa = () => generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' })

/** As a request would: waits where there is something to wait for, then for what is made in the background. */
const asked = async (ring: KeyRing) => {
  await ring.fresh()
  await ring.close()
}

describe('the key ring', function () {
  this.timeout(30_000)
  let rings: Rings
  beforeEach(async () => {
    rings = await openRings()
  })
  afterEach(() => rings.close())

  const verifies = async (provider: Provider, token: string) =>
    jwtVerify(token, createLocalJWKSet(await publishedBy(provider)))

  it('makes the first keys where the configuration has none, which sign at once', async () => {
    const ring = await rings.open()
    assert.deepEqual(await rings.published(), ['ES256 1', 'HS256 1', 'RS256 1'])
    const provider = providerOf(ring)
    for (const alg of ['ES256', 'RS256']) {
      const { protectedHeader } = await verifies(provider, await tokenOf(provider, alg))
      assert.equal(protectedHeader.kid, ring.now().signs.get(alg))
    }
    assert.equal(ring.now().cookies.length, 1)
    const again = await rings.open()
    assert.deepEqual(again.now().signs, ring.now().signs, 'another node has the same')
    const events = (await rings.directory.keys()).map(({ kid }) => kid).toSorted()
    assert.equal(events.length, 3)
  })

  it('makes none where the configuration brings its own, but for the algorithms it names', async () => {
    const signing = [freshSigningKey('mine')] as [{ kty: string }]
    const cookies = [freshKey()]
    const ring = await rings.open({ signing, cookies })
    assert.deepEqual(await rings.published(), [])
    assert.deepEqual(kidsOf(ring), ['mine'])
    await rings.open({ signing, cookies, algorithms: ['EdDSA', 'ES256'] })
    assert.deepEqual(await rings.published(), ['EdDSA 1'])
  })

  it('of many nodes that start at once makes each key once', async () => {
    const nodes = await Promise.all(Array.from({ length: 5 }, () => rings.open({ algorithms: ['ES256'] })))
    assert.deepEqual(await rings.published(), ['ES256 1', 'HS256 1'])
    assert.equal(new Set(nodes.map((ring) => ring.now().signs.get('ES256'))).size, 1)
  })

  it('publishes a successor, lets it sign, keeps the old key and forgets it', async () => {
    const ring = await rings.open({ algorithms: ['ES256'] })
    const provider = providerOf(ring, ['ES256'])
    const [first] = kidsOf(ring)
    const old = await tokenOf(provider)
    rings.clock.advance(89 * day - 60)
    await asked(ring)
    assert.deepEqual(kidsOf(ring), [first], 'not yet')
    rings.clock.advance(60)
    await asked(ring)
    assert.deepEqual(await rings.published(), ['ES256 1', 'ES256 2', 'HS256 1', 'HS256 2'])
    const [signs, second] = kidsOf(ring)
    assert.equal(signs, first)
    assert.ok(second)
    assert.equal(decodeProtectedHeader(await tokenOf(provider)).kid, first)

    rings.clock.advance(day - 30)
    await asked(ring)
    assert.equal(decodeProtectedHeader(await tokenOf(provider)).kid, first)
    const { count } = rings.reads
    // Between two readings, without the directory.
    rings.clock.advance(29.9)
    assert.equal(ring.fresh(), undefined)
    assert.equal(decodeProtectedHeader(await tokenOf(provider)).kid, first)
    rings.clock.advance(0.09)
    assert.equal(rings.reads.count, count)
    rings.clock.advance(1)
    await asked(ring)
    const fresh = await tokenOf(provider)
    assert.equal(decodeProtectedHeader(fresh).kid, second)
    await verifies(provider, fresh)
    await verifies(provider, old)
    assert.deepEqual(kidsOf(ring), [second, first])

    rings.clock.advance(30 * day - 60)
    await asked(ring)
    await verifies(provider, old)
    rings.clock.advance(60)
    await asked(ring)
    await assert.rejects(verifies(provider, old), { code: 'ERR_JWKS_NO_MATCHING_KEY' })
    rings.clock.advance(day + 1)
    await asked(ring)
    assert.deepEqual(await rings.published(), ['ES256 2', 'HS256 2'])
  })

  it('changes keys at their time without reading anything', async () => {
    const ring = await rings.open({ algorithms: ['ES256'] })
    const provider = providerOf(ring, ['ES256'])
    rings.clock.advance(89 * day)
    await asked(ring)
    const [first, second] = kidsOf(ring)
    rings.clock.advance(day - 10)
    await asked(ring)
    const { count } = rings.reads
    rings.clock.advance(10)
    assert.equal(ring.fresh(), undefined)
    assert.equal(rings.reads.count, count)
    assert.equal(decodeProtectedHeader(await tokenOf(provider)).kid, second)
    assert.deepEqual(kidsOf(ring), [second, first])
  })

  it('is read every 30 seconds, once for all who ask, and only when somebody asks', async () => {
    const ring = await rings.open({ algorithms: ['ES256'] })
    const { count } = rings.reads
    rings.clock.advance(29)
    assert.equal(ring.fresh(), undefined)
    rings.clock.advance(1)
    await Promise.all(Array.from({ length: 50 }, () => ring.fresh()))
    assert.equal(rings.reads.count, count + 1)
    assert.equal(ring.fresh(), undefined)
    rings.clock.advance(-3_600)
    assert.ok(ring.fresh(), 'a clock that was set back makes nothing young')
  })

  it('drops a key that was pulled elsewhere within 30 seconds, and the one before signs', async () => {
    const ring = await rings.open({ algorithms: ['ES256'] })
    const provider = providerOf(ring, ['ES256'])
    rings.clock.advance(89 * day)
    await asked(ring)
    rings.clock.advance(day)
    await asked(ring)
    const [second, first] = kidsOf(ring)
    const stolen = await tokenOf(provider)
    assert.equal(await rings.directory.endKey(String(second), rings.clock.now()), true)
    rings.clock.advance(30)
    await ring.fresh()
    await assert.rejects(verifies(provider, stolen))
    assert.equal(kidsOf(ring)[0], first)
    assert.ok(!kidsOf(ring).includes(second))
    assert.equal(decodeProtectedHeader(await tokenOf(provider)).kid, first)
  })

  it('makes another at once when nothing is left that signs', async () => {
    const ring = await rings.open({ algorithms: ['ES256'] })
    for (const { kid } of await rings.directory.keys()) await rings.directory.endKey(kid, rings.clock.now())
    rings.clock.advance(30)
    await asked(ring)
    assert.deepEqual(await rings.published(), ['ES256 1', 'ES256 2', 'HS256 1', 'HS256 2'])
    await tokenOf(providerOf(ring, ['ES256']))
    assert.equal(ring.now().cookies.length, 1)
  })

  it('leaves the keys as they are while the directory is down, and asks again soon', async () => {
    const ring = await rings.open({ algorithms: ['ES256'] })
    const before = ring.now()
    rings.broken.error = new DuepassiError('directory_unavailable', 'down')
    rings.clock.advance(30)
    await ring.fresh()
    assert.deepEqual(ring.now(), before)
    assert.match(rings.logged.join('\n'), /could not be read/)
    const { count } = rings.reads
    rings.clock.advance(4)
    assert.equal(ring.fresh(), undefined)
    rings.clock.advance(1)
    rings.broken.error = null
    await ring.fresh()
    assert.equal(rings.reads.count, count + 1)
  })

  it('lets a request go on when the directory does not answer', async () => {
    const ring = await rings.open({ algorithms: ['ES256'] })
    const before = ring.now()
    let answer = () => {}
    rings.broken.silence = new Promise((resolve) => {
      answer = resolve
    })
    rings.clock.advance(30)
    const began = performance.now()
    await ring.fresh()
    assert.ok(performance.now() - began < 4_000)
    assert.deepEqual(ring.now(), before)
    answer()
    await ring.fresh()
  })

  it('does not start without the directory', async () => {
    rings.broken.error = new DuepassiError('directory_unavailable', 'down')
    await assert.rejects(rings.open(), { code: 'directory_unavailable' })
  })

  it('takes over from configured keys when it was told to, and gives them all', async () => {
    const signing = [freshSigningKey('mine'), { ...rsa(), kid: 'rsa' }] as unknown as [{ kty: string }]
    const cookies = [freshKey(), freshKey()]
    const ring = await rings.open({ signing, cookies })
    const provider = providerOf(ring, ['ES256', 'RS256', 'PS256'])
    const signer = createCookieSigner(() => ring.now().cookies)
    const digest = signer.sign('a=b')
    const now = rings.clock.now()
    for (const line of [
      { use: 'signing', alg: 'ES256' },
      { use: 'signing', alg: 'RS256' },
      { use: 'cookies', alg: 'HS256' },
    ] as const) {
      const wanted = { ...line, generation: 1, signsFrom: now + 60_000 }
      await rings.directory.addKey(await makeKey(wanted, now, systemRandom))
    }
    rings.clock.advance(30)
    await ring.fresh()
    const kids = new Set(kidsOf(ring))
    assert.equal(kids.size, 4)
    for (const alg of ['ES256', 'RS256', 'PS256'])
      assert.equal(
        decodeProtectedHeader(await tokenOf(provider, alg)).kid,
        alg === 'ES256' ? 'mine' : 'rsa',
        'published, and not signing: even where the configured key names no algorithm',
      )
    assert.equal(signer.index('a=b', digest), 0)
    rings.clock.advance(30)
    await ring.fresh()
    for (const alg of ['ES256', 'RS256'])
      assert.ok(
        !['mine', 'rsa'].includes(String(decodeProtectedHeader(await tokenOf(provider, alg)).kid)),
        alg,
      )
    assert.equal(decodeProtectedHeader(await tokenOf(provider, 'PS256')).kid, 'rsa')
    assert.equal(signer.index('a=b', digest), 1)
    assert.notEqual(signer.sign('a=b'), digest)
    assert.equal(new Set(kidsOf(ring)).size, 4)
  })

  it('keeps a key of cookies until the longest session is over, however little is configured', async () => {
    const ring = await rings.open(
      { rotation: { everyDays: 10, publishHours: 0, keepDays: 0 } },
      { lifetimes: { session: day, levels: { phrh: { session: 2 * day } } } },
    )
    const signer = createCookieSigner(() => ring.now().cookies)
    const digest = signer.sign('a=b')
    rings.clock.advance(10 * day - 60)
    await asked(ring)
    rings.clock.advance(60)
    await asked(ring)
    assert.equal(signer.index('a=b', digest), 1)
    rings.clock.advance(2 * day - 1)
    await asked(ring)
    assert.equal(signer.index('a=b', digest), 1)
    rings.clock.advance(1)
    await asked(ring)
    assert.equal(signer.index('a=b', digest), -1)
  })

  it('records each key that it made, and no other', async () => {
    await Promise.all([rings.open({ algorithms: ['ES256'] }), rings.open({ algorithms: ['ES256'] })])
    const made = (await rings.directory.keys()).map(({ kid }) => `key.published ${kid}`)
    assert.equal(made.length, 2)
    assert.deepEqual(rings.recorded.toSorted(), made.toSorted())
  })
})
