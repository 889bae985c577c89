import assert from 'node:assert/strict'
import type { Directory } from '../../src/directory/directory.ts'
import type { Store } from '../../src/stores/store.ts'
import { startProvider, type TestProvider } from '../support/provider.ts'
import { later } from './trusted-browsers.ts'

type Calls = Record<string, number>

/** Asked once in half a minute, whatever happens meanwhile; a sign-in here moves the clock on by as much. */
const bySchedule = 'keys'

/** Counts the calls of every method. */
const counted = <Kind extends object>(target: Kind, calls: () => Calls): Kind =>
  new Proxy(target, {
    get(given, property) {
      const value: unknown = Reflect.get(given, property)
      if (typeof value !== 'function' || property === bySchedule) return value
      return (...words: unknown[]) => {
        const name = String(property)
        calls()[name] = (calls()[name] ?? 0) + 1
        return Reflect.apply(value, given, words)
      }
    },
  })

/** What each thing costs the stores. Who raises a number here slows every sign-in down; say why in the commit. */
describe('calls of the store and the directory', () => {
  let calls: { store: Calls; directory: Calls } = { store: {}, directory: {} }
  let op: TestProvider
  let maria: Awaited<ReturnType<TestProvider['enrol']>>

  before(async () => {
    op = await startProvider({
      parts: {
        wrapStore: (store: Store) => counted(store, () => calls.store),
        wrapDirectory: (directory: Directory) => counted(directory, () => calls.directory),
      },
    })
    maria = await op.enrol()
    // What a process knows after its first sign-ins: the relying party and the user name.
    await op.signIn(maria.secret)
  })
  after(() => op.close())
  beforeEach(() => {
    calls = { store: {}, directory: {} }
  })

  it('of a whole sign-in with password and code, to the tokens', async () => {
    await op.signIn(maria.secret)
    assert.deepEqual(calls, {
      store: { get: 15, put: 9, add: 5, swap: 2, drop: 2, include: 4 },
      directory: {
        accountByName: 1,
        accountById: 3,
        clientById: 1,
        standing: 7,
        credentials: 2,
        changeAttempts: 3,
        spend: 1,
        devices: 1,
        addDevice: 1,
        appendAudit: 5,
      },
    })
  })

  it('of the same in a browser that is known', async () => {
    const { browser } = await op.signIn(maria.secret)
    calls = { store: {}, directory: {} }
    await op.signIn(maria.secret, {}, later(browser))
    assert.deepEqual(calls, {
      store: { get: 15, put: 9, add: 5, swap: 2, drop: 2, include: 4 },
      directory: {
        accountByName: 1,
        accountById: 2,
        clientById: 1,
        standing: 7,
        credentials: 2,
        changeAttempts: 3,
        spend: 1,
        devices: 1,
        changeDevice: 1,
        appendAudit: 3,
      },
    })
  })

  it('of a sign-in on a live session', async () => {
    const again = await op.redeem(await op.begin({ prompt: 'none' }, maria.browser))
    assert.ok(again.tokens.id_token)
    assert.deepEqual(calls, {
      store: { get: 8, put: 1, add: 2, swap: 3 },
      directory: { accountById: 2, standing: 2 },
    })
  })

  it('of a refresh', async () => {
    await op.rp.refresh(maria.tokens.refresh_token as string)
    // One token is spent, the next one is written.
    assert.deepEqual(calls, {
      store: { get: 5, put: 1, add: 1, swap: 1 },
      directory: { accountById: 1, standing: 1 },
    })
  })

  it('of userinfo', async () => {
    await op.rp.userinfo(maria.tokens.access_token, op.maria.id)
    assert.deepEqual(calls, { store: { get: 4 }, directory: { accountById: 1 } })
  })

  it('of introspection', async () => {
    await op.rp.introspect(maria.tokens.access_token)
    assert.deepEqual(calls, { store: { get: 4 }, directory: {} })
  })
})
