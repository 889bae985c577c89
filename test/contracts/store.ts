import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { Clock } from '../../src/clock.ts'
import type { Store } from '../../src/stores/store.ts'

/** A clock that tests move. Where a store has a clock of its own (Redis), moving it means waiting. */
export interface MovableClock extends Clock {
  pass(seconds: number): Promise<void>
}

export function movedClock(): MovableClock {
  let now = 1_700_000_000_000
  return {
    now: () => now,
    async pass(seconds) {
      now += seconds * 1000
    },
  }
}

/** For stores that keep time themselves. */
export const waitedClock = (): MovableClock => ({
  now: () => Date.now(),
  pass: (seconds) => delay(seconds * 1000 + 30),
})

interface Opened {
  store: Store
  clock: MovableClock
}

/**
 * Holds a store to every MUST of src/stores/store.ts.
 *
 * @param open opens the store once for the suite; keys are random, so it may hold other things.
 */
export function storeContract(name: string, open: () => Promise<Opened>): void {
  describe(`store contract: ${name}`, () => {
    let store: Store
    let clock: MovableClock
    let key: string

    before(async function () {
      this.timeout(180_000)
      ;({ store, clock } = await open())
    })
    after(() => store?.close())
    beforeEach(() => {
      key = `contract:${randomUUID()}`
    })

    const ofFifty = <Result>(verb: (index: number) => Promise<Result>) =>
      Promise.all(Array.from({ length: 50 }, (_, index) => verb(index)))

    it('answers undefined, false and empty for what does not exist', async () => {
      assert.equal(await store.get(key), undefined)
      assert.equal(await store.take(key), undefined)
      assert.equal(await store.swap(key, '', 'x'), false)
      assert.deepEqual(await store.members(key), [])
      await store.drop(key)
      await store.exclude(key, 'nobody')
      assert.equal(await store.get(key), undefined)
    })

    for (const value of ['plain', '', 'perché — 第二步 🔑\u0000\n"\'', '0', 'x'.repeat(100_000)]) {
      it(`gives back what was put: ${JSON.stringify(value.slice(0, 24))}`, async () => {
        await store.put(key, value, 60)
        assert.equal(await store.get(key), value)
        assert.equal(await store.swap(key, value, `${value}!`), true)
        assert.equal(await store.take(key), `${value}!`)
        assert.equal(await store.get(key), undefined)
      })
    }

    it('put replaces, drop removes', async () => {
      await store.put(key, 'one', 60)
      await store.put(key, 'two', 60)
      assert.equal(await store.get(key), 'two')
      await store.drop(key)
      assert.equal(await store.get(key), undefined)
    })

    it('of 50 parallel adds exactly one wins, and its value stands', async () => {
      const won = await ofFifty((index) => store.add(key, String(index), 60))
      assert.equal(won.filter(Boolean).length, 1)
      assert.equal(await store.get(key), String(won.indexOf(true)))
    })

    it('of 50 parallel swaps exactly one wins, and its value stands', async () => {
      await store.put(key, 'free', 60)
      const won = await ofFifty((index) => store.swap(key, 'free', `taken by ${index}`))
      assert.equal(won.filter(Boolean).length, 1)
      assert.equal(await store.get(key), `taken by ${won.indexOf(true)}`)
    })

    it('of 50 parallel takes exactly one gets the value', async () => {
      await store.put(key, 'treasure', 60)
      const got = await ofFifty(() => store.take(key))
      assert.deepEqual(
        got.filter((value) => value !== undefined),
        ['treasure'],
      )
    })

    it('add leaves what is there alone, its lifetime too', async () => {
      await store.put(key, 'first', 1)
      assert.equal(await store.add(key, 'second', 60), false)
      assert.equal(await store.get(key), 'first')
      await clock.pass(1)
      assert.equal(await store.get(key), undefined)
    })

    it('swap writes nothing where another value stands', async () => {
      await store.put(key, 'one', 60)
      assert.equal(await store.swap(key, 'other', 'two'), false)
      assert.equal(await store.get(key), 'one')
    })

    it('after its lifetime a key does not exist for any verb', async () => {
      await store.put(key, 'gone', 1)
      await store.put(`${key}:take`, 'gone', 1)
      await store.include(`${key}:set`, 'gone', 1)
      await clock.pass(1)
      assert.equal(await store.get(key), undefined)
      assert.equal(await store.swap(key, 'gone', 'back'), false)
      assert.equal(await store.swap(key, 'gone', 'back', 60), false)
      assert.equal(await store.take(`${key}:take`), undefined)
      assert.deepEqual(await store.members(`${key}:set`), [])
      assert.equal(await store.add(key, 'anew', 60), true)
      assert.equal(await store.get(key), 'anew')
      await store.include(`${key}:set`, 'anew', 60)
      assert.deepEqual(await store.members(`${key}:set`), ['anew'])
    })

    it('swap keeps the remaining lifetime', async () => {
      await store.put(key, 'one', 2)
      await clock.pass(1)
      assert.equal(await store.swap(key, 'one', 'two'), true)
      await clock.pass(1)
      assert.equal(await store.get(key), undefined)
    })

    it('swap with a lifetime starts it anew', async () => {
      await store.put(key, 'one', 1)
      await store.put(`${key}:short`, 'one', 60)
      assert.equal(await store.swap(key, 'one', 'two', 60), true)
      assert.equal(await store.swap(`${key}:short`, 'one', 'two', 1), true)
      await clock.pass(1)
      assert.equal(await store.get(key), 'two')
      assert.equal(await store.get(`${key}:short`), undefined)
    })

    it('put starts the lifetime anew', async () => {
      await store.put(key, 'one', 1)
      await store.put(key, 'two', 60)
      await clock.pass(1)
      assert.equal(await store.get(key), 'two')
    })

    it('a set holds each member once, and forgets those excluded', async () => {
      for (const member of ['a', 'b', 'b', '42', '-7', 'è']) await store.include(key, member, 60)
      assert.deepEqual((await store.members(key)).sort(), ['-7', '42', 'a', 'b', 'è'])
      await store.exclude(key, 'a')
      await store.exclude(key, '42')
      assert.deepEqual((await store.members(key)).sort(), ['-7', 'b', 'è'])
      await store.drop(key)
      assert.deepEqual(await store.members(key), [])
    })

    it("of 50 parallel includes none is lost, and a set's lifetime is never shortened", async () => {
      await ofFifty((index) => store.include(key, String(index), index === 20 ? 60 : 1))
      await clock.pass(1)
      assert.equal((await store.members(key)).length, 50)
    })

    it('a longer include prolongs the whole set', async () => {
      await store.include(key, 'early', 1)
      await store.include(key, 'late', 60)
      await clock.pass(1)
      assert.deepEqual((await store.members(key)).sort(), ['early', 'late'])
    })

    it('answers a ping', () => store.ping())
  })
}
