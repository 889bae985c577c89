import assert from 'node:assert/strict'
import * as oidc from 'openid-client'
import { Browser } from '../support/browser.ts'
import { type Enrolled, mfa, startProvider, type TestProvider } from '../support/provider.ts'
import { codeOf, errorOf, redirectUri } from '../support/relying-party.ts'

describe('tokens and their endpoints', () => {
  let op: TestProvider
  let maria: Enrolled
  before(async () => {
    op = await startProvider()
    maria = await op.enrol()
  })
  after(() => op.close())

  it('keep acr, amr and auth_time over a refresh', async () => {
    const { tokens } = await op.signIn(maria.secret)
    op.clock.advance(100)
    const refreshed = await op.rp.refresh(tokens.refresh_token as string)
    for (const claim of ['acr', 'amr', 'auth_time', 'sub'])
      assert.deepEqual(refreshed.claims()?.[claim], tokens.claims()?.[claim], claim)
    for (const token of [tokens.access_token, refreshed.access_token]) {
      const seen = await op.rp.introspect(token)
      assert.equal(seen.active, true)
      assert.equal(seen['acr'], mfa)
      assert.deepEqual(seen['amr'], ['pwd', 'otp', 'mfa'])
      assert.equal(seen['auth_time'], tokens.claims()?.auth_time)
    }
  })
  it('say at userinfo who it is', async () => {
    const { tokens } = await op.signIn(maria.secret)
    const info = await op.rp.userinfo(tokens.access_token, op.maria.id)
    assert.equal(info.sub, op.maria.id)
    assert.equal(info.email, 'maria@example.org')
    assert.equal(info.preferred_username, 'maria')
  })
  it('end when they are revoked', async () => {
    const { tokens } = await op.signIn(maria.secret)
    await oidc.tokenRevocation(op.rp.config, tokens.refresh_token as string)
    await assert.rejects(op.rp.refresh(tokens.refresh_token as string), { error: 'invalid_grant' })
  })
  it('of a code that comes twice end altogether', async () => {
    const at = await op.signIn(maria.secret)
    await assert.rejects(at.request.finish(at.page.url), { error: 'invalid_grant' })
    assert.equal((await op.rp.introspect(at.tokens.access_token)).active, false)
    await assert.rejects(op.rp.refresh(at.tokens.refresh_token as string), { error: 'invalid_grant' })
  })
  it('come from a pushed request as well', async () => {
    const codeVerifier = oidc.randomPKCECodeVerifier()
    const url = await oidc.buildAuthorizationUrlWithPAR(op.rp.config, {
      redirect_uri: redirectUri,
      scope: 'openid',
      state: 'the state',
      code_challenge: await oidc.calculatePKCECodeChallenge(codeVerifier),
      code_challenge_method: 'S256',
    })
    const browser = new Browser()
    const code = op.nextCode(maria.secret)
    let page = await browser.get(url)
    page = await browser.post(page.url, {
      intent: 'sign-in',
      username: 'maria',
      password: 'due passi avanti',
    })
    assert.equal(codeOf(page), null)
    page = await browser.post(page.url, { intent: 'answer', code })
    const tokens = await oidc.authorizationCodeGrant(op.rp.config, page.url, {
      pkceCodeVerifier: codeVerifier,
      expectedState: 'the state',
    })
    assert.equal(tokens.claims()?.['acr'], mfa)
  })
  it('are not to be had without PKCE, nor by another response type', async () => {
    const { url } = await op.rp.begin()
    url.searchParams.delete('code_challenge')
    url.searchParams.delete('code_challenge_method')
    assert.equal(errorOf(await maria.browser.get(url)), 'invalid_request')
    for (const type of ['id_token', 'code id_token', 'token', 'none']) {
      const { page } = await op.begin({ response_type: type }, maria.browser)
      assert.doesNotMatch(page.url.href, /[#?&](code|id_token|access_token)=/, type)
    }
  })
  it('of an account that is disabled end at once, and its session asks for the password', async () => {
    const anna = await op.enrolOther('anna')
    const pending = await op.begin({}, anna.browser)
    await op.duepassi.directory.changeAccount(anna.account.id, { disabledAt: op.clock.now() })
    await assert.rejects(op.rp.refresh(anna.tokens.refresh_token as string), { error: 'invalid_grant' })
    await assert.rejects(pending.request.finish(pending.page.url), { error: 'invalid_grant' })
    assert.match((await op.begin({}, anna.browser)).page.body, /current-password/)
    assert.equal(errorOf((await op.begin({ prompt: 'none' }, anna.browser)).page), 'login_required')
  })
})

describe('signing out', () => {
  it('asks, ends the session, and goes back to the relying party', async () => {
    await using op = await startProvider()
    const { browser, tokens } = await op.enrol()
    const url = oidc.buildEndSessionUrl(op.rp.config, {
      post_logout_redirect_uri: 'http://rp.invalid/',
      state: 'bye',
      id_token_hint: tokens.id_token as string,
    })
    const asking = await browser.get(url)
    assert.equal(asking.status, 200)
    assert.match(asking.body, /Sign out\?/)
    const action = /action="([^"]+)"/.exec(asking.body)?.[1] as string
    const xsrf = /name="xsrf" value="([^"]+)"/.exec(asking.body)?.[1] as string
    const wrong = await browser.post(action, { xsrf: 'guessed', logout: 'yes' })
    assert.equal(wrong.status, 400)
    assert.ok(codeOf((await op.begin({ prompt: 'none' }, browser)).page), 'the session lives on')
    const again = await browser.get(url)
    const gone = await browser.post(action, {
      xsrf: /name="xsrf" value="([^"]+)"/.exec(again.body)?.[1] ?? xsrf,
      logout: 'yes',
    })
    assert.equal(gone.url.href, 'http://rp.invalid/?state=bye')
    assert.equal(errorOf((await op.begin({ prompt: 'none' }, browser)).page), 'login_required')
  })
  it('says that it is done where nobody waits', async () => {
    await using op = await startProvider()
    const { browser } = await op.enrol()
    const asking = await browser.get(oidc.buildEndSessionUrl(op.rp.config))
    const action = /action="([^"]+)"/.exec(asking.body)?.[1] as string
    const xsrf = /name="xsrf" value="([^"]+)"/.exec(asking.body)?.[1] as string
    const done = await browser.post(action, { xsrf, logout: 'yes' })
    assert.equal(done.status, 200)
    assert.match(done.body, /You are signed out/)
  })
})

