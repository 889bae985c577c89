import assert from 'node:assert/strict'
import { DuepassiError } from '../../src/errors.ts'
import { grantsOf, sessionsOf } from '../../src/stores/oidc-adapter.ts'
import type { Store } from '../../src/stores/store.ts'
import { Browser } from '../support/browser.ts'
import { administer } from '../support/phones.ts'
import { startProvider } from '../support/provider.ts'
import { codeOf } from '../support/relying-party.ts'
import { wrongCode } from '../support/steps.ts'

/** A store whose calls pass by `before`, which may hold one up, or throw. */
const watched =
  (before: (verb: string, key: string) => Promise<void>) =>
  (store: Store): Store =>
    new Proxy(store, {
      get(target, property) {
        const verb = Reflect.get(target, property)
        if (typeof verb !== 'function') return verb
        return async (...words: unknown[]) => {
          await before(String(property), String(words[0]))
          return verb.apply(target, words)
        }
      },
    })

/** Holds the next call that fits, once it is armed, until it is let go. */
const gate = (fits: (verb: string, key: string) => boolean) => {
  const [reached, open] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  let armed = false
  return {
    arm: () => {
      armed = true
    },
    reached: reached.promise,
    letGo: open.resolve,
    wrapStore: watched(async (verb, key) => {
      if (!armed || !fits(verb, key)) return
      armed = false
      reached.resolve()
      await open.promise
    }),
  }
}

const isGrant = (key: string) => /^g[0-9a-z]+$/.test(key)
const isSession = (key: string) => /^s[0-9a-z]+$/.test(key)

describe('what is under way while sessions end', function () {
  this.timeout(60_000)

  for (const what of ['session', 'account'] as const)
    it(`does not bring a grant back that went with its ${what}`, async () => {
      const held = gate((verb, key) => ['put', 'swap'].includes(verb) && isGrant(key))
      await using op = await startProvider({ parts: { wrapStore: held.wrapStore } })
      const maria = await op.enrol()
      const browser = new Browser()
      await op.signIn(maria.secret, {}, browser)
      const shop = await op.addClient({ client_id: 'shop' })
      const asked = await op.begin({ prompt: 'consent', scope: 'openid offline_access' }, browser, shop)
      const { tokens } = await op.redeem(await op.submit(asked, { intent: 'allow' }))
      const open = await sessionsOf(op.duepassi.store, op.maria.id, op.clock)
      held.arm()
      const widening = op.begin({ scope: 'openid email' }, browser.copy(), shop)
      await held.reached
      if (what === 'account') await op.duepassi.endings.account(op.maria.id, { reason: 'by-administrator' })
      else
        for (const { uid } of open)
          await op.duepassi.endings.session(op.maria.id, uid, { reason: 'by-owner' })
      held.letGo()
      await widening
      await assert.rejects(shop.refresh(tokens.refresh_token as string), { error: 'invalid_grant' })
      assert.deepEqual(await grantsOf(op.duepassi.store, op.maria.id, op.clock), [])
    })

  it('is found by the ending, wherever its keys lie: the record of a session stands before its pointer', async () => {
    const held = gate((verb, key) => verb === 'put' && isSession(key))
    await using op = await startProvider({ parts: { wrapStore: held.wrapStore } })
    const maria = await op.enrol()
    const browser = new Browser()
    const at = await op.atSecondStep({}, browser)
    held.arm()
    const signingIn = op.submit(at, { intent: 'answer', code: op.nextCode(maria.secret) })
    await held.reached
    await op.duepassi.endings.account(op.maria.id, { reason: 'by-administrator' })
    held.letGo()
    await signingIn
    const isAlive = async () => codeOf((await op.begin({ prompt: 'none' }, browser)).page) !== null
    const open = async () => (await sessionsOf(op.duepassi.store, op.maria.id, op.clock)).length > 0
    assert.equal(await open(), await isAlive(), 'what lives is listed')
    op.clock.advance(1_000)
    await op.duepassi.endings.account(op.maria.id, { reason: 'by-administrator' })
    assert.equal(await isAlive(), false)
  })
})

describe('a lock', function () {
  this.timeout(60_000)
  const attempts = { freeFailures: 10, lockAfter: 3 }

  it('ends the sessions at the next try, where a store was down when it came to it', async () => {
    let failing = 0
    const wrapStore = watched(async (verb) => {
      if (verb !== 'members' || failing === 0) return
      failing -= 1
      throw new DuepassiError('store_unavailable', 'down')
    })
    await using op = await startProvider({ parts: { wrapStore }, config: { attempts } })
    const maria = await op.enrol()
    const { tokens } = await op.signIn(maria.secret)
    let at = await op.atSecondStep()
    for (let wrong = 0; wrong < 5; wrong++) {
      failing = wrong === 2 ? 1 : 0
      at = await op.submit(at, { intent: 'answer', code: wrongCode(maria.secret, op.clock) })
    }
    assert.equal(at.page.status, 403)
    assert.deepEqual(await sessionsOf(op.duepassi.store, op.maria.id, op.clock), [])
    assert.equal((await op.rp.introspect(tokens.access_token)).active, false)
    const events = (await op.audit()).filter(({ type }) => type === 'factor.locked')
    assert.equal(events.length, 1)
  })

  it('leaves nothing that was proven before it to go on with once it is opened', async () => {
    await using op = await startProvider({ config: { attempts } })
    const maria = await op.enrol()
    const early = await op.atSecondStep()
    const switched = await op.submit(await op.atSecondStep(), { intent: 'switch', factor: 'recovery-code' })
    const recovered = await op.submit(switched, { intent: 'answer', code: maria.codes[0] as string })
    let at = await op.atSecondStep()
    for (let wrong = 0; wrong < 4; wrong++)
      at = await op.submit(at, { intent: 'answer', code: wrongCode(maria.secret, op.clock) })
    assert.equal(at.page.status, 403)
    await administer(op, 'account', 'unlock', 'maria')
    assert.equal(codeOf((await op.submit(recovered, { intent: 'continue' })).page), null)
    const code = op.nextCode(maria.secret)
    assert.equal(codeOf((await op.submit(early, { intent: 'answer', code })).page), null)
  })
})
