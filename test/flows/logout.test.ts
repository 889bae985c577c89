import assert from 'node:assert/strict'
import * as oidc from 'openid-client'
import { Browser } from '../support/browser.ts'
import { type Enrolled, startProvider, type TestProvider } from '../support/provider.ts'
import { codeOf, errorOf, type RelyingParty, redirectUri } from '../support/relying-party.ts'
import { confirmLogout, logoutForm } from '../support/signing-out.ts'

const home = 'http://rp.invalid/'
const otherHome = 'https://other.example/bye'

/** OpenID Connect RP-Initiated Logout 1.0, with a relying party by openid-client. */
describe('RP-initiated logout', () => {
  let op: TestProvider
  let maria: Enrolled
  let other: RelyingParty
  let browser: Browser
  let idToken: string

  before(async () => {
    op = await startProvider()
    other = await op.addClient({
      client_id: 'other',
      redirect_uris: [redirectUri],
      post_logout_redirect_uris: [otherHome],
    })
    maria = await op.enrol()
  })
  after(() => op.close())
  beforeEach(async () => {
    browser = new Browser()
    const { tokens } = await op.signIn(maria.secret, {}, browser)
    idToken = tokens.id_token as string
  })

  const request = (parameters: Record<string, string>, rp = op.rp): URL =>
    oidc.buildEndSessionUrl(rp.config, parameters)
  /** Asks with exactly these parameters, without the client_id that openid-client adds. */
  const bare = (parameters: Record<string, string>): URL => {
    const url = request({})
    url.search = String(new URLSearchParams(parameters))
    return url
  }
  const silently = async (rp = op.rp) => (await op.begin({ prompt: 'none' }, browser, rp)).page
  const isOver = async () => errorOf(await silently()) === 'login_required'

  it('is announced', () => {
    const { end_session_endpoint, backchannel_logout_supported, backchannel_logout_session_supported } =
      op.rp.config.serverMetadata()
    assert.equal(end_session_endpoint, `${op.issuer}/session/end`)
    assert.ok(backchannel_logout_supported && backchannel_logout_session_supported)
  })

  for (const [what, parameters] of [
    ['an ID token', () => bare({ id_token_hint: idToken })],
    ['an ID token and the client_id', () => request({ id_token_hint: idToken })],
    ['the client_id alone', () => request({})],
  ] as const)
    it(`asks, and comes back with the state: by ${what}`, async () => {
      const url = parameters()
      url.searchParams.set('post_logout_redirect_uri', home)
      url.searchParams.set('state', 'a state & more')
      const asking = await browser.get(url)
      assert.match(asking.body, /Sign out\?/)
      assert.equal(await isOver(), false, 'not before the person says so')
      const back = await confirmLogout(browser, await browser.get(url), true)
      assert.equal(back.url.origin + back.url.pathname, home)
      assert.equal(back.url.searchParams.get('state'), 'a state & more')
      assert.ok(await isOver())
    })

  it('is asked for by a form as well', async () => {
    const { origin, pathname, searchParams } = request({
      id_token_hint: idToken,
      post_logout_redirect_uri: home,
      state: 'posted',
    })
    const asking = await browser.post(`${origin}${pathname}`, Object.fromEntries(searchParams), {
      // It comes from the relying party's page.
      'sec-fetch-site': 'cross-site',
      origin: 'http://rp.invalid',
    })
    assert.equal((await confirmLogout(browser, asking, true)).url.href, 'http://rp.invalid/?state=posted')
    assert.ok(await isOver())
  })

  it('refuses a form that is none, that is too large, or that says a thing twice', async () => {
    const to = `${op.issuer}/session/end`
    const send = (body: string, type = 'application/x-www-form-urlencoded') =>
      browser.once(to, { method: 'POST', headers: { 'content-type': type, accept: 'text/html' }, body })
    assert.equal((await send('{}', 'application/json')).status, 400)
    assert.equal((await send(`state=${'x'.repeat(60_000)}`)).status, 400)
    const twice = await send(`client_id=rp&state=a&state=b&evil=1`)
    assert.equal(twice.status, 303)
    assert.equal(twice.headers.get('location'), `${to}?client_id=rp&state=a&state=b`)
    assert.equal((await browser.get(`${to}?client_id=rp&state=a&state=b`)).status, 400)
  })

  it('takes an ID token that has expired', async () => {
    op.clock.advance(2 * 3600)
    const { tokens } = await op.signIn(maria.secret, {}, browser)
    assert.ok(tokens.id_token)
    const url = request({ id_token_hint: idToken, post_logout_redirect_uri: home })
    const { exp = 0 } = JSON.parse(Buffer.from(idToken.split('.')[1] ?? '', 'base64url').toString())
    assert.ok(exp * 1000 < op.clock.now())
    assert.equal((await confirmLogout(browser, await browser.get(url), true)).url.href, home)
  })

  it('ends the tokens of the session', async () => {
    const { tokens } = await op.redeem(await op.begin({}, browser))
    await confirmLogout(browser, await browser.get(request({ id_token_hint: idToken })), true)
    assert.equal((await op.rp.introspect(tokens.access_token)).active, false)
  })

  it('keeps the person signed in elsewhere where they choose to stay', async () => {
    await op.redeem(await op.begin({}, browser, other))
    const url = request({ id_token_hint: idToken, post_logout_redirect_uri: home, state: 'x' })
    const back = await confirmLogout(browser, await browser.get(url), false)
    assert.equal(back.url.href, 'http://rp.invalid/?state=x')
    assert.ok(codeOf(await silently(other)))
    assert.ok(codeOf(await silently()), 'our own session goes on')
    const asking = await browser.get(bare({}))
    const done = await confirmLogout(browser, asking, false)
    assert.match(done.body, /You are signed out/)
    assert.ok(codeOf(await silently()))
  })

  it('asks whoever comes without a hint, and sends nobody away unknown', async () => {
    const asking = await browser.get(bare({ post_logout_redirect_uri: home, state: 'x' }))
    assert.match(asking.body, /Sign out\?/)
    const done = await confirmLogout(browser, asking, true)
    assert.equal(done.url.origin, op.issuer)
    assert.match(done.body, /You are signed out/)
    assert.ok(await isOver())
  })

  it('says that it is done where nobody was signed in', async () => {
    const stranger = new Browser()
    const page = await stranger.get(request({ id_token_hint: idToken, post_logout_redirect_uri: home }))
    const xsrf = /name="xsrf" value="([^"]+)"/.exec(page.body)?.[1] ?? ''
    const back = await stranger.post(`${op.issuer}/session/end/confirm`, { xsrf, logout: 'yes' })
    assert.equal(back.url.href, home)
    assert.equal(await isOver(), false, 'whose session it was not')
  })

  it('ends the session of this browser alone, whoever the hint is of', async () => {
    const anna = await op.enrolOther(`anna-${op.clock.now()}`)
    const url = request({
      id_token_hint: anna.tokens.id_token as string,
      post_logout_redirect_uri: home,
    })
    const asking = await browser.get(url)
    assert.match(asking.body, /Sign out\?/)
    assert.equal((await confirmLogout(browser, asking, true)).url.href, home)
    assert.ok(await isOver())
    assert.ok(codeOf((await op.begin({ prompt: 'none' }, anna.browser)).page), 'hers goes on')
  })

  for (const [what, given] of [
    ['an address that is not registered', { post_logout_redirect_uri: 'https://evil.example/' }],
    ['an address that begins like one', { post_logout_redirect_uri: `${home}more` }],
    ['the address of another client', { post_logout_redirect_uri: otherHome }],
    ['a script', { post_logout_redirect_uri: 'javascript:alert(1)' }],
    ['another client’s id than the hint’s', { client_id: 'other' }],
    ['an unknown client', { client_id: 'nobody' }],
    ['a hint that is no token', { id_token_hint: 'x.y.z' }],
    ['a hint that is forged', { id_token_hint: 'forged' }],
  ] as const)
    it(`refuses ${what}, and leads nowhere`, async () => {
      const [header = '', payload = ''] = idToken.split('.')
      const forged = `${header}.${payload}.${Buffer.alloc(64, 1).toString('base64url')}`
      const all = { id_token_hint: idToken, post_logout_redirect_uri: home, ...given }
      const page = await browser.get(
        bare({ ...all, ...(all.id_token_hint === 'forged' && { id_token_hint: forged }) }),
        { accept: 'text/html' },
      )
      assert.equal(page.status, 400)
      assert.match(page.headers.get('content-type') ?? '', /^text\/html/)
      assert.equal(page.url.origin, op.issuer)
      assert.doesNotMatch(page.body, /evil\.example|javascript:alert|http-equiv="refresh"/)
      assert.equal(await isOver(), false)
    })

  it('refuses a form that nobody was shown', async () => {
    const asking = await browser.get(request({ id_token_hint: idToken }))
    const { action } = logoutForm(asking)
    for (const xsrf of ['', 'guessed'])
      assert.equal((await browser.post(action, { xsrf, logout: 'yes' })).status, 400)
    const { xsrf } = logoutForm(await new Browser().get(request({})).then(() => browser.get(request({}))))
    const stranger = new Browser()
    assert.equal((await stranger.post(action, { xsrf, logout: 'yes' })).status, 400)
    assert.equal(await isOver(), false)
  })
})