describe('consent', () => {
  it('is asked of the person where the relying party is not the organisation’s own', async () => {
    await using op = await startProvider()
    const foreign = await op.addClient({
      client_id: 'foreign',
      require_consent: true,
      client_name: 'Some shop',
    })
    const { browser, secret } = await op.enrol()
    const asked = await op.begin({ prompt: 'consent' }, browser, foreign)
    assert.match(asked.page.body, /Allow Some shop\?/)
    assert.match(asked.page.body, /see your email address/)
    assert.equal(codeOf(asked.page), null)

    const denied = await op.submit(asked, { intent: 'deny' })
    assert.equal(errorOf(denied.page), 'access_denied')
    assert.equal(errorOf((await op.begin({ prompt: 'none' }, browser, foreign)).page), 'consent_required')

    const allowed = await op.redeem(
      await op.submit(await op.begin({ prompt: 'consent' }, browser, foreign), { intent: 'allow' }),
    )
    assert.equal(allowed.tokens.claims()?.['acr'], mfa)
    assert.ok(codeOf((await op.begin({}, browser, foreign)).page), 'not asked twice')

    // In one go with a first sign-in: password, code, consent.
    const code = op.nextCode(secret)
    const second = await op.atSecondStep({}, new Browser(), foreign)
    const third = await op.submit(second, { intent: 'answer', code })
    assert.match(third.page.body, /Allow Some shop\?/)
    assert.equal(codeOf(third.page), null)
    assert.ok(codeOf((await op.submit(third, { intent: 'allow' })).page))
  })
  it('is no way around the second factor', async () => {
    await using op = await startProvider({ config: { policy: { secondFactor: 'off' } } })
    const foreign = await op.addClient({ client_id: 'foreign', require_consent: true })
    const asked = await op.atSecondStep({}, new Browser(), foreign)
    assert.match(asked.page.body, /Allow/)
    // Between the page and the answer the relying party begins to demand a second factor.
    await op.duepassi.directory.removeClient('foreign')
    await op.addClient({ client_id: 'foreign', require_consent: true, require_second_factor: true })
    // A node takes what it knew of a relying party for a moment longer.
    op.clock.advance(5)
    const { page } = await op.submit(asked, { intent: 'allow' })
    assert.equal(codeOf(page), null)
    assert.match(page.url.pathname, /second-factor$/)
  })
})
