import assert from 'node:assert/strict'
import { day, openRings, type Rings } from '../provider/keys/rings.ts'
import { freshDatabase } from '../support/postgres.ts'

const many = 25

/** 25 rings on each of two connections to one PostgreSQL: as many nodes. */
describe('the key ring, 50 nodes at once', function () {
  this.timeout(120_000)
  let halves: [Rings, Rings]
  before(async () => {
    const url = await freshDatabase()
    halves = [await openRings(url), await openRings(url)]
  })
  after(() => Promise.all(halves.map((half) => half.close())))

  it('makes each first key, and each successor, once', async () => {
    const rings = await Promise.all(
      halves.flatMap((half) => Array.from({ length: many }, () => half.open({ algorithms: ['ES256'] }))),
    )
    assert.deepEqual(await halves[0].published(), ['ES256 1', 'HS256 1'])
    for (const half of halves) half.clock.advance(89 * day)
    await Promise.all(rings.map((ring) => ring.fresh()))
    await Promise.all(rings.map((ring) => ring.close()))
    assert.deepEqual(await halves[0].published(), ['ES256 1', 'ES256 2', 'HS256 1', 'HS256 2'])
    const recorded = halves.flatMap((half) => half.recorded)
    const kids = (await halves[0].directory.keys()).map(({ kid }) => `key.published ${kid}`)
    assert.deepEqual(recorded.toSorted(), kids.toSorted(), 'each is recorded once')

    for (const half of halves) half.clock.advance(day)
    await Promise.all(rings.map((ring) => ring.fresh()))
    const signs = new Set(rings.map((ring) => ring.now().signs.get('ES256')))
    assert.equal(signs.size, 1, 'all sign with the same')
    const cookies = new Set(rings.map((ring) => ring.now().cookies[0]?.toString('hex')))
    assert.equal(cookies.size, 1)
  })
})
