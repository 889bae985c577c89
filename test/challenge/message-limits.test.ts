import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import {
  createMessageCounts,
  defaultMessageLimits,
  type MessageCounts,
} from '../../src/challenge/message-limits.ts'
import { embeddedStore } from '../../src/stores/embedded/embedded-store.ts'
import { redisStore } from '../../src/stores/redis/redis-store.ts'
import type { Store } from '../../src/stores/store.ts'
import { type MovableClock, movedClock } from '../contracts/store.ts'
import { redisUrl } from '../support/redis.ts'

const minute = 60
const hour = 60 * minute

/** Its own clock, so that moving it passes the store's lifetimes too; those of Redis are longer than any of these tests. */
const stores: ReadonlyArray<[name: string, open: (clock: MovableClock) => Promise<Store>]> = [
  ['the embedded store', async (clock) => embeddedStore({ file: ':memory:', clock })],
  [
    'Redis',
    async () =>
      redisStore({ url: await redisUrl(), tls: false, prefix: `${randomBytes(6).toString('hex')}:` }),
  ],
]

for (const [name, openStore] of stores)
  describe(`how many messages are sent, counted in ${name}`, () => {
    let clock: MovableClock
    let store: Store
    let counts: ReturnType<typeof createMessageCounts>
    beforeEach(async function () {
      this.timeout(180_000)
      clock = movedClock()
      store = await openStore(clock)
      counts = createMessageCounts({ store, clock, limits: defaultMessageLimits })
    })
    afterEach(() => store.close())

    let others = 0
    /** All that is not named is somebody else's. */
    const reserve = (change: { accountId?: string; to?: string; address?: string | null } = {}) => {
      others += 1
      return counts.reserve({
        accountId: `account ${others}`,
        to: `+39347${others}`,
        address: `192.0.2.${others}`,
        ...change,
      })
    }
    const shared = {
      number: { to: '+393471234567' },
      account: { accountId: 'maria' },
      address: { address: '203.0.113.9' },
    }

    for (const [what, same] of Object.entries(shared)) {
      it(`is one in 30 seconds to or from one ${what}`, async () => {
        assert.equal(await reserve(same), 0)
        assert.equal(await reserve(same), 30)
        await clock.pass(0.001)
        assert.equal(await reserve(same), 30)
        await clock.pass(29.998)
        assert.equal(await reserve(same), 1, 'after 29.999 s')
        await clock.pass(0.001)
        assert.equal(await reserve(same), 0, 'after 30 s')
        assert.equal(await reserve(same), 30)
      })

      it(`is five in an hour to or from one ${what}; the sixth waits until one hour after the first`, async () => {
        for (let sent = 1; sent <= 5; sent++) {
          assert.equal(await reserve(same), 0, `number ${sent}`)
          await clock.pass(minute)
        }
        assert.equal(await reserve(same), hour - 5 * minute)
        await clock.pass(hour - 5 * minute - 0.001)
        assert.equal(await reserve(same), 1)
        await clock.pass(0.001)
        assert.equal(await reserve(same), 0)
        // The second of them was a minute after the first.
        await clock.pass(30)
        assert.equal(await reserve(same), 30)
        await clock.pass(30)
        assert.equal(await reserve(same), 0)
      })
    }

    it('counts one number, account or address apart from any other', async () => {
      assert.equal(await reserve({ ...shared.number, ...shared.account, ...shared.address }), 0)
      assert.equal(await reserve(), 0)
      // The same word as a number, an account and an address is three things.
      for (const same of [{ to: 'word' }, { accountId: 'word' }, { address: 'word' }])
        assert.equal(await reserve(same), 0)
    })

    it('counts one mailbox once, however it is written', async () => {
      assert.equal(await reserve({ to: 'Maria@example.org' }), 0)
      assert.equal(await reserve({ to: 'maria@example.org' }), 30)
    })

    it('does not count addresses that nobody knows', async () => {
      for (let sent = 0; sent < 8; sent++) assert.equal(await reserve({ address: null }), 0)
    })

    it('is no less for what was refused', async () => {
      // The account may not; neither the number nor the address pays for that, however often it is asked for.
      await reserve(shared.account)
      for (let refused = 0; refused < 10; refused++)
        assert.notEqual(await reserve({ ...shared.number, ...shared.account, ...shared.address }), 0)
      assert.equal(await reserve({ ...shared.number, ...shared.address }), 0)
      // Nor does the account: a refusal does not begin its pause anew.
      await clock.pass(29.999)
      assert.equal(await reserve(shared.account), 1)
      await clock.pass(0.001)
      assert.equal(await reserve(shared.account), 0)
      // Five are sent, however many more are asked for in between.
      for (let sent = 3; sent <= 5; sent++) {
        for (let refused = 0; refused < 5; refused++) assert.equal(await reserve(shared.account), 30)
        await clock.pass(30)
        assert.equal(await reserve(shared.account), 0, `number ${sent}`)
      }
      assert.equal(await reserve(shared.account), hour - 120)
    })

    it('answers the longest of several waits', async () => {
      await reserve(shared.account)
      await clock.pass(20)
      await reserve(shared.number)
      assert.equal(await reserve({ ...shared.account, ...shared.number }), 30)
      await clock.pass(5)
      assert.equal(await reserve({ ...shared.account, ...shared.number }), 25)
    })

    for (const [what, same] of [
      ...Object.entries(shared),
      ['number, account and address', { ...shared.number, ...shared.account, ...shared.address }] as const,
    ])
      it(`is one of fifty that are asked for at one moment with one ${what}`, async () => {
        const waits = await Promise.all(Array.from({ length: 50 }, () => reserve(same)))
        assert.equal(waits.filter((wait) => wait === 0).length, 1)
        assert.deepEqual(new Set(waits), new Set([0, 30]))
        await clock.pass(30)
        assert.equal(await reserve(same), 0)
      })

    describe('while a number is set up', () => {
      const number = shared.number.to

      it('is allowed for four minutes from the first; then the number waits for fifteen more', async () => {
        assert.equal(await begin(counts, number), 0)
        await clock.pass(30)
        assert.equal(await begin(counts, number), 0, 'another code')
        await clock.pass(209.999)
        assert.equal(await begin(counts, number), 0, 'after 3:59.999')
        await clock.pass(0.001)
        assert.equal(await begin(counts, number), 15 * minute, 'after 4:00')
        await clock.pass(15 * minute - 0.001)
        assert.equal(await begin(counts, number), 1)
      })
      it('is as before once the code has come', async () => {
        await begin(counts, number)
        await clock.pass(4 * minute)
        assert.notEqual(await begin(counts, number), 0)
        await counts.endEnrolment(number)
        assert.equal(await begin(counts, number), 0)
        await clock.pass(3 * minute)
        assert.equal(await begin(counts, number), 0, 'its own four minutes')
      })
      it('touches no other number', async () => {
        await begin(counts, number)
        await clock.pass(4 * minute)
        assert.notEqual(await begin(counts, number), 0)
        assert.equal(await begin(counts, '+393479876543'), 0)
        await counts.endEnrolment('+393479876543')
        assert.notEqual(await begin(counts, number), 0)
      })
    })
  })

