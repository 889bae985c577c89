import assert from 'node:assert/strict'
import { Browser } from '../support/browser.ts'
import {
  addApp,
  answerWith,
  atKey,
  enrolKey,
  enterWith,
  type KeyHolder,
  offers,
  optionsOn,
  questionOn,
  register,
  sendPasskey,
} from '../support/passkeys.ts'
import { type AtPage, mfa, startProvider, type TestProvider } from '../support/provider.ts'
import { codeOf, errorOf } from '../support/relying-party.ts'
import { createSoftAuthenticator } from '../support/soft-authenticator.ts'
import { codeNow, recoveryCodesOn, secretOn } from '../support/steps.ts'

const amr = ['pop', 'user', 'mfa']

describe('signing in by a passkey alone', () => {
  const key = createSoftAuthenticator({ backupEligible: true, backedUp: true })
  let op: TestProvider
  let anna: KeyHolder
  before(async () => {
    op = await startProvider({
      config: { lifetimes: { refreshToken: 864_000, session: 86_400, sessionIdle: 86_400 } },
    })
    anna = await enrolKey(op, 'anna', key)
  })
  after(() => op.close())
  const signIn = async (parameters: Record<string, string> = {}, browser = new Browser()) =>
    op.redeem(await enterWith(await op.begin(parameters, browser), key))

  it('is offered on the login page, to whoever it may be', async () => {
    const { page } = await op.begin()
    const options = optionsOn(page, 'get')
    assert.deepEqual(options.allowCredentials, [])
    assert.equal(options.userVerification, 'required')
    assert.equal(options.rpId, '127.0.0.1')
    assert.equal(Buffer.from(options.challenge, 'base64url').length, 32)
    assert.match(page.body, /autocomplete="username webauthn"/)
    assert.doesNotMatch(page.body, /anna/)
    const again = await op.begin()
    assert.notEqual(optionsOn(again.page, 'get').challenge, options.challenge)
    assert.notEqual(questionOn(again.page), questionOn(page))
    // The challenge is on the page, and what is sealed beside it says no more to the browser.
    assert.doesNotMatch(questionOn(page), new RegExp(options.challenge))
  })
  it('asks for no password and no code, and says what was proven', async () => {
    const before = (await op.audit(anna.account.id)).length
    const { page, tokens } = await signIn()
    assert.equal(page.url.host, 'rp.invalid')
    const claims = tokens.claims()
    assert.equal(claims?.sub, anna.account.id)
    assert.deepEqual(claims?.['amr'], amr)
    assert.equal(claims?.['acr'], 'phr')
    assert.ok(Math.abs(Number(claims?.auth_time) - op.clock.now() / 1000) < 60)
    const events = (await op.audit(anna.account.id)).toReversed().slice(before)
    assert.deepEqual(
      events.map(({ type, factor, clientId }) => [type, factor, clientId]),
      [
        ['signin.unusual', null, 'rp'],
        ['factor.accepted', 'webauthn', 'rp'],
        ['signin.finished', null, 'rp'],
        ['device.added', null, 'rp'],
      ],
    )
    const own = await op.duepassi.directory.credentials(anna.account.id)
    const used = own.find(({ factor }) => factor === 'webauthn')?.lastUsedAt
    assert.ok(Math.abs(Number(used) - op.clock.now()) < 60_000)
  })
  it('asks for nothing of an app either, where the person has one', async () => {
    const both = createSoftAuthenticator()
    const { codes } = await enrolKey(op, 'both', both)
    await addApp(op, 'both', codes[0] as string)
    const { tokens } = await op.redeem(await enterWith(await op.begin(), both))
    assert.deepEqual(tokens.claims()?.['amr'], amr)
  })
  it('shows recovery codes to whoever has none, before any code is issued', async () => {
    const own = createSoftAuthenticator()
    const { id } = await op.addPerson('interrupted')
    await register(await op.choose(await atKey(op, 'interrupted'), 'webauthn'), own)
    const issuing = await enterWith(await op.begin(), own)
    const codes = recoveryCodesOn(issuing.page)
    assert.equal(codes.length, 10)
    assert.equal(codeOf(issuing.page), null)
    assert.equal(codeOf((await op.begin({ prompt: 'none' }, issuing.browser)).page), null)
    const { tokens } = await op.redeem(await op.submit(issuing, { intent: 'saved' }))
    assert.deepEqual(tokens.claims()?.['amr'], amr)
    assert.deepEqual((await op.duepassi.directory.standing(id)).factors, ['recovery-code', 'webauthn'])
  })

  describe('is a sign-in like any other', () => {
    it('to prompt=login: it happens again, and auth_time moves on', async () => {
      const { browser, tokens } = await signIn()
      op.clock.advance(30)
      const again = await signIn({ prompt: 'login' }, browser)
      assert.ok(Number(again.tokens.claims()?.auth_time) >= Number(tokens.claims()?.auth_time) + 30)
      assert.deepEqual(again.tokens.claims()?.['amr'], amr)
    })
    it('to max_age', async () => {
      const { browser, tokens } = await signIn()
      op.clock.advance(500)
      assert.ok(codeOf((await op.begin({ max_age: '600' }, browser)).page))
      op.clock.advance(200)
      assert.equal(
        errorOf((await op.begin({ max_age: '600', prompt: 'none' }, browser)).page),
        'login_required',
      )
      const again = await signIn({ max_age: '600' }, browser)
      assert.ok(Number(again.tokens.claims()?.auth_time) >= Number(tokens.claims()?.auth_time) + 700)
    })
    it('to acr_values and an essential acr', async () => {
      const claims = JSON.stringify({ id_token: { acr: { essential: true, value: mfa } } })
      for (const parameters of [{ acr_values: mfa }, { claims }] as Array<Record<string, string>>)
        assert.equal((await signIn(parameters)).tokens.claims()?.['acr'], mfa)
    })
    it('to another relying party, which signs in without a page', async () => {
      const other = await op.addClient({ client_id: 'other', require_second_factor: true })
      const { browser, tokens } = await signIn()
      for (const parameters of [{}, { prompt: 'none' }] as Array<Record<string, string>>) {
        const again = await op.redeem(await op.begin(parameters, browser, other))
        assert.deepEqual(again.tokens.claims()?.['amr'], amr)
        assert.equal(again.tokens.claims()?.auth_time, tokens.claims()?.auth_time)
      }
    })
    it('to a refresh', async () => {
      const { tokens } = await signIn()
      op.clock.advance(1_000)
      const refreshed = await op.rp.refresh(tokens.refresh_token as string)
      assert.deepEqual(refreshed.claims()?.['amr'], amr)
      assert.equal(refreshed.claims()?.['acr'], 'phr')
    })
    it('to prompt=second_factor, which asks for the key alone', async () => {
      const { browser } = await signIn()
      const asked = await op.begin({ prompt: 'second_factor' }, browser)
      assert.doesNotMatch(asked.page.body, /current-password/)
      const again = await op.redeem(await answerWith(asked, key))
      assert.equal(again.tokens.claims()?.['acr'], 'phr')
    })
    it('of somebody else at the same browser, whose session ends first', async () => {
      const own = createSoftAuthenticator()
      const { account, browser } = await enrolKey(op, 'next', own)
      let last: AtPage = await enterWith(await op.begin({ prompt: 'login' }, browser), key)
      // oidc-provider signs the first one out by a form that posts itself.
      const action = /action="([^"]+)"/.exec(last.page.body)?.[1] as string
      const xsrf = /name="xsrf" value="([^"]+)"/.exec(last.page.body)?.[1] as string
      last = { ...last, page: await browser.post(action.replaceAll('&amp;', '&'), { xsrf, logout: 'yes' }) }
      const { tokens } = await op.redeem(last)
      assert.equal(tokens.claims()?.sub, anna.account.id)
      assert.notEqual(tokens.claims()?.sub, account.id)
    })
  })

  it('counts for nothing any more once its credential is gone, as a session by an app does', async () => {
    const own = createSoftAuthenticator()
    const { account } = await enrolKey(op, 'removed', own)
    const { browser, tokens } = await op.redeem(await enterWith(await op.begin(), own))
    const app = await op.enrolOther('removed-app')
    for (const id of [account.id, app.account.id]) await op.duepassi.directory.removeCredentials(id)
    for (const [at, refresh] of [
      [browser, tokens.refresh_token],
      [app.browser, app.tokens.refresh_token],
    ] as const) {
      const { page } = await op.begin({ prompt: 'none' }, at)
      assert.equal(codeOf(page), null)
      assert.equal(errorOf(page), 'interaction_required')
      await assert.rejects(op.rp.refresh(refresh as string), { error: 'invalid_grant' })
    }
    // And the passkey itself opens nothing any more.
    const { page } = await enterWith(await op.begin(), own)
    assert.equal(page.status, 401)
    assert.equal(codeOf(page), null)
  })
})

