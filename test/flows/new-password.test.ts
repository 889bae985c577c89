import assert from 'node:assert/strict'
import { revokeAccount, sessionsOf } from '../../src/stores/oidc-adapter.ts'
import { Browser } from '../support/browser.ts'
import {
  type AtPage,
  type Enrolled,
  password as oldPassword,
  startProvider,
  type TestProvider,
} from '../support/provider.ts'
import { codeOf, errorOf } from '../support/relying-party.ts'
import { fresh, isAskedForOne, isAtLogin, isAtSecondStep, typed } from './new-passwords.ts'
import { isLetIn } from './trusted-browsers.ts'

describe('a new password that is asked for', () => {
  let op: TestProvider
  let maria: Enrolled
  beforeEach(async () => {
    op = await startProvider()
    maria = await op.enrol()
  })
  afterEach(() => op.close())

  const stored = async (id = op.maria.id) => {
    const account = await op.duepassi.directory.accountById(id)
    assert.ok(account)
    return account
  }
  const isNow = async (password: string, id = op.maria.id) =>
    op.duepassi.hasher.verify((await stored(id)).passwordHash, password)
  const demand = async (at = op.clock.now()) => {
    await op.duepassi.directory.changeAccount(op.maria.id, { passwordDue: at })
    return at
  }
  const choose = (at: AtPage, password = fresh, again?: string) => op.submit(at, typed(password, again))
  /** With password and code. */
  const prove = async (browser = new Browser(), parameters: Record<string, string> = {}): Promise<AtPage> => {
    const code = op.nextCode(maria.secret)
    const at = await op.atSecondStep(parameters, browser)
    isAtSecondStep(at)
    return op.submit(at, { intent: 'answer', code })
  }
  const typesOfTrail = async () => (await op.audit()).map(({ type, reason }) => `${type} ${reason}`)
  const changes = async () =>
    (await typesOfTrail()).filter((one) => one === 'password.changed by-owner').length

  it('is asked after the second factor and before any code, and then the sign-in goes on', async () => {
    await demand()
    const asked = await prove()
    isAskedForOne(asked)
    assert.match(asked.page.body, /maria/)
    assert.match(asked.page.body, /autocomplete="new-password"/)
    const { tokens } = await op.redeem(await choose(asked))
    assert.deepEqual(tokens.claims()?.['amr'], ['pwd', 'otp', 'mfa'])
    assert.equal(await isNow(fresh), true)
    assert.equal((await stored()).passwordDue, null)
    assert.equal(await changes(), 1)
    const [{ subject, text } = { subject: '', text: '' }, ...more] = op.mails.filter((mail) =>
      mail.subject.includes('a new password was chosen'),
    )
    assert.equal(more.length, 0)
    assert.doesNotMatch(subject + text, new RegExp(fresh))
    assert.doesNotMatch(op.logged.join(''), new RegExp(fresh))

    const again = await op.typePassword(await op.begin(), { password: fresh })
    isAtSecondStep(again)
    isLetIn(await op.submit(again, { intent: 'answer', code: op.nextCode(maria.secret) }))
    const old = await op.typePassword(await op.begin(), { password: oldPassword })
    assert.equal(old.page.status, 401)
  })

  it('comes before consent', async () => {
    await demand()
    const rp = await op.addClient({ client_id: 'curious', require_consent: true })
    const code = op.nextCode(maria.secret)
    const at = await op.atSecondStep({}, new Browser(), rp)
    const asked = await op.submit(at, { intent: 'answer', code })
    isAskedForOne(asked)
    const consent = await choose(asked)
    assert.match(consent.page.body, /value="allow"/)
    isLetIn(await op.submit(consent, { intent: 'allow' }))
  })

  describe('is out of reach', () => {
    it('with the password alone: no page, and a POST changes nothing', async () => {
      await demand()
      const login = await op.begin()
      isAtLogin(login)
      await op.submit(login, typed(fresh))
      const at = await op.typePassword(login)
      isAtSecondStep(at)
      isAtSecondStep(await op.submit(at, typed(fresh)))
      const own = new URL(at.page.url.pathname.replace(/\/second-factor$/, ''), at.page.url)
      const direct = { ...at, page: { ...at.page, url: own } }
      isAtLogin({ page: await at.browser.get(own) })
      isAtLogin(await op.submit(direct, typed(fresh)))
      isAtLogin(await op.submit(direct, { ...typed(fresh), username: 'maria', password: fresh }))
      assert.equal(await isNow(oldPassword), true)
      assert.equal(await changes(), 0)
    })

    it('with a session from before: who has one signs in anew, second factor included', async () => {
      op.clock.advance(5)
      await demand()
      op.clock.advance(5)
      assert.equal(errorOf((await op.begin({ prompt: 'none' }, maria.browser)).page), 'interaction_required')
      const login = await op.begin({}, maria.browser)
      isAtLogin(login)
      const at = await op.typePassword(login)
      isAtSecondStep(at)
      const asked = await op.submit(at, { intent: 'answer', code: op.nextCode(maria.secret) })
      isAskedForOne(asked)
      isLetIn(await choose(asked))
    })

    it('with a page from before the demand was made again', async () => {
      await demand()
      const asked = await prove()
      isAskedForOne(asked)
      op.clock.advance(60)
      const due = await demand()
      isAtLogin(await choose(asked))
      assert.equal(await isNow(oldPassword), true)
      assert.equal((await stored()).passwordDue, due)
    })

    it('with a session that has ended, or an account that is disabled', async () => {
      await demand()
      const [ended, disabled] = [await prove(), await prove()]
      const { store, directory } = op.duepassi
      const sessions = await sessionsOf(store, op.maria.id, op.clock)
      await directory.changeAccount(op.maria.id, { disabledAt: op.clock.now() })
      assert.equal(codeOf((await choose(disabled)).page), null)
      await directory.changeAccount(op.maria.id, { disabledAt: null })
      assert.ok(sessions.length >= 2)
      await revokeAccount(store, op.maria.id, op.clock)
      assert.equal((await choose(ended)).page.status, 400)
      assert.equal(await isNow(oldPassword), true)
    })

    it('for another site', async () => {
      await demand()
      const { browser, page } = await prove()
      for (const headers of [
        { 'sec-fetch-site': 'cross-site' },
        { 'sec-fetch-site': 'same-site' },
        { origin: 'https://evil.example' },
        {},
      ]) {
        const { status } = await browser.once(page.url, {
          method: 'POST',
          headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers } as Record<
            string,
            string
          >,
          body: new URLSearchParams(typed(fresh)),
        })
        assert.equal(status, 403)
      }
      assert.equal(await isNow(oldPassword), true)
      isAskedForOne({ page: await browser.get(page.url) })
    })

    it('for another browser', async () => {
      await demand()
      const { page } = await prove()
      assert.equal((await new Browser().post(page.url, typed(fresh))).status, 400)
      assert.equal(await isNow(oldPassword), true)
    })
  })

  describe('on a session that began after the demand', () => {
    it('is asked at every authorization, and prompt=none says so', async () => {
      await demand()
      const { browser } = await prove()
      assert.equal(errorOf((await op.begin({ prompt: 'none' }, browser)).page), 'interaction_required')
      isAskedForOne(await op.begin({}, browser))
      const asked = await op.begin({ scope: 'openid email' }, browser)
      isAskedForOne(asked)
      isLetIn(await choose(asked))
      isLetIn(await op.begin({ prompt: 'none' }, browser))
    })

    it('is asked again after giving up', async () => {
      await demand()
      const asked = await prove()
      assert.equal(errorOf((await op.submit(asked, { intent: 'give-up' })).page), 'access_denied')
      isAskedForOne(await op.begin({}, asked.browser))
      assert.equal(await isNow(oldPassword), true)
      assert.ok((await typesOfTrail()).includes('signin.given-up null'))
    })
  })

  it('is refused when it is no good, and the page says why', async () => {
    await demand()
    const asked = await prove()
    const refusals: Array<[RegExp, string, string?]> = [
      [/too short/, 'sette 7'],
      [/too long/, 'x'.repeat(129)],
      [/not the same/, fresh, `${fresh}!`],
      [/user name or email/, 'MARIA@example.org'],
      [/your present password/, oldPassword],
      [/too short/, ''],
    ]
    for (const [why, password, again] of refusals) {
      const { page } = await choose(asked, password, again)
      assert.equal(page.status, 422, password)
      assert.match(page.body.slice(page.body.indexOf('role="alert"')), why)
      if (password) assert.doesNotMatch(page.body, new RegExp(`value="${password}`))
    }
    // The same characters from another keyboard are the same password.
    await op.duepassi.directory.changeAccount(op.maria.id, {
      passwordHash: await op.duepassi.hasher.hash('perché perché'),
    })
    assert.match((await choose(asked, 'perche\u0301 perche\u0301')).page.body, /your present password/)
    assert.equal(await changes(), 0)
    isLetIn(await choose(asked))
  })

  it('says why: somebody reported, an administrator asked, or either', async () => {
    await demand()
    const asked = await prove()
    const shown = async () => (await asked.browser.get(asked.page.url)).body
    assert.match(await shown(), /An administrator asked .*, or somebody reported/)
    const note = (type: 'password.expired' | 'request.reported', reason: string | null) =>
      op.duepassi.directory.appendAudit({
        id: `${type}-${op.clock.now()}-${Math.random()}`,
        at: op.clock.now(),
        type,
        accountId: op.maria.id,
        clientId: null,
        factor: null,
        reason,
        requestId: null,
      })
    await note('request.reported', null)
    assert.match(await shown(), /Somebody reported a sign-in to this account that was not theirs/)
    assert.doesNotMatch(await shown(), /administrator/)
    await note('password.expired', 'administrator')
    assert.match(await shown(), /An administrator asked/)
    assert.doesNotMatch(await shown(), /reported/)
  })

  it('ends everything else: other sessions, refresh tokens, sign-ins under way, trust', async () => {
    const elsewhere = await op.signIn(maria.secret)
    const underWay = await op.atSecondStep()
    await demand()
    const asked = await prove()
    isLetIn(await choose(asked))
    isAtLogin(await op.begin({}, elsewhere.browser))
    await assert.rejects(op.rp.refresh(elsewhere.tokens.refresh_token as string), { error: 'invalid_grant' })
    const { page } = await op.submit(underWay, { intent: 'answer', code: op.nextCode(maria.secret) })
    assert.equal(codeOf(page), null)
    isLetIn(await op.begin({ prompt: 'none' }, asked.browser), 'this session goes on')
    assert.equal((await sessionsOf(op.duepassi.store, op.maria.id, op.clock)).length, 1)
  })

  it('is asked, and no sign-in demanded over and over, when the clock that demanded it is ahead', async () => {
    await demand(op.clock.now() + 3_600_000)
    const asked = await prove()
    isAskedForOne(asked)
    isLetIn(await choose(asked))
  })
})