/** As sending does it: nothing begins where it has to wait. */
const begin = async (counts: MessageCounts, to: string): Promise<number> => {
  const wait = await counts.enrolmentWait(to)
  if (wait === 0) await counts.beginEnrolment(to)
  return wait
}

describe('what the store knows of messages', () => {
  it('are hashes, times, and nothing longer than it matters', async () => {
    const clock = movedClock()
    const written: Array<[key: string, value: string, seconds: number | undefined]> = []
    const store = embeddedStore({ file: ':memory:', clock })
    const spied: Store = {
      ...store,
      add: (key, value, seconds) => {
        written.push([key, value, seconds])
        return store.add(key, value, seconds)
      },
      swap: (key, expected, next, seconds) => {
        written.push([key, next, seconds])
        return store.swap(key, expected, next, seconds)
      },
    }
    const counts = createMessageCounts({ store: spied, clock, limits: defaultMessageLimits })
    const asked = { accountId: 'maria', to: '+393471234567', address: '203.0.113.9' }
    for (let sent = 0; sent < 2; sent++) {
      assert.equal(await counts.reserve(asked), 0)
      await clock.pass(30)
    }
    await begin(counts, asked.to)
    assert.equal(written.length, 7)
    for (const [key, value, seconds] of written) {
      assert.match(key, /^ms:[\w-]{43}$/)
      assert.match(value, /^(?:\[\d{13}(?:,\d{13})*\]|\d{13})$/)
      assert.ok(seconds === hour || seconds === 19 * minute)
    }
    assert.equal(new Set(written.map(([key]) => key)).size, 4)
  })

  it('is kept no longer than fifteen minutes after four, for a number that is set up', async () => {
    const clock = movedClock()
    const store = embeddedStore({ file: ':memory:', clock })
    const counts = createMessageCounts({ store, clock, limits: defaultMessageLimits })
    await begin(counts, '+393471234567')
    await clock.pass(19 * minute - 0.001)
    assert.equal(await begin(counts, '+393471234567'), 1)
    await clock.pass(0.001)
    assert.equal(await begin(counts, '+393471234567'), 0)
    await clock.pass(3 * minute)
    assert.equal(await begin(counts, '+393471234567'), 0, 'a new four minutes')
  })

  it('is as the configuration says, where it says otherwise', async () => {
    const clock = movedClock()
    const store = embeddedStore({ file: ':memory:', clock })
    const limits = { pause: 10, perHour: 2, perHourFromAddress: 4, enrolment: 60, enrolmentWait: 120 }
    const counts = createMessageCounts({ store, clock, limits })
    const address = '203.0.113.9'
    for (const [accountId, to] of [
      ['a', '1'],
      ['a', '2'],
      ['b', '2'],
      ['c', '3'],
    ] as const) {
      assert.equal(await counts.reserve({ accountId, to, address }), 0, accountId)
      await clock.pass(10)
    }
    assert.equal(await counts.reserve({ accountId: 'a', to: '9', address: null }), hour - 40)
    assert.equal(await counts.reserve({ accountId: 'z', to: '2', address: null }), hour - 30)
    assert.equal(await counts.reserve({ accountId: 'z', to: '9', address }), hour - 40)
    await begin(counts, '1')
    await clock.pass(60)
    assert.equal(await begin(counts, '1'), 120)
  })
})
