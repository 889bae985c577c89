import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import type { Adapter } from 'oidc-provider'
import { embeddedStore } from '../../src/stores/embedded/embedded-store.ts'
import {
  endSession,
  grantsOf,
  revokeAccount,
  sessionsOf,
  storeAdapter,
} from '../../src/stores/oidc-adapter.ts'
import { redisStore } from '../../src/stores/redis/redis-store.ts'
import type { Store } from '../../src/stores/store.ts'
import { type MovableClock, movedClock, waitedClock } from '../contracts/store.ts'
import { command, redisUrl, startRedis } from '../support/redis.ts'
import { Browser, type MinimalProvider, startMinimalProvider } from './minimal-provider.ts'
import { type SpiedStore, spied } from './spied-store.ts'

const id = () => randomBytes(32).toString('base64url')
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

const consumables = [
  'AuthorizationCode',
  'RefreshToken',
  'DeviceCode',
  'BackchannelAuthenticationRequest',
  'PushedAuthorizationRequest',
  'PreAuthorizedCode',
]
const plain = [
  'AccessToken',
  'ClientCredentials',
  'InitialAccessToken',
  'RegistrationAccessToken',
  'Interaction',
]

for (const [name, open] of Object.entries(stores)) {
  describe(`oidc adapter on ${name}`, () => {
    let store: SpiedStore
    let clock: MovableClock
    let of: (model: string) => Adapter
    let account: string
    const second = () => Math.floor(clock.now() / 1000)

    before(async function () {
      this.timeout(180_000)
      const opened = await open()
      clock = opened.clock
      store = spied(opened.inner)
      of = storeAdapter({ store, clock })
    })
    after(() => store.close())
    beforeEach(() => {
      account = id()
      store.verbs = []
      store.written = ''
    })

    for (const model of plain) {
      it(`writes and finds ${model} with one verb each, its id nowhere`, async () => {
        const jti = id()
        const payload = {
          jti,
          kind: model,
          iat: second(),
          exp: second() + 60,
          clientId: 'rp',
          scope: 'openid',
        }
        await of(model).upsert(jti, payload, 60)
        const { kind: _, ...found } = payload
        assert.deepEqual(await of(model).find(jti), found)
        assert.deepEqual(store.verbs, ['put', 'get'])
        assert.ok(!store.written.includes(jti))
        await of(model).destroy(jti)
        assert.equal(await of(model).find(jti), undefined)
      })
    }

    for (const model of consumables) {
      describe(model, () => {
        let jti: string
        let grantId: string

        beforeEach(async () => {
          jti = id()
          grantId = id()
          await of('Grant').upsert(grantId, { accountId: account, clientId: 'rp', exp: second() + 60 }, 60)
          await of(model).upsert(jti, { jti, grantId, exp: second() + 60 }, 60)
          store.verbs = []
        })

        it('is found until used, and afterwards with the second of its use', async () => {
          assert.deepEqual(await of(model).find(jti), {
            jti,
            grantId,
            exp: Number((await of(model).find(jti))?.exp),
          })
          await of(model).consume(jti)
          const found = await of(model).find(jti)
          assert.ok(Math.abs(Number(found?.consumed) - second()) <= 1)
          assert.equal(found?.grantId, grantId)
          assert.ok(await of('Grant').find(grantId), 'the first use revokes nothing')
          assert.ok(!store.written.includes(jti))
        })

        it('stays used when it is written again', async () => {
          await of(model).consume(jti)
          await of(model).upsert(jti, { jti, grantId, exp: second() + 60, scope: 'more' }, 60)
          const found = await of(model).find(jti)
          assert.equal(found?.scope, 'more')
          assert.ok(found?.consumed)
        })

        it('is used by one of 50 at once; the others are refused and the grant is gone', async () => {
          const uses = await Promise.allSettled(Array.from({ length: 50 }, () => of(model).consume(jti)))
          const refused = uses.filter((use) => use.status === 'rejected')
          assert.equal(refused.length, 49)
          const error = model === 'PushedAuthorizationRequest' ? 'invalid_request_uri' : 'invalid_grant'
          for (const use of refused) assert.equal(use.reason.error, error)
          assert.equal(await of('Grant').find(grantId), undefined)
        })

        it('cannot be used when it is not there', async () => {
          await assert.rejects(() => of(model).consume(id()), { status: 400 })
          await of(model).destroy(jti)
          await assert.rejects(() => of(model).consume(jti), { status: 400 })
        })

        it('lives no longer for being used', async () => {
          await of(model).upsert(jti, { jti, grantId }, 1)
          await of(model).consume(jti)
          await clock.pass(1)
          assert.equal(await of(model).find(jti), undefined)
        })

        it('dies with its grant, whichever model is told to revoke it', async () => {
          await of(model).revokeByGrantId(grantId)
          assert.equal(await of('Grant').find(grantId), undefined)
        })
      })
    }

    it('writes a code with one verb and uses it with one, after finding it', async () => {
      const jti = id()
      await of('AuthorizationCode').upsert(jti, { jti }, 60)
      assert.deepEqual(store.verbs, ['add'])
    })

    it('finds a device code by its user code, writes it back under its id, and gives a user code once', async () => {
      const [jti, userCode] = [id(), id()]
      await of('DeviceCode').upsert(jti, { jti, userCode, exp: second() + 60 }, 60)
      const found = await of('DeviceCode').findByUserCode(userCode)
      assert.equal(found?.userCode, userCode)
      assert.ok(found?.jti && found.jti !== jti)
      assert.equal(
        await of('DeviceCode').find(found.jti),
        undefined,
        'what the store holds is no device code',
      )
      await of('DeviceCode').upsert(found.jti, { ...found, accountId: account }, 60)
      assert.equal((await of('DeviceCode').find(jti))?.accountId, account)
      assert.equal(await of('DeviceCode').findByUserCode(id()), undefined)
      await assert.rejects(() => of('DeviceCode').upsert(id(), { userCode }, 60), {
        error: 'invalid_request',
      })
    })

    it('lets a proof be used once, of 50 at once', async () => {
      const proof = id()
      const uses = await Promise.allSettled(
        Array.from({ length: 50 }, () =>
          of('ReplayDetection').upsert(proof, { jti: proof, exp: second() + 60 }, 60),
        ),
      )
      assert.equal(uses.filter((use) => use.status === 'fulfilled').length, 1)
      assert.ok(await of('ReplayDetection').find(proof))
      assert.equal(await of('ReplayDetection').find(id()), undefined)
    })

    describe('Session', () => {
      const sessionOf = (uid: string, jti: string) => ({
        jti,
        uid,
        exp: second() + 60,
        accountId: account,
        loginTs: second(),
        acr: 'https://refeds.org/profile/mfa',
        amr: ['pwd', 'otp'],
        authorizations: { rp: { sid: 'sid', grantId: 'grant' } },
      })

      it('comes back whole, by its id and by its uid; no id in clear', async () => {
        const [jti, uid] = [id(), id()]
        const session = sessionOf(uid, jti)
        await of('Session').upsert(jti, session, 60)
        assert.deepEqual(await of('Session').find(jti), session)
        const found = await of('Session').findByUid(uid)
        assert.deepEqual({ ...found, jti }, session)
        assert.notEqual(found?.jti, jti)
        assert.equal(
          await of('Session').find(String(found?.jti)),
          undefined,
          'what the store holds is no cookie',
        )
        assert.ok(!store.written.includes(jti))
      })

      it('is written and ended through its uid as through its id', async () => {
        const [jti, uid] = [id(), id()]
        await of('Session').upsert(jti, sessionOf(uid, jti), 60)
        const found = await of('Session').findByUid(uid)
        assert.ok(found?.jti)
        await of('Session').upsert(found.jti, { ...found, acr: 'changed' }, 60)
        assert.equal((await of('Session').find(jti))?.acr, 'changed')
        await of('Session').destroy(found.jti)
        assert.equal(await of('Session').find(jti), undefined)
        assert.equal(await of('Session').findByUid(uid), undefined)
      })

      it('has one record per uid: a new id ends the previous one', async () => {
        const [first, next, uid] = [id(), id(), id()]
        await of('Session').upsert(first, sessionOf(uid, first), 60)
        await of('Session').upsert(next, sessionOf(uid, next), 60)
        assert.equal(await of('Session').find(first), undefined)
        assert.equal((await of('Session').find(next))?.uid, uid)
        assert.ok(await of('Session').findByUid(uid))
      })

      it('has one record per uid, though 20 ids are written at once', async () => {
        const uid = id()
        const ids = Array.from({ length: 20 }, id)
        const written = await Promise.allSettled(
          ids.map((jti) => of('Session').upsert(jti, sessionOf(uid, jti), 60)),
        )
        for (const write of written) if (write.status === 'rejected') assert.equal(write.reason.code, 'busy')
        const alive = (await Promise.all(ids.map((jti) => of('Session').find(jti)))).filter(Boolean)
        assert.equal(alive.length, 1)
      })

      it('does not end the id that took over when the old one is destroyed late', async () => {
        const [first, next, uid] = [id(), id(), id()]
        await of('Session').upsert(first, sessionOf(uid, first), 60)
        await of('Session').upsert(next, sessionOf(uid, next), 60)
        await of('Session').destroy(first)
        assert.ok(await of('Session').findByUid(uid))
        assert.ok(await of('Session').find(next))
      })

      it('is not found with an id whose hash only begins alike', async () => {
        const [jti, uid] = [id(), id()]
        await of('Session').upsert(jti, sessionOf(uid, jti), 60)
        const key = /\bs[0-9a-z]{8,13}\b/.exec(store.written)?.[0]
        const text = key === undefined ? undefined : await store.get(key)
        assert.ok(key && text)
        await store.put(key, text.replace(/^\["[^"]+"/, '["AAAAAAAAAAA"'), 60)
        assert.equal(await of('Session').find(jti), undefined)
      })
    })

    it("keeps an account's sessions and grants, and ends them all at once", async () => {
      const others = { uid: id(), jti: id(), grantId: id(), account: id() }
      const [uid, jti, grantId, anonymous] = [id(), id(), id(), id()]
      const exp = second() + 60
      const authorizations = { rp: { sid: 'sid', grantId } }
      await of('Session').upsert(
        jti,
        { jti, uid, exp, accountId: account, loginTs: exp - 60, amr: ['pwd'], authorizations },
        60,
      )
      await of('Session').upsert(anonymous, { jti: anonymous, uid: id(), exp }, 60)
      await of('Grant').upsert(
        grantId,
        { accountId: account, clientId: 'rp', exp, openid: { scope: 'openid' } },
        60,
      )
      await of('Session').upsert(
        others.jti,
        { ...others, exp, accountId: others.account, loginTs: exp - 60 },
        60,
      )
      await of('Grant').upsert(others.grantId, { accountId: others.account, clientId: 'rp', exp }, 60)

      assert.deepEqual(await sessionsOf(store, account, clock), [
        { uid, loginTs: exp - 60, exp, acr: undefined, amr: ['pwd'], authorizations },
      ])
      assert.deepEqual(await grantsOf(store, account, clock), [{ clientId: 'rp', exp, scope: 'openid' }])

      await revokeAccount(store, account, clock)
      assert.deepEqual(await sessionsOf(store, account, clock), [])
      assert.deepEqual(await grantsOf(store, account, clock), [])
      assert.equal(await of('Session').find(jti), undefined)
      assert.equal(await of('Grant').find(grantId), undefined)
      assert.ok(await of('Session').find(others.jti))
      assert.ok(await of('Grant').find(others.grantId))
      await endSession(store, others.uid)
      assert.equal(await of('Session').find(others.jti), undefined)
      await endSession(store, others.uid)
    })

    it('gives a grant back whole', async () => {
      const jti = id()
      const grant = {
        jti,
        accountId: account,
        clientId: 'rp',
        exp: second() + 60,
        openid: { scope: 'openid', claims: ['email'] },
        resources: { 'urn:api': 'read' },
      }
      await of('Grant').upsert(jti, grant, 60)
      assert.deepEqual(await of('Grant').find(jti), grant)
      await of('Grant').destroy(jti)
      assert.equal(await of('Grant').find(jti), undefined)
    })

    it('serves relying parties from where they are kept', async () => {
      assert.equal(await of('Client').find('rp'), undefined)
      const withClients = storeAdapter({
        store,
        clock,
        clients: { find: async (client_id) => (client_id === 'rp' ? { client_id } : undefined) },
      })
      assert.deepEqual(await withClients('Client').find('rp'), { client_id: 'rp' })
      assert.equal(await withClients('Client').find('nobody'), undefined)
      await assert.rejects(async () => withClients('Client').upsert('rp', {}), TypeError)
      await assert.rejects(async () => withClients('Client').destroy('rp'), TypeError)
    })

    it('refuses a model it does not know', () => {
      assert.throws(() => of('NovelToken'), TypeError)
    })

    describe('under a real provider', () => {
      let op: MinimalProvider
      const subject = randomBytes(16).toString('base64url')

      before(async () => {
        op = await startMinimalProvider(storeAdapter({ store, clock: { now: () => Date.now() } }), subject)
        // The embedded store's clock stands still; the provider's does not.
        if (name === 'embedded') await clock.pass((Date.now() - clock.now()) / 1000)
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
        for (const session of await sessionsOf(store, subject)) {
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
        await revokeAccount(store, subject)
        assert.equal((await op.silently(browser)).error, 'login_required')
        assert.equal(await op.userinfo(access), 401)
        assert.equal((await op.refresh(refresh)).body.error, 'invalid_grant')
        assert.deepEqual(await sessionsOf(store, subject), [])
      })

      it('a request under way does not bring an ended session back', async () => {
        const { browser } = await op.signIn()
        op.meanwhile = () => revokeAccount(store, subject)
        await op.silently(browser)
        assert.deepEqual(await sessionsOf(store, subject), [])
        assert.equal((await op.silently(browser)).error, 'login_required')
      })

      it('two requests at once do not lose the relying party that the other added', async () => {
        const { browser } = await op.signIn()
        op.meanwhile = () => op.silently(browser, 'other')
        assert.ok((await op.silently(browser)).code)
        const [session] = await sessionsOf(store, subject)
        assert.deepEqual(Object.keys(session?.authorizations ?? {}).sort(), ['other', 'rp'])
        await revokeAccount(store, subject)
      })

      it('a sign-in changes the id: one record, and the old cookie is worth nothing', async () => {
        const { browser } = await op.signIn()
        const old = new Browser()
        for (const cookie of browser.cookies) old.cookies.set(...cookie)
        await op.signIn({ browser, prompt: 'login' })
        assert.equal((await sessionsOf(store, subject)).length, 1)
        assert.equal((await op.silently(old)).error, 'login_required')
        assert.ok((await op.silently(browser)).code)
        await revokeAccount(store, subject)
      })

      it('asks the store so many times', async () => {
        const count = async (what: () => Promise<unknown>) => {
          store.verbs = []
          await what()
          return store.verbs.join(' ')
        }
        const code = await op.signIn({ scope: 'openid offline_access' })
        const { body } = await op.redeem(code)
        assert.equal(await count(() => op.silently(code.browser)), 'get get add swap swap')
        assert.equal(await count(() => op.refresh(String(body.refresh_token))), 'get get swap add put')
        assert.equal(await count(() => op.userinfo(String(body.access_token))), 'get get')
        const fresh = await op.signIn({ scope: 'openid offline_access' })
        assert.equal(await count(() => op.redeem(fresh)), 'get get swap put add')
        await revokeAccount(store, subject)
      })
    })
  })
}

describe('oidc adapter', () => {
  it('takes nothing for absent when the store does not answer', async () => {
    const clock = movedClock()
    const store = embeddedStore({ file: ':memory:', clock })
    const of = storeAdapter({ store, clock })
    await store.close()
    for (const model of [...plain, ...consumables, 'Grant', 'Session', 'ReplayDetection']) {
      await assert.rejects(async () => of(model).find(id()), { code: 'store_unavailable' })
      await assert.rejects(async () => of(model).upsert(id(), { uid: id() }, 60), {
        code: 'store_unavailable',
      })
    }
    for (const model of consumables) {
      await assert.rejects(async () => of(model).consume(id()), { code: 'store_unavailable' })
    }
    await assert.rejects(() => revokeAccount(store, 'account', clock), { code: 'store_unavailable' })
  })

  it('keeps track of a session that is prolonged for weeks, and of the grants from then', async () => {
    const clock = movedClock()
    const store = embeddedStore({ file: ':memory:', clock })
    const of = storeAdapter({ store, clock })
    const [jti, uid, grantId] = [id(), id(), id()]
    const hour = 3_600
    const exp = () => Math.floor(clock.now() / 1000) + hour
    await of('Grant').upsert(
      grantId,
      { accountId: 'account', clientId: 'rp', exp: exp() + 60 * 86_400 },
      60 * 86_400,
    )
    for (let hours = 0; hours < 24 * 20; hours += 0.9) {
      await of('Session').upsert(
        jti,
        { jti, uid, exp: exp(), accountId: 'account', loginTs: 1_700_000_000 },
        hour,
      )
      await clock.pass(0.9 * hour)
      assert.equal((await sessionsOf(store, 'account', clock)).length, 1, `after ${hours} hours`)
    }
    assert.equal((await grantsOf(store, 'account', clock)).length, 1)
    await clock.pass(hour)
    assert.deepEqual(await sessionsOf(store, 'account', clock), [])
    await revokeAccount(store, 'account', clock)
    assert.equal(await of('Grant').find(grantId), undefined)
    await store.close()
  })

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
