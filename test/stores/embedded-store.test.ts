import assert from 'node:assert/strict'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as delay } from 'node:timers/promises'
import { embeddedStore } from '../../src/stores/embedded/embedded-store.ts'
import { movedClock, storeContract } from '../contracts/store.ts'
import { temporaryFolder } from '../support/machine.ts'

storeContract('embedded, in memory', async () => {
  const clock = movedClock()
  return { clock, store: embeddedStore({ file: ':memory:', clock }) }
})

storeContract('embedded, in a file', async () => {
  const clock = movedClock()
  return { clock, store: embeddedStore({ file: join(await temporaryFolder(), 'sessions.db'), clock }) }
})

describe('embedded store', () => {
  it('makes the folders of its file, and keeps what it holds over a reopening', async () => {
    const clock = movedClock()
    const file = join(await temporaryFolder(), 'a', 'b', 'sessions.db')
    const first = embeddedStore({ file, clock })
    await first.put('kept', 'value', 60)
    await first.put('short', 'value', 10)
    await first.include('set', 'member', 60)
    await first.close()
    await clock.pass(10)
    const second = embeddedStore({ file, clock })
    assert.equal(await second.get('kept'), 'value')
    assert.equal(await second.get('short'), undefined)
    assert.deepEqual(await second.members('set'), ['member'])
    await second.close()
  })

  it('refuses every verb once closed, and closes twice', async () => {
    const store = embeddedStore({ file: ':memory:', clock: movedClock() })
    await store.close()
    await store.close()
    for (const verb of [
      store.get('k'),
      store.put('k', 'v', 1),
      store.add('k', 'v', 1),
      store.take('k'),
      store.ping(),
    ]) {
      await assert.rejects(verb, { code: 'store_unavailable' })
    }
  })

  it('says which file cannot be opened', async () => {
    const folder = await temporaryFolder()
    assert.throws(() => embeddedStore({ file: folder, clock: movedClock() }), {
      code: 'store_unavailable',
      message: new RegExp(folder),
    })
  })

  it('sweeps what has expired, in batches, and nothing else', async () => {
    const clock = movedClock()
    const file = join(await temporaryFolder(), 'sessions.db')
    const store = embeddedStore({ file, clock, sweepEvery: 10 })
    for (let index = 0; index < 1200; index += 1) await store.put(`old ${index}`, 'v', 1)
    await store.include('old set', 'm', 1)
    await store.put('young', 'v', 60)
    await clock.pass(1)
    const reader = new DatabaseSync(file, { readOnly: true })
    const rows = () =>
      Number(
        reader.prepare('SELECT (SELECT count(*) FROM entry) + (SELECT count(*) FROM member) AS n').get()?.n,
      )
    for (let round = 0; rows() > 1 && round < 200; round += 1) await delay(10)
    assert.equal(rows(), 1)
    assert.equal(await store.get('young'), 'v')
    reader.close()
    await store.close()
  })
})
