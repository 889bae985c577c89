import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { revokeAccount, sessionsOf, storeAdapter } from '../../src/stores/oidc-adapter.ts'
import { redisStore } from '../../src/stores/redis/redis-store.ts'
import { command, startRedis } from '../support/redis.ts'
import { onEachStore } from './adapter-on-store.ts'
import { Browser, type MinimalProvider, startMinimalProvider } from './minimal-provider.ts'
import { spied } from './spied-store.ts'

onEachStore('oidc adapter', (on, name) => {
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

    async function tokens() {
      const code = await op.signIn({ scope: 'openid offline_access' })
      const { status, body } = await op.redeem(code)
      assert.equal(status, 200)
      return { ...code, access: String(body.access_token), refresh: String(body.refresh_token) }
    }

    it('revoking a grant kills its code, its refresh token and its access token', async () => {
      const unredeemed = await op.signIn()
      const { access, refresh } = await tokens()
      assert.equal(await op.userinfo(access), 200)
      assert.equal(await op.introspect(access), true)
      assert.equal(await op.introspect(refresh), true)
      for (const session of await sessionsOf(on.store, subject)) {
        const { grantId = '' } = session.authorizations.rp ?? {}
        await op.provider.AccessToken.adapter.revokeByGrantId(grantId)
      }
      assert.equal(await op.userinfo(access), 401)
      assert.equal(await op.introspect(access), false)
      assert.equal(await op.introspect(refresh), false)
      for (const { status, body } of [await op.refresh(refresh), await op.redeem(unredeemed)]) {
        assert.equal(status, 400)
        assert.equal(body.error, 'invalid_grant')
      }
    })

    it('revoking an account ends its sessions and its tokens', async () => {
      const { access, refresh, browser } = await tokens()
      assert.ok((await op.silently(browser)).code)
      await revokeAccount(on.store, subject)
      assert.equal((await op.silently(browser)).error, 'login_required')
      assert.equal(await op.userinfo(access), 401)
      assert.equal((await op.refresh(refresh)).body.error, 'invalid_grant')
      assert.deepEqual(await sessionsOf(on.store, subject), [])
    })

    it('a request under way does not bring an ended session back', async () => {
      const { browser } = await op.signIn()
      op.meanwhile = () => revokeAccount(on.store, subject)
      await op.silently(browser)
      assert.deepEqual(await sessionsOf(on.store, subject), [])
      assert.equal((await op.silently(browser)).error, 'login_required')
    })

    it('two requests at once do not lose the relying party that the other added', async () => {
      const { browser } = await op.signIn()
      op.meanwhile = () => op.silently(browser, 'other')
      assert.ok((await op.silently(browser)).code)
      const [session] = await sessionsOf(on.store, subject)
      assert.deepEqual(Object.keys(session?.authorizations ?? {}).sort(), ['other', 'rp'])
      await revokeAccount(on.store, subject)
    })

    it('a sign-in changes the id: one record, and the old cookie is worth nothing', async () => {
      const { browser } = await op.signIn()
      const old = new Browser()
      for (const cookie of browser.cookies) old.cookies.set(...cookie)
      await op.signIn({ browser, prompt: 'login' })
      assert.equal((await sessionsOf(on.store, subject)).length, 1)
      assert.equal((await op.silently(old)).error, 'login_required')
      assert.ok((await op.silently(browser)).code)
      await revokeAccount(on.store, subject)
    })

    it('asks the store so many times', async () => {
      const count = async (what: () => Promise<unknown>) => {
        on.store.verbs = []
        await what()
        return on.store.verbs.join(' ')
      }
      const code = await op.signIn({ scope: 'openid offline_access' })
      const { body } = await op.redeem(code)
      assert.equal(await count(() => op.silently(code.browser)), 'get get add swap swap')
      assert.equal(await count(() => op.refresh(String(body.refresh_token))), 'get get swap add put')
      assert.equal(await count(() => op.userinfo(String(body.access_token))), 'get get')
      const fresh = await op.signIn({ scope: 'openid offline_access' })
      assert.equal(await count(() => op.redeem(fresh)), 'get get swap put add')
      await revokeAccount(on.store, subject)
    })
  })
})

describe('oidc adapter', () => {
  it('holds a live session in 640 bytes of Redis, all keys together, and no id in clear', async () => {
    const { url, port, stop } = await startRedis()
    const store = spied(redisStore({ tls: false, prefix: '', url }))
    const subject = randomBytes(16).toString('base64url')
    const op = await startMinimalProvider(storeAdapter({ store, clock: { now: () => Date.now() } }), subject)
    const code = await op.signIn({ scope: 'openid offline_access' })
    const { body } = await op.redeem(code)
    const cookie = String(code.browser.cookies.get('_session'))
    for (const secret of [code.value, body.access_token, body.refresh_token, cookie, subject.padEnd(99)]) {
      assert.ok(!store.written.includes(String(secret)))
    }
    const keys = (await command(port, ['KEYS', '*'])).match(/^[a-z][\w-]+$/gm) ?? []
    const bytes: Record<string, number> = {}
    for (const key of keys.filter((key) => /^[suga]/.test(key))) {
      bytes[key.charAt(0)] = Number((await command(port, ['MEMORY', 'USAGE', key])).slice(1).split('\r\n')[0])
    }
    const total = Object.values(bytes).reduce((sum, each) => sum + each, 0)
    console.log(`      a live session takes ${total} bytes in Redis: ${JSON.stringify(bytes)}`)
    assert.deepEqual(Object.keys(bytes).sort(), ['a', 'g', 's', 'u'])
    assert.ok(total <= 640, `${total} bytes`)
    await store.close()
    await stop()
  })
})
