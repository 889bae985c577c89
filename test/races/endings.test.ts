import assert from 'node:assert/strict'
import { sessionsOf } from '../../src/stores/oidc-adapter.ts'
import { Browser } from '../support/browser.ts'
import { type AtPage, type Enrolled, startProvider, type TestProvider } from '../support/provider.ts'
import { redisUrl } from '../support/redis.ts'
import { codeOf, errorOf, type RelyingParty } from '../support/relying-party.ts'

const stores = {
  'the embedded store': async () => ({}),
  Redis: async () => ({ redis: await redisUrl() }),
}

const isRefused = { error: 'invalid_grant' }

for (const [store, where] of Object.entries(stores))
  describe(`sessions that end while they are used, on ${store}`, function () {
    this.timeout(120_000)
    let op: TestProvider
    let maria: Enrolled
    let browser: Browser
    /** Where each consent of a new session makes a grant of its own. */
    let stranger: RelyingParty
    let shop: RelyingParty
    before(async () => {
      op = await startProvider(await where())
      maria = await op.enrol()
      stranger = await op.addClient({ client_id: 'stranger', require_consent: true })
      shop = await op.addClient({ client_id: 'shop' })
    })
    after(() => op.close())
    beforeEach(async () => {
      await op.duepassi.endings.account(op.maria.id, { reason: 'by-administrator' })
      browser = new Browser()
      await op.signIn(maria.secret, {}, browser)
    })

    const uidOf = async (): Promise<string> => {
      const [session, ...more] = await sessionsOf(op.duepassi.store, op.maria.id, op.clock)
      assert.ok(session && more.length === 0, `${more.length}`)
      return session.uid
    }
    const end = async (uid: string) => {
      const reason = 'by-administrator'
      const { sessions } = await op.duepassi.endings.session(op.maria.id, uid, { reason })
      assert.equal(sessions.length, 1)
    }
    const isOver = async () => {
      assert.deepEqual(await sessionsOf(op.duepassi.store, op.maria.id, op.clock), [])
      assert.equal(errorOf((await op.begin({ prompt: 'none' }, browser)).page), 'login_required')
    }
    /** Asked for each time, so that what comes of it outlives sign-outs; in so many tabs of the browser. */
    const atConsent = (count: number): Promise<AtPage[]> =>
      Promise.all(
        Array.from({ length: count }, async () => {
          const tab = browser.copy()
          return op.begin({ prompt: 'consent' }, tab, stranger)
        }),
      )
    const allow = (at: AtPage) => op.submit(at, { intent: 'allow' })
    const refreshOf = async (at: AtPage): Promise<string> =>
      (await op.redeem(at)).tokens.refresh_token as string

    it('leave no refresh token of 50 that are used at that moment', async () => {
      const tokens: string[] = []
      for (let time = 0; time < 50; time += 1)
        tokens.push((await op.redeem(await op.begin({}, browser))).tokens.refresh_token as string)
      const uid = await uidOf()
      const [, ...answers] = await Promise.all([
        end(uid),
        ...tokens.map((token) =>
          op.rp.refresh(token).then(
            ({ refresh_token }) => refresh_token,
            () => undefined,
          ),
        ),
      ])
      const given = answers.filter((token) => token !== undefined)
      await isOver()
      for (const token of [...tokens, ...given]) await assert.rejects(op.rp.refresh(token), isRefused)
    })

    it('leave nothing of requests that are answered at that moment', async () => {
      for (const pause of [0, 5, 15, 30, 60]) {
        await op.duepassi.endings.account(op.maria.id, { reason: 'by-administrator' })
        browser = new Browser()
        await op.signIn(maria.secret, {}, browser)
        const asked = await atConsent(8)
        const uid = await uidOf()
        const [, ...answers] = await Promise.all([
          new Promise((resolve) => setTimeout(resolve, pause)).then(() => end(uid)),
          ...asked.map(allow),
          ...Array.from({ length: 4 }, () => op.begin({}, browser.copy(), shop)),
        ])
        await isOver()
        for (const at of answers.filter(({ page }) => codeOf(page)))
          await assert.rejects(refreshOf(at), isRefused, `${pause} ms`)
      }
    })

    it('know all that several tabs were given at once', async () => {
      const [asked, others] = [await atConsent(4), Array.from({ length: 4 }, () => browser.copy())]
      const tabs = await Promise.all([
        ...asked.map(async (at) => ({ rp: stranger, at: await allow(at) })),
        ...others.map(async (tab) => ({ rp: shop, at: await op.begin({}, tab, shop) })),
      ])
      const given: Array<{ rp: RelyingParty; token: string }> = []
      for (const { rp, at } of tabs.filter(({ at }) => codeOf(at.page))) {
        // What ends with the session anyway is good for the last of several grants at a client alone (oidc-provider).
        const token = await refreshOf(at).catch(() => undefined)
        if (token !== undefined) given.push({ rp, token })
      }
      assert.ok(given.some(({ rp }) => rp === stranger))
      await end(await uidOf())
      await isOver()
      for (const { rp, token } of given) await assert.rejects(rp.refresh(token), isRefused)
    })
  })
