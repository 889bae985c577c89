import assert from 'node:assert/strict'
import { DuepassiError } from '../../src/errors.ts'
import type { Store } from '../../src/stores/store.ts'
import { Browser } from '../support/browser.ts'
import { type AtPage, cheapHasher, startProvider, type TestProvider } from '../support/provider.ts'
import { enrol } from '../support/steps.ts'
import { fresh, isAskedForOne, isAtSecondStep, typed } from './new-passwords.ts'
import { createBrowserKey, enter, isLetIn, later, trust } from './trusted-browsers.ts'

describe('a new password, where less than two factors would do', () => {
  const demand = (op: TestProvider, id = op.maria.id) =>
    op.duepassi.directory.changeAccount(id, { passwordDue: op.clock.now() })

  for (const kind of ['cookie', 'bound'] as const)
    it(`is asked after the second factor, in a browser that is trusted (${kind}) as well`, async () => {
      await using op = await startProvider({ config: { policy: { trustedDevices: { kind } } } })
      const maria = await op.enrol()
      const by = kind === 'bound' ? { key: await createBrowserKey() } : {}
      const { browser } = await trust(op, maria.secret, by)
      const trusting = later(browser)
      isLetIn(await enter(op, trusting, by), 'the browser is trusted')
      op.clock.advance(2)
      await demand(op)
      const at = await enter(op, later(trusting), by)
      isAtSecondStep(at)
      const asked = await op.submit(at, { intent: 'answer', code: op.nextCode(maria.secret) })
      isAskedForOne(asked)
      isLetIn(await op.submit(asked, typed(fresh)))
      isAtSecondStep(
        await op.typePassword(await op.begin({}, later(asked.browser)), { password: fresh }),
        'the trust has ended',
      )
    })

  for (const secondFactor of ['optional', 'off'] as const) {
    it(`is asked after the second factor of those who have one (${secondFactor})`, async () => {
      await using op = await startProvider({ config: { policy: { secondFactor } } })
      const strict = await op.addClient({ client_id: 'strict', require_second_factor: true })
      const first = await op.typePassword(await op.begin({}, new Browser(), strict))
      const { secret } = await enrol(first.browser, first.page, op.clock)
      op.clock.advance(2)
      await demand(op)
      const at = await op.atSecondStep()
      isAtSecondStep(at)
      const asked = await op.submit(at, { intent: 'answer', code: op.nextCode(secret) })
      isAskedForOne(asked)
      isLetIn(await op.submit(asked, typed(fresh)))
    })

    it(`is asked of those who have none (${secondFactor})`, async () => {
      await using op = await startProvider({ config: { policy: { secondFactor } } })
      await demand(op)
      const asked = await op.typePassword(await op.begin())
      isAskedForOne(asked)
      isLetIn(await op.submit(asked, typed(fresh)))
      isLetIn(await op.typePassword(await op.begin(), { password: fresh }))
    })
  }
})

describe('a new password, when something does not answer', () => {
  let fails: 'hasher' | 'store' | undefined
  let op: TestProvider
  let asked: AtPage
  beforeEach(async () => {
    fails = undefined
    const failing =
      <Words extends unknown[], Value>(
        part: 'hasher' | 'store',
        method: (...words: Words) => Promise<Value>,
      ) =>
      async (...words: Words): Promise<Value> => {
        if (fails !== part) return method(...words)
        throw new DuepassiError(part === 'hasher' ? 'busy' : 'store_unavailable', 'on purpose')
      }
    const hasher = cheapHasher()
    op = await startProvider({
      parts: {
        hasher: { ...hasher, hash: failing('hasher', hasher.hash) },
        wrapStore: (store: Store) =>
          new Proxy(store, {
            get(target, property) {
              if (property === 'members') return failing('store', target.members.bind(target))
              const value: unknown = Reflect.get(target, property)
              return typeof value === 'function' ? value.bind(target) : value
            },
          }),
      },
    })
    const { secret } = await op.enrol()
    op.clock.advance(1)
    await op.duepassi.directory.changeAccount(op.maria.id, { passwordDue: op.clock.now() })
    const code = op.nextCode(secret)
    asked = await op.submit(await op.atSecondStep(), { intent: 'answer', code })
    isAskedForOne(asked)
  })
  afterEach(() => op.close())
  const isStillDue = async () =>
    assert.notEqual((await op.duepassi.directory.accountById(op.maria.id))?.passwordDue, null)

  it('changes nothing while there is no place to hash it in, and says when to come back', async () => {
    fails = 'hasher'
    const { page } = await op.submit(asked, typed(fresh))
    assert.equal(page.status, 503)
    assert.ok(page.headers.get('retry-after'))
    await isStillDue()
    fails = undefined
    isLetIn(await op.submit(asked, typed(fresh)))
  })

  it('is asked for once more, while what the old one began could not be ended', async () => {
    fails = 'store'
    const { page } = await op.submit(asked, typed(fresh))
    assert.equal(page.status, 503)
    await isStillDue()
    fails = undefined
    isAskedForOne({ page: await asked.browser.get(asked.page.url) })
    isLetIn(await op.submit(asked, typed('quattro passi di lato')))
  })
})
