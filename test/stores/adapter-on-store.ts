import { randomBytes } from 'node:crypto'
import type { Adapter } from 'oidc-provider'
import { embeddedStore } from '../../src/stores/embedded/embedded-store.ts'
import { storeAdapter } from '../../src/stores/oidc-adapter.ts'
import { redisStore } from '../../src/stores/redis/redis-store.ts'
import type { Store } from '../../src/stores/store.ts'
import { type MovableClock, movedClock, waitedClock } from '../contracts/store.ts'
import { redisUrl } from '../support/redis.ts'
import { type SpiedStore, spied } from './spied-store.ts'

/** A new id, as oidc-provider makes them. */
export const id = () => randomBytes(32).toString('base64url')
const prefix = () => `${randomBytes(6).toString('hex')}:`

const stores: Record<string, () => Promise<{ inner: Store; clock: MovableClock }>> = {
  async embedded() {
    const clock = movedClock()
    return { clock, inner: embeddedStore({ file: ':memory:', clock }) }
  },
  async Redis() {
    return {
      clock: waitedClock(),
      inner: redisStore({ tls: false, prefix: prefix(), url: await redisUrl() }),
    }
  },
}

/** An adapter on one store, opened before the tests of its block; what the store was told is forgotten before each. */
export interface AdapterOnStore {
  store: SpiedStore
  clock: MovableClock
  /** A new account for each test. */
  account: string
  /** The adapter of a model of oidc-provider. */
  of(model: string): Adapter
  /** The clock's time, in seconds since 1970. */
  second(): number
}

/** Declares `tests` once for the embedded store and once for Redis, each in a block of its own. */
export function onEachStore(subject: string, tests: (on: AdapterOnStore, name: string) => void): void {
  for (const [name, open] of Object.entries(stores)) {
    describe(`${subject} on ${name}`, () => {
      let adapter: (model: string) => Adapter
      // The hooks fill in what is missing.
      const on = {
        of: (model) => adapter(model),
        second: () => Math.floor(on.clock.now() / 1000),
      } as AdapterOnStore

      before(async function () {
        this.timeout(180_000)
        const { inner, clock } = await open()
        on.clock = clock
        on.store = spied(inner)
        adapter = storeAdapter({ store: on.store, clock })
      })
      after(() => on.store.close())
      beforeEach(() => {
        on.account = id()
        on.store.verbs = []
        on.store.written = ''
      })

      tests(on, name)
    })
  }
}
