import assert from 'node:assert/strict'
import { bitsOfToken, tokenLengths } from '../../src/provider/token-lengths.ts'
import { embeddedStore } from '../../src/stores/embedded/embedded-store.ts'
import { storeAdapter } from '../../src/stores/oidc-adapter.ts'
import { movableClock } from '../support/clock.ts'
import { spied } from './spied-store.ts'

describe('relying parties of the adapter', () => {
  const clock = movableClock()
  const store = embeddedStore({ file: ':memory:', clock })
  let known: Record<string, { client_id: string; client_name: string }> = {}
  let asked = 0
  const adapter = storeAdapter({
    store,
    clock,
    clients: {
      async find(id) {
        asked += 1
        return known[id]
      },
    },
  })
  const find = (id: string) => Promise.resolve(adapter('Client')).then((clients) => clients.find(id))
  after(() => store.close())
  beforeEach(() => {
    known = { shop: { client_id: 'shop', client_name: 'Shop' } }
    asked = 0
    clock.advance(10)
  })

  it('are asked for once in a while, not at every request', async () => {
    for (let time = 0; time < 5; time += 1) assert.equal((await find('shop'))?.client_id, 'shop')
    assert.equal(asked, 1)
  })

  it('are seen as they are now after two seconds, changed or removed', async () => {
    await find('shop')
    known = { shop: { client_id: 'shop', client_name: 'Another' } }
    clock.advance(2.1)
    assert.equal((await find('shop'))?.client_name, 'Another')
    known = {}
    clock.advance(2.1)
    assert.equal(await find('shop'), undefined)
  })

  it('that were just added are there at once', async () => {
    assert.equal(await find('new'), undefined)
    known = { new: { client_id: 'new', client_name: 'New' } }
    assert.equal((await find('new'))?.client_id, 'new')
  })
})

describe('tokens of a length of their own', () => {
  const clock = movableClock()
  const store = spied(embeddedStore({ file: ':memory:', clock }))
  const adapter = storeAdapter({ store, clock, lengths: tokenLengths })
  const kinds = Object.keys(tokenLengths) as (keyof typeof tokenLengths)[]
  after(() => store.close())

  it('have at least 256 bits, and no two kinds one length', () => {
    for (const kind of kinds) {
      assert.ok(bitsOfToken(undefined, { kind }) >= 256)
      assert.equal(Math.ceil(bitsOfToken(undefined, { kind }) / 6), tokenLengths[kind])
    }
    const all = [...Object.values(tokenLengths), Math.ceil(bitsOfToken(undefined, { kind: 'Session' }) / 6)]
    assert.equal(new Set(all).size, all.length)
  })

  for (const kind of kinds) {
    it(`are looked for where they belong only: ${kind}`, async () => {
      const id = 'x'.repeat(tokenLengths[kind])
      await (await adapter(kind)).upsert(id, { jti: id, clientId: 'shop' }, 60)
      store.verbs = []
      const found = await Promise.all(kinds.map(async (other) => (await adapter(other)).find(id)))
      assert.deepEqual(
        found.map((payload) => payload?.clientId),
        kinds.map((other) => (other === kind ? 'shop' : undefined)),
      )
      assert.deepEqual(store.verbs, ['get'])
    })
  }

  it('that were issued before are found still', async () => {
    const id = 'y'.repeat(43)
    await (await adapter('RefreshToken')).upsert(id, { jti: id, clientId: 'shop' }, 60)
    assert.equal((await (await adapter('RefreshToken')).find(id))?.clientId, 'shop')
  })
})
