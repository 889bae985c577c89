import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { DuepassiError } from '../../src/errors.ts'
import {
  endSession,
  grantsOf,
  revokeAccount,
  sessionOf,
  sessionsOf,
  storeAdapter,
} from '../../src/stores/oidc-adapter.ts'
import type { Store } from '../../src/stores/store.ts'
import { onEachStore } from './adapter-on-store.ts'
import { Browser, type MinimalProvider, startMinimalProvider } from './minimal-provider.ts'

onEachStore('sessions that end from elsewhere', (on, name) => {
  describe('under a real provider', () => {
    let op: MinimalProvider
    const subject = randomBytes(16).toString('base64url')

    before(async () => {
      op = await startMinimalProvider(
        storeAdapter({ store: on.store, clock: { now: () => Date.now() } }),
        subject,
      )
      // The embedded store's clock stands still; the provider's does not.
      if (name === 'embedded') await on.clock.pass((Date.now() - on.clock.now()) / 1000)
    })
    afterEach(() => revokeAccount(on.store, subject))

    const only = async () => {
      const [session, ...more] = await sessionsOf(on.store, subject)
      assert.ok(session && more.length === 0)
      return session
    }
    const end = async () => endSession(on.store, subject, (await only()).uid)
    const nothingIsLeft = async (browser: Browser) => {
      assert.deepEqual(await sessionsOf(on.store, subject), [])
      assert.deepEqual(await grantsOf(on.store, subject), [])
      assert.equal((await op.silently(browser)).error, 'login_required')
      assert.deepEqual(await grantsOf(on.store, subject), [])
    }
    /** In the middle of the request after the next: of a sign-in, that is the one which gives the session another id. */
    const duringResume = (what: () => Promise<unknown>) => {
      op.meanwhile = async () => {
        op.meanwhile = what
      }
    }
    const sameCookies = (browser: Browser): Browser => {
      const copy = new Browser()
      for (const cookie of browser.cookies) copy.cookies.set(...cookie)
      return copy
    }

    it('end with their grants, and say what they were', async () => {
      const { browser } = await op.signIn({ scope: 'openid offline_access' })
      await op.silently(browser, 'other')
      const session = await only()
      assert.deepEqual(await sessionOf(on.store, subject, session.uid), session)
      assert.equal(await sessionOf(on.store, 'somebody', session.uid), undefined)
      assert.equal(await endSession(on.store, 'somebody', session.uid), undefined)
      assert.equal((await grantsOf(on.store, subject)).length, 2)
      assert.deepEqual(await endSession(on.store, subject, session.uid), session)
      await nothingIsLeft(browser)
      assert.equal(await endSession(on.store, subject, session.uid), undefined)
    })

    it('take along what a request gives out that is under way', async () => {
      const { browser } = await op.signIn()
      op.meanwhile = end
      assert.ok((await op.silently(browser, 'other')).code)
      await nothingIsLeft(browser)
    })

    it('are not brought back by a request that gives them another id', async () => {
      const { browser } = await op.signIn()
      duringResume(end)
      await op.signIn({ browser, prompt: 'login' })
      await nothingIsLeft(browser)
    })

    it('know both grants of two requests at once', async () => {
      const { browser } = await op.signIn()
      op.meanwhile = () => op.silently(browser, 'other')
      await op.silently(browser, 'other')
      assert.equal((await grantsOf(on.store, subject)).length, 3)
      const { authorizations } = await only()
      assert.equal(authorizations['other']?.others?.length, 1)
      // And so after the next save.
      await op.silently(browser)
      await end()
      await nothingIsLeft(browser)
    })

    it('know what was given out before their id changed', async () => {
      const { browser } = await op.signIn()
      const tab = sameCookies(browser)
      duringResume(() => op.silently(tab, 'other'))
      await op.signIn({ browser, prompt: 'login' })
      assert.deepEqual(Object.keys((await only()).authorizations).sort(), ['other', 'rp'])
      await end()
      await nothingIsLeft(browser)
    })

    it('know what was given out while their id changed', async () => {
      const { browser } = await op.signIn()
      const tab = sameCookies(browser)
      op.meanwhile = () => op.signIn({ browser, prompt: 'login' })
      assert.ok((await op.silently(tab, 'other')).code)
      assert.deepEqual(Object.keys((await only()).authorizations).sort(), ['other', 'rp'])
      await end()
      await nothingIsLeft(browser)
    })

    it('end the second time where the store was lost the first time', async () => {
      for (const verb of ['take', 'drop'] as const) {
        const { browser } = await op.signIn()
        const { uid } = await only()
        const lost: Store = {
          ...on.store,
          [verb]: async () => {
            throw new DuepassiError('store_unavailable', 'lost')
          },
        }
        await assert.rejects(endSession(lost, subject, uid), { code: 'store_unavailable' })
        if (verb === 'take') {
          assert.ok(await endSession(on.store, subject, uid))
          await nothingIsLeft(browser)
        } else await revokeAccount(on.store, subject)
        assert.deepEqual(await grantsOf(on.store, subject), [])
      }
    })
  })
})
