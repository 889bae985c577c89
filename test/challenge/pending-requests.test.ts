import assert from 'node:assert/strict'
import { createPendingRequests } from '../../src/challenge/pending-requests.ts'
import { embeddedStore } from '../../src/openers.ts'
import { movedClock } from '../contracts/store.ts'

describe('what a person’s phones are asked now', () => {
  const open = () => {
    const clock = movedClock()
    const store = embeddedStore(':memory:', clock)
    const pending = createPendingRequests({ store, clock })
    const request = (id: string, uid = 'u') => ({
      id,
      uid,
      expiresAt: clock.now() + 60_000,
      seen: false,
      reached: null,
    })
    return { clock, store, pending, request }
  }

  it('is the last request of an account, until its time is up', async () => {
    const { pending, request, clock } = open()
    await pending.put('maria', request('one'))
    await pending.put('maria', request('two'))
    assert.equal((await pending.find('maria'))?.id, 'two')
    assert.equal(await pending.find('anna'), undefined)
    await clock.pass(59.9)
    assert.equal((await pending.find('maria'))?.id, 'two')
    await clock.pass(0.1)
    assert.equal(await pending.find('maria'), undefined)
  })
  it('takes notes of that request alone, and lives no longer by them', async () => {
    const { pending, request, clock } = open()
    await pending.put('maria', request('one'))
    await pending.note('maria', 'none', { seen: true })
    assert.equal((await pending.find('maria'))?.seen, false)
    await Promise.all([
      pending.note('maria', 'one', { seen: true }),
      pending.note('maria', 'one', { reached: 2 }),
    ])
    const { seen, reached } = (await pending.find('maria')) ?? {}
    assert.deepEqual([seen, reached], [true, 2])
    await clock.pass(60)
    await pending.note('maria', 'one', { seen: true })
    assert.equal(await pending.find('maria'), undefined)
  })
  it('ends with its sign-in, and not with another’s', async () => {
    const { pending, request } = open()
    await pending.put('maria', request('one', 'first'))
    await pending.end('maria', 'second')
    assert.equal((await pending.find('maria'))?.id, 'one')
    await pending.end('maria', 'first')
    assert.equal(await pending.find('maria'), undefined)
    await pending.note('maria', 'one', { seen: true })
    assert.equal(await pending.find('maria'), undefined, 'nor by a note')
    await pending.put('maria', request('two', 'second'))
    assert.equal((await pending.find('maria'))?.id, 'two')
  })
})
