import assert from 'node:assert/strict'
import { sessionsOf } from '../../src/stores/oidc-adapter.ts'
import { someoneWithBoth, someoneWithKey } from '../flows/ruled-people.ts'
import { Browser } from '../support/browser.ts'
import { answerWith } from '../support/passkeys.ts'
import { mfa, sfa, startProvider, type TestProvider } from '../support/provider.ts'
import { codeOf, errorOf } from '../support/relying-party.ts'

describe('a session', () => {
  it('ends after its longest life, however busy it is', async () => {
    await using op = await startProvider({ config: { lifetimes: { session: 60, sessionIdle: 60 } } })
    const browser = new Browser()
    await op.enrol(browser)
    const silently = async () => (await op.begin({ prompt: 'none' }, browser)).page
    for (let time = 0; time < 5; time++) {
      op.clock.advance(10)
      assert.ok(codeOf(await silently()), `after ${(time + 1) * 10} s`)
    }
    // Each request writes the session anew for a second at least: polling must not keep it alive by that.
    op.clock.advance(8)
    for (let time = 0; time < 10; time++) {
      await silently()
      op.clock.advance(0.6)
    }
    assert.equal(errorOf(await silently()), 'login_required')
  })
})

describe('limits of a session by its level', function () {
  this.timeout(30_000)
  const hour = 3_600
  const day = 24 * hour

  /** Somebody, and when they signed in. */
  const openWith = async (op: TestProvider, accountId: string, browser: Browser) => {
    const sessions = () => sessionsOf(op.duepassi.store, accountId, op.clock)
    const since = (await sessions())[0]?.loginTs
    assert.ok(since)
    return {
      async isOpen(): Promise<boolean> {
        const { page } = await op.begin({ prompt: 'none' }, browser)
        if (codeOf(page) !== null) return true
        assert.equal(errorOf(page), 'login_required')
        return false
      },
      /** To so many seconds after the sign-in. */
      at: (seconds: number) => op.clock.advance(Math.ceil(since + seconds - op.clock.now() / 1000)),
      acr: async () => (await sessions())[0]?.acr,
    }
  }
  /** Uses it as often as it must be, until then. */
  const useUntil = async (
    { at, isOpen }: Awaited<ReturnType<typeof openWith>>,
    end: number,
    step: number,
  ) => {
    for (let time = step; time < end; time += step) {
      at(time)
      assert.ok(await isOpen(), `${time} s`)
    }
  }

  it('at two factors are a day, and an hour without use', async () => {
    await using op = await startProvider()
    const browser = new Browser()
    const { secret } = await op.enrol(browser)
    const session = await openWith(op, op.maria.id, browser)
    assert.equal(await session.acr(), mfa)
    await useUntil(session, day, hour - 60)
    session.at(day - 2)
    assert.ok(await session.isOpen())
    session.at(day)
    assert.equal(await session.isOpen(), false)

    await op.signIn(secret, {}, browser)
    const next = await openWith(op, op.maria.id, browser)
    op.clock.advance(hour - 2)
    assert.ok(await next.isOpen())
    op.clock.advance(hour - 2)
    assert.ok(await next.isOpen())
    op.clock.advance(hour)
    assert.equal(await next.isOpen(), false)
  })

  it('are those of the level where it has its own, longer', async () => {
    const levels = { [sfa]: { session: 3 * day, sessionIdle: 2 * hour } }
    await using op = await startProvider({
      config: { policy: { secondFactor: 'optional' }, lifetimes: { levels } },
    })
    const browser = new Browser()
    await op.typePassword(await op.begin({}, browser))
    const byPassword = await openWith(op, op.maria.id, browser)
    assert.equal(await byPassword.acr(), sfa)
    await useUntil(byPassword, 3 * day, 2 * hour - 60)
    byPassword.at(3 * day - 2)
    assert.ok(await byPassword.isOpen())
    byPassword.at(3 * day)
    assert.equal(await byPassword.isOpen(), false)
  })

  it('or shorter, and the others are what they are for all', async () => {
    await using op = await startProvider({ config: { lifetimes: { levels: { phr: { sessionIdle: 900 } } } } })
    const { account, key } = await someoneWithKey(op)
    const other = new Browser()
    await answerWith(await op.typePassword(await op.begin({ acr_values: 'phr' }, other), account), key)
    const byKey = await openWith(op, account.id, other)
    assert.equal(await byKey.acr(), 'phr')
    op.clock.advance(898)
    assert.ok(await byKey.isOpen())
    op.clock.advance(900)
    assert.equal(await byKey.isOpen(), false)

    await answerWith(await op.typePassword(await op.begin({ acr_values: 'phr' }, other), account), key)
    const busy = await openWith(op, account.id, other)
    await useUntil(busy, day, 890)
    busy.at(day)
    assert.equal(await busy.isOpen(), false)
  })

  describe('of a session that is raised', () => {
    const config = { lifetimes: { levels: { phr: { session: 2 * hour, sessionIdle: 600 } } } }
    /** Somebody who signed in by the app, and has a key too. */
    const byApp = async (op: TestProvider) => {
      const { account, key, secret } = await someoneWithBoth(op)
      await op.duepassi.endings.account(account.id, { reason: 'by-administrator' })
      const browser = new Browser()
      const typed = await op.typePassword(await op.begin({}, browser), account)
      const asked = await op.submit(typed, { intent: 'switch', factor: 'totp' })
      await op.submit(asked, { intent: 'answer', code: op.nextCode(secret) })
      const session = await openWith(op, account.id, browser)
      assert.equal(await session.acr(), mfa)
      return { account, key, session, raise: () => op.begin({ acr_values: 'phr' }, browser), browser }
    }

    it('are those of the new level from then on, counted from the sign-in', async () => {
      await using op = await startProvider({ config })
      const { key, session, raise } = await byApp(op)
      session.at(hour - 60)
      assert.ok(await session.isOpen(), 'unused for longer than the new level lets it')
      const { page } = await answerWith(await raise(), key)
      assert.ok(codeOf(page))
      assert.equal(await session.acr(), 'phr')
      await useUntil(session, hour, 598)
      await session.isOpen()
      op.clock.advance(602)
      assert.equal(await session.isOpen(), false)

      const again = await byApp(op)
      await useUntil(again.session, hour, 590)
      await answerWith(await again.raise(), again.key)
      let time = hour
      for (; time < 2 * hour - 2; time += 500) {
        again.session.at(time)
        assert.ok(await again.session.isOpen(), `${time} s`)
      }
      again.session.at(2 * hour)
      assert.equal(await again.session.isOpen(), false)
    })

    it('let nobody in who signed in too long ago for the new level, and everybody who does so again', async () => {
      await using op = await startProvider({ config })
      const { account, key, session, raise, browser } = await byApp(op)
      await useUntil(session, 3 * hour, hour - 60)
      const raised = await answerWith(await raise(), key)
      assert.equal(codeOf(raised.page), null)
      assert.match(raised.page.body, /current-password/)
      const typed = await op.typePassword(raised, account)
      const { tokens } = await op.redeem(await answerWith(typed, key))
      assert.equal(tokens.claims()?.['acr'], 'phr')
      assert.equal(await session.acr(), 'phr')
      assert.ok(codeOf((await op.begin({ prompt: 'none' }, browser)).page))
    })
  })
})