describe('a relying party’s word on passkeys', () => {
  const key = createSoftAuthenticator()
  let op: TestProvider
  before(async () => {
    op = await startProvider({ config: { policy: { groups: { app: { factors: { webauthn: 'forbid' } } } } } })
    await enrolKey(op, 'anna', key)
  })
  after(() => op.close())

  it('forbid: they are not offered, not taken, and sessions by them do not count', async () => {
    const strict = await op.addClient({ client_id: 'strict', second_factors: { webauthn: 'forbid' } })
    const login = await op.begin({}, new Browser(), strict)
    assert.equal(offers(login.page, 'get'), false)
    assert.doesNotMatch(login.page.body, /name="question"|username webauthn/)
    const elsewhere = await op.begin()
    const response = JSON.stringify(
      key.get(optionsOn(elsewhere.page, 'get'), { origin: elsewhere.page.url.origin }),
    )
    for (const question of [questionOn(elsewhere.page), '']) {
      const { page } = await sendPasskey(login, response, question)
      assert.equal(page.status, 401)
      assert.equal(codeOf(page), null)
      assert.equal(offers(page, 'get'), false)
    }
    const { browser } = await op.redeem(await enterWith(await op.begin(), key))
    assert.equal(codeOf((await op.begin({ prompt: 'none' }, browser, strict)).page), null)
    const asked = await op.begin({}, browser, strict)
    assert.equal(codeOf(asked.page), null)
    // Nor is there a question of its interaction to be had, by which it could be asked for all the same.
    assert.equal(codeOf((await sendPasskey(asked, response, questionOn(elsewhere.page))).page), null)
  })
  it('require another way: the passkey is half of it', async () => {
    const both = createSoftAuthenticator()
    const { codes } = await enrolKey(op, 'both', both)
    const { secret } = await addApp(op, 'both', codes[0] as string)
    const careful = await op.addClient({ client_id: 'careful', second_factors: { totp: 'require' } })
    const asked = await enterWith(await op.begin({}, new Browser(), careful), both)
    assert.equal(codeOf(asked.page), null)
    assert.match(asked.page.body, /one-time-code/)
    const last = await op.submit(asked, { intent: 'answer', code: op.nextCode(secret) })
    const { tokens } = await op.redeem(last)
    assert.deepEqual(tokens.claims()?.['amr'], ['pop', 'user', 'otp', 'mfa'])
  })
  it('require a way that the person has not: it is set up after the key', async () => {
    const careful = await op.addClient({ client_id: 'demanding', second_factors: { totp: 'require' } })
    const ways: Array<[string, (own: typeof key, username: string) => Promise<AtPage>, string[]]> = [
      ['alone', async (own) => enterWith(await op.begin({}, new Browser(), careful), own), []],
      [
        'after the password',
        async (own, username) => {
          const begun = await op.begin({}, new Browser(), careful)
          return answerWith(await op.typePassword(begun, { username }), own)
        },
        ['pwd'],
      ],
    ]
    for (const [name, prove, first] of ways) {
      const own = createSoftAuthenticator()
      const username = `without-app-${first.length}`
      await enrolKey(op, username, own)
      const begun = await prove(own, username)
      assert.equal(begun.page.status, 200, name)
      const code = codeNow(secretOn(begun.page), op.clock)
      const last = await op.submit(begun, { intent: 'confirm', code, label: '' })
      const { tokens } = await op.redeem(last)
      assert.deepEqual(tokens.claims()?.['amr'], [...first, 'pop', 'user', 'otp', 'mfa'], name)
    }
  })
  it('of a group that forbids them: it proves nothing of its members', async () => {
    const own = createSoftAuthenticator()
    const { account } = await enrolKey(op, 'member', own)
    await op.duepassi.directory.changeAccount(account.id, { groups: ['app'] })
    const at = await enterWith(await op.begin(), own)
    assert.equal(codeOf(at.page), null)
    assert.equal(at.page.status, 403)
    assert.match(at.page.body, /Passkeys are not accepted here/)
    assert.match(at.page.body, /current-password/)
    const later = await at.browser.get(`${at.page.url.href}/second-factor`)
    assert.equal(codeOf(later), null)
    assert.doesNotMatch(later.body, /otpauth:/)
    await op.duepassi.directory.changeAccount(account.id, { groups: [] })
    assert.ok(codeOf((await enterWith(at, own)).page))
  })
})

describe('a provider without passkey sign-in', () => {
  it('neither offers nor takes one, and the key is a second step', async () => {
    await using op = await startProvider({ config: { webauthn: { passkeys: false } } })
    const key = createSoftAuthenticator()
    await enrolKey(op, 'anna', key)
    const login = await op.begin()
    assert.equal(offers(login.page, 'get'), false)
    assert.doesNotMatch(login.page.body, /username webauthn/)
    const { challenge } = optionsOn((await atKey(op, 'anna')).page, 'get')
    const origin = login.page.url.origin
    const response = JSON.stringify(key.get({ challenge, rpId: '127.0.0.1' }, { origin }))
    for (const question of ['', 'v1.k1.AAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAAAAAAAA']) {
      const { page } = await sendPasskey(login, response, question)
      assert.equal(page.status, 400)
      assert.equal(codeOf(page), null)
      assert.match(page.body, /current-password/)
    }
    await op.redeem(await answerWith(await atKey(op, 'anna'), key))
  })
})
