import assert from 'node:assert/strict'
import { Browser } from '../support/browser.ts'
import { type Enrolled, mfa, startProvider, type TestProvider } from '../support/provider.ts'
import { codeOf, errorOf } from '../support/relying-party.ts'
import { codeNow, recoveryCodesOn, secretOn } from '../support/steps.ts'

describe('signing in', () => {
  let op: TestProvider
  let maria: Enrolled
  before(async () => {
    op = await startProvider()
  })
  after(() => op.close())

  describe('the first time', () => {
    it('sets up an authenticator and shows recovery codes before any code is issued', async () => {
      const enrolling = await op.choose(await op.atSecondStep())
      assert.match(enrolling.page.url.pathname, /^\/interaction\/[\w-]{43}\/second-factor$/)
      const secret = secretOn(enrolling.page)
      assert.equal((await op.duepassi.directory.standing(op.maria.id)).factors.length, 0)
      const issuing = await op.submit(enrolling, {
        intent: 'confirm',
        code: codeNow(secret, op.clock),
        label: 'Phone',
      })
      const codes = recoveryCodesOn(issuing.page)
      assert.equal(new Set(codes).size, 10)
      assert.equal(codeOf(issuing.page), null)
      // The authenticator counts from now on, the recovery codes only once the person says that they are saved.
      assert.deepEqual((await op.duepassi.directory.standing(op.maria.id)).factors, ['totp'])
      const signedIn = await op.redeem(await op.submit(issuing, { intent: 'saved' }))
      const claims = signedIn.tokens.claims()
      assert.deepEqual(claims?.['amr'], ['pwd', 'otp', 'mfa'])
      assert.equal(claims?.['acr'], mfa)
      assert.equal(claims?.sub, op.maria.id)
      assert.ok(Math.abs(Number(claims?.auth_time) - Date.now() / 1000) < 60)
      maria = { ...signedIn, secret, codes }
      assert.deepEqual((await op.audit()).map(({ type }) => type).toReversed(), [
        'password.accepted',
        'factor.enrolled',
        'recovery-codes.issued',
        'signin.finished',
        'device.added',
      ])
    })
    it('tells by mail', () => {
      assert.deepEqual(
        op.mails.map(({ to }) => to.address),
        ['maria@example.org'],
      )
      assert.match(op.mails[0]?.text ?? '', /Phone/)
    })
    it('does not take the code of the enrolment for signing in, nor show the seed or the codes again', async () => {
      const code = codeNow(maria.secret, op.clock)
      const asked = await op.atSecondStep()
      assert.match(asked.page.body, /one-time-code/)
      assert.doesNotMatch(asked.page.body, /otpauth|secret=/)
      const refused = await op.submit(asked, { intent: 'answer', code })
      assert.equal(refused.page.status, 422)
      assert.match(refused.page.body, /already used/)
      assert.equal(codeOf(refused.page), null)
      for (const shown of maria.codes) assert.doesNotMatch(refused.page.body, new RegExp(shown))
    })
  })

  describe('again', () => {
    it('asks for password and code', async () => {
      const { tokens } = await op.signIn(maria.secret)
      assert.deepEqual(tokens.claims()?.['amr'], ['pwd', 'otp', 'mfa'])
    })
    it('takes a name in any spelling', async () => {
      for (const username of [' MARIA ', 'maria@example.org', 'ｍａｒｉａ', 'Maria@Example.ORG']) {
        const at = await op.typePassword(await op.begin(), { username })
        assert.match(at.page.url.pathname, /second-factor$/, username)
      }
    })
    it('shows no page to a browser that has a session', async () => {
      const { browser, tokens } = await op.signIn(maria.secret)
      const again = await op.redeem(await op.begin({}, browser))
      assert.equal(again.tokens.claims()?.auth_time, tokens.claims()?.auth_time)
      assert.equal(again.tokens.claims()?.['acr'], mfa)
    })
    it('shows both steps for prompt=login, and auth_time moves on', async () => {
      const { browser, tokens } = await op.signIn(maria.secret)
      const code = op.nextCode(maria.secret)
      const asked = await op.begin({ prompt: 'login' }, browser)
      assert.match(asked.page.body, /current-password/)
      const second = await op.typePassword(asked)
      assert.match(second.page.body, /one-time-code/)
      const again = await op.redeem(await op.submit(second, { intent: 'answer', code }))
      assert.ok(Number(again.tokens.claims()?.auth_time) > Number(tokens.claims()?.auth_time))
    })
    it('shows the code page alone for prompt=second_factor', async () => {
      const { browser } = await op.signIn(maria.secret)
      const asked = await op.begin({ prompt: 'second_factor' }, browser)
      assert.match(asked.page.body, /one-time-code/)
      const code = op.nextCode(maria.secret)
      const again = await op.redeem(await op.submit(asked, { intent: 'answer', code }))
      assert.equal(again.tokens.claims()?.['acr'], mfa)
    })
    it('asks again once the session is older than max_age', async () => {
      const { browser } = await op.enrolOther('maxage')
      op.clock.advance(500)
      assert.ok(codeOf((await op.begin({ max_age: '600' }, browser)).page))
      op.clock.advance(200)
      assert.match((await op.begin({ max_age: '600' }, browser)).page.body, /current-password/)
      const { page } = await op.begin({ max_age: '600', prompt: 'none' }, browser)
      assert.equal(errorOf(page), 'login_required')
    })
    it('answers prompt=none with login_required before anybody signed in', async () => {
      assert.equal(errorOf((await op.begin({ prompt: 'none' })).page), 'login_required')
    })
    it('lets the person give up at each step, as access_denied', async () => {
      for (const at of [
        await op.atSecondStep(),
        await op.typePassword(await op.begin(), { username: (await op.addPerson('giorgio')).username }),
      ]) {
        const { page } = await op.submit(at, { intent: 'give-up' })
        assert.equal(errorOf(page), 'access_denied')
        assert.equal(codeOf(page), null)
      }
    })
    it('leads somebody else who signs in at the same browser to their own tokens', async () => {
      const { browser } = await op.signIn(maria.secret)
      const luigi = await op.addPerson('luigi')
      const begun = await op.begin({ prompt: 'login' }, browser)
      const second = await op.choose(await op.typePassword(begun, { username: 'luigi' }))
      const secret = secretOn(second.page)
      const issuing = await op.submit(second, {
        intent: 'confirm',
        code: codeNow(secret, op.clock),
        label: '',
      })
      let last = await op.submit(issuing, { intent: 'saved' })
      // oidc-provider signs maria out first, by a form that posts itself.
      if (codeOf(last.page) === null) {
        assert.equal(last.page.status, 200)
        assert.match(last.page.body, /<form method="post"/)
        const action = /action="([^"]+)"/.exec(last.page.body)?.[1] as string
        const xsrf = /name="xsrf" value="([^"]+)"/.exec(last.page.body)?.[1] as string
        last = { ...last, page: await browser.post(action.replaceAll('&amp;', '&'), { xsrf, logout: 'yes' }) }
      }
      const { tokens } = await op.redeem(last)
      assert.equal(tokens.claims()?.sub, luigi.id)
    })
  })

  describe('with several authenticators', () => {
    it('sets up several named authenticators, each of which works', async () => {
      const { codes } = await op.enrolOther('anna')
      const other = await op.typePassword(await op.begin(), { username: 'anna' })
      const recovered = await op.submit(
        await op.submit(other, { intent: 'switch', factor: 'recovery-code' }),
        { intent: 'answer', code: codes[0] as string },
      )
      const enrolling = await op.choose(await op.submit(recovered, { intent: 'enrol' }))
      const tablet = secretOn(enrolling.page)
      const issuing = await op.submit(enrolling, {
        intent: 'confirm',
        code: codeNow(tablet, op.clock),
        label: '  My <tablet>  ',
      })
      await op.redeem(await op.submit(issuing, { intent: 'saved' }))
      const asked = await op.typePassword(await op.begin({}, new Browser()), { username: 'anna' })
      assert.match(asked.page.body, /My phone/)
      assert.match(asked.page.body, /My &lt;tablet&gt;/)
      const { tokens } = await op.redeem(
        await op.submit(asked, { intent: 'answer', code: op.nextCode(tablet) }),
      )
      assert.equal(tokens.claims()?.['acr'], mfa)
    })
  })
})