describe('consent', () => {
  it('names what single claims would tell, before giving them', async () => {
    await using op = await startProvider()
    const { secret } = await op.enrol()
    const rp = await op.addClient({ client_id: 'stranger', require_consent: true })
    const claims = JSON.stringify({ userinfo: { email: null, name: null } })
    const at = await op.atSecondStep({ scope: 'openid', claims }, undefined, rp)
    const { page } = await op.submit(at, { intent: 'answer', code: op.nextCode(secret) })
    assert.equal(codeOf(page), null)
    assert.match(page.body, /<li>see your email address<\/li>/)
    assert.match(page.body, /<li>see your name and profile, such as date of birth and picture<\/li>/)
  })
})

describe('a resource server', () => {
  it('has tokens for the clients that it names, and for no other', async () => {
    const api = 'https://api.example.org'
    await using op = await startProvider({
      config: { resources: [{ id: api, scopes: ['write'], clients: ['worker'], format: 'opaque' }] },
    })
    const ask = async (client: string) => {
      await op.addClient({
        client_id: client,
        client_secret: 'secret-of-a-machine',
        grant_types: ['client_credentials'],
        redirect_uris: [],
        response_types: [],
      })
      const response = await fetch(`${op.issuer}/token`, {
        method: 'POST',
        headers: {
          authorization: `Basic ${Buffer.from(`${client}:secret-of-a-machine`).toString('base64')}`,
        },
        body: new URLSearchParams({ grant_type: 'client_credentials', resource: api, scope: 'write' }),
      })
      return (await response.json()) as { error?: string; access_token?: string }
    }
    assert.ok((await ask('worker')).access_token)
    assert.equal((await ask('other')).error, 'invalid_target')
  })
})
