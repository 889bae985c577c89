import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import type { AdapterPayload } from 'oidc-provider'
import { embeddedStore } from '../../src/stores/embedded/embedded-store.ts'
import { addInvitation, dropInvitation, spendInvitation } from '../../src/stores/invitations.ts'
import { storeAdapter } from '../../src/stores/oidc-adapter.ts'
import type { Payload } from '../../src/stores/record.ts'
import type { Store } from '../../src/stores/store.ts'
import { temporaryFolder } from '../support/machine.ts'

const clock = { now: () => 1_790_000_000_000 }
const random = (size: number) => randomBytes(size)

describe('clients that the adapter writes', () => {
  const kept = new Map<string, Payload>()
  let reading: Promise<void> | undefined
  const adapter = storeAdapter({
    store: {} as Store,
    clock,
    clients: {
      async find(id) {
        const found = kept.get(id)
        await reading
        return found
      },
      async save(metadata) {
        kept.set(metadata.client_id, metadata)
      },
      async remove(id) {
        kept.delete(id)
      },
    },
  })('Client')
  const payload = (name: string) => ({ client_id: 'shop', client_name: name }) as AdapterPayload

  it('are known at once as they were changed, and gone at once', async () => {
    await adapter.upsert('shop', payload('first'), 0)
    assert.deepEqual(await adapter.find('shop'), payload('first'))
    await adapter.upsert('shop', payload('second'), 0)
    assert.deepEqual(await adapter.find('shop'), payload('second'))
    await adapter.destroy('shop')
    assert.equal(await adapter.find('shop'), undefined)
  })

  it('are not remembered as they were while they changed', async () => {
    await adapter.upsert('shop', payload('old'), 0)
    let go = () => {}
    reading = new Promise((resolve) => {
      go = resolve
    })
    const early = adapter.find('shop')
    await adapter.upsert('shop', payload('new'), 0)
    go()
    reading = undefined
    assert.deepEqual(await early, payload('old'))
    assert.deepEqual(await adapter.find('shop'), payload('new'))
  })

  it('are read anew after a change that failed', async () => {
    await adapter.upsert('shop', payload('kept'), 0)
    await adapter.find('shop')
    const failing = storeAdapter({
      store: {} as Store,
      clock,
      clients: {
        find: async () => payload('whatever is there'),
        save: () => Promise.reject(new Error('down')),
        remove: () => Promise.reject(new Error('down')),
      },
    })('Client')
    await assert.rejects(failing.upsert('shop', payload('x'), 0), /down/)
    await assert.rejects(failing.destroy('shop'), /down/)
    assert.deepEqual(await failing.find('shop'), payload('whatever is there'))
  })

  it('cannot be written where they come from elsewhere', async () => {
    const readOnly = storeAdapter({ store: {} as Store, clock, clients: { find: async () => undefined } })
    await assert.rejects(readOnly('Client').upsert('shop', payload('x'), 0), TypeError)
    await assert.rejects(readOnly('Client').destroy('shop'), TypeError)
  })
})

describe('invitations', () => {
  let store: Store
  before(async () => {
    store = embeddedStore({ file: join(await temporaryFolder(), 'sessions.db'), clock })
  })
  after(() => store.close())
  const parts = () => ({ store, clock, random })

  it('are spent as often as they are good for, and not once more, by 50 at once', async () => {
    for (const uses of [1, 3]) {
      const token = await addInvitation(parts(), { seconds: 60, uses })
      const spent = await Promise.all(Array.from({ length: 50 }, () => spendInvitation(store, token)))
      assert.equal(spent.filter(Boolean).length, uses)
      assert.equal(await spendInvitation(store, token), false)
      assert.equal(await storeAdapter({ store, clock })('InitialAccessToken').find(token), undefined)
    }
  })

  it('are tokens of 256 bits that the store cannot tell', async () => {
    const token = await addInvitation(parts(), { seconds: 60, uses: 2 })
    assert.match(token, /^[\w-]{43}$/)
    assert.equal(await store.get(`n${token}`), undefined)
    const found = await storeAdapter({ store, clock })('InitialAccessToken').find(token)
    assert.equal(found?.exp, 1_790_000_060)
    assert.equal(await spendInvitation(store, `${token.slice(1)}x`), false)
  })

  it('without a count are good for nothing', async () => {
    const adapter = storeAdapter({ store, clock })('InitialAccessToken')
    await adapter.upsert('a token', { iat: 1, exp: 1_790_000_060 } as AdapterPayload, 60)
    assert.equal(await spendInvitation(store, 'a token'), false)
  })

  it('can be ended', async () => {
    const token = await addInvitation(parts(), { seconds: 60, uses: 9 })
    assert.equal(await dropInvitation(store, token), true)
    assert.equal(await dropInvitation(store, token), false)
    assert.equal(await spendInvitation(store, token), false)
  })
})
