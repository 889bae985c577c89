import assert from 'node:assert/strict'
import * as oidc from 'openid-client'
import type { Answer } from '../support/browser.ts'
import { answerIn, callback, type Profile, startProfile } from './profile.ts'

const isOurErrorPage = ({ status, headers, body }: Answer) => {
  assert.equal(status, 400)
  assert.equal(headers.get('location'), null)
  assert.match(headers.get('content-type') ?? '', /^text\/html/)
  assert.match(body, /<h1>This did not work<\/h1>/)
}

describe('an authorization request', function () {
  this.timeout(60_000)
  let at: Profile
  before(async () => {
    at = await startProfile()
  })
  after(() => at.close())

  const client = () => at.op.clients.client
  const parametersOf = (more: Record<string, string> = {}) => ({
    client_id: client().client_id,
    redirect_uri: callback,
    response_type: 'code',
    scope: 'openid',
    state: 'the state',
    ...more,
  })

  for (const [what, parameters] of [
    ['nobody registered', { redirect_uri: 'https://evil.example/callback' }],
    ['is not there', { redirect_uri: undefined }],
    ['has a path below the registered one', { redirect_uri: `${callback}/below` }],
    ['has a query that nobody registered', { redirect_uri: `${callback}?foo=bar` }],
    ['has another query than the registered one', { redirect_uri: `${callback}?dummy1=lorem&dummy2=other` }],
    ['is a script', { redirect_uri: 'javascript:alert(1)' }],
    ['belongs to nobody', { client_id: 'nobody' }],
  ] as const)
    it(`whose redirect URI ${what} ends on our page, and never in a redirect`, async () => {
      for (const prompt of [undefined, 'none']) {
        const { end } = await at.authorize(client(), { ...parameters, prompt })
        isOurErrorPage(end)
      }
    })

  it('may have a query in its redirect URI that was registered', async () => {
    const { end } = await at.authorize(client(), { redirect_uri: `${callback}?dummy1=lorem&dummy2=ipsum` })
    assert.equal(end.url.searchParams.get('dummy1'), 'lorem')
    assert.ok(end.url.searchParams.get('code'))
  })

  for (const parameters of [
    { extra: 'foobar' },
    { display: 'page' },
    { display: 'popup' },
    { display: 'touch' },
    { display: 'wap' },
    { ui_locales: 'se' },
    { claims_locales: 'se' },
    { acr_values: '1 2' },
    { scope: 'openid unknown' },
    { scope: 'profile openid' },
  ])
    it(`is answered with ${JSON.stringify(parameters)}`, async () => {
      const { end, met } = await at.authorize(client(), parameters)
      assert.deepEqual(met, ['password', 'second factor'])
      assert.ok(answerIn('query', end)['code'])
    })

  it('is read in the language of the browser where nobody speaks that of ui_locales', async () => {
    for (const [language, locales, title] of [
      ['it', 'se', 'Accedi'],
      ['en', 'se', 'Sign in'],
      ['en', 'se it', 'Accedi'],
    ] as const) {
      const { pages } = await at.authorize(client(), { ui_locales: locales }, at.browser(language))
      assert.match(pages[0]?.body ?? '', new RegExp(`<h1>${title}</h1>`))
    }
  })

  it('may come by POST, from the page of another site, with the session or without', async () => {
    const browser = at.browser()
    const foreign = { 'sec-fetch-site': 'cross-site', origin: 'https://rp.example' }
    const first = await browser.post(`${at.issuer}/auth`, parametersOf(), foreign)
    const walk = await at.walk(browser, first)
    assert.deepEqual(walk.met, ['password', 'second factor'])
    assert.ok(answerIn('query', walk.end)['code'])
    const again = await browser.post(`${at.issuer}/auth`, parametersOf({ prompt: 'none' }), foreign)
    assert.ok(answerIn('query', again)['code'])
    isOurErrorPage(
      await browser.post(
        `${at.issuer}/auth`,
        parametersOf({ redirect_uri: 'https://evil.example/' }),
        foreign,
      ),
    )
  })

  it('opens nothing else to other sites: each form of ours is refused from theirs', async () => {
    const browser = at.browser()
    const foreign = { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }
    const [maria] = at.op.people
    const login = await browser.post(`${at.issuer}/auth`, parametersOf(), foreign)
    const typed = { intent: 'sign-in', username: 'maria', password: maria.password }
    assert.equal((await browser.post(login.url, typed, foreign)).status, 403)
    const second = await browser.post(login.url, typed)
    const code = /<input id="code" value="(\d{6})"/.exec(second.body)?.[1] ?? ''
    const answer = { intent: 'answer', code }
    assert.equal((await browser.post(second.url, answer, foreign)).status, 403)
    assert.ok(answerIn('query', await browser.post(second.url, answer))['code'])
    const asked = await browser.post(`${at.issuer}/auth`, parametersOf({ prompt: 'consent' }), foreign)
    assert.match(asked.body, /value="allow"/)
    assert.equal((await browser.post(asked.url, { intent: 'allow' }, foreign)).status, 403)
    for (const path of ['/account/sign-out', '/account/end', '/account/forget'])
      assert.ok([403, 404].includes((await browser.post(`${at.issuer}${path}`, {}, foreign)).status), path)
    const logout = await browser.post(`${at.issuer}/session/end`, {}, foreign)
    assert.match(logout.body, /Sign out\?/)
    for (const fields of [{ logout: 'yes' }, { logout: 'yes', xsrf: 'guessed' }])
      assert.equal((await browser.post(`${at.issuer}/session/end/confirm`, fields, foreign)).status, 400)
    const device = await browser.post(
      `${at.issuer}/device`,
      { user_code: 'BBBB-BBBB', confirm: 'yes' },
      foreign,
    )
    assert.equal(device.status, 400)
    for (const { headers } of [login, second, asked, logout, device])
      assert.match(headers.get('content-security-policy') ?? '', /frame-ancestors 'none'/)
    const still = await browser.post(`${at.issuer}/auth`, parametersOf({ prompt: 'none' }), foreign)
    assert.ok(answerIn('query', still)['code'])
  })

  it('comes with a session cookie that other sites may send, over https only', async () => {
    const browser = at.browser()
    const first = await browser.get(`${at.issuer}/auth?${new URLSearchParams(parametersOf())}`)
    let page = await browser.post(first.url, {
      intent: 'sign-in',
      username: 'maria',
      password: at.op.people[0].password,
    })
    const code = /<input id="code" value="(\d{6})"/.exec(page.body)?.[1] ?? ''
    page = await browser.once(page.url, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', 'sec-fetch-site': 'same-origin' },
      body: new URLSearchParams({ intent: 'answer', code }),
    })
    const resumed = await browser.once(new URL(page.headers.get('location') ?? '', at.issuer))
    const session = resumed.headers.getSetCookie().find((cookie) => cookie.startsWith('__Host-duepassi='))
    assert.match(session ?? '', /; path=\/; .*samesite=none; secure; httponly/i)
  })

  it('is held to a code challenge that it sends, though it need not', async () => {
    const config = await at.discover(client())
    const verifier = oidc.randomPKCECodeVerifier()
    const challenge = await oidc.calculatePKCECodeChallenge(verifier)
    const challenged = { code_challenge: challenge, code_challenge_method: 'S256' }
    const { end } = await at.authorize(client(), challenged)
    const checks = { expectedState: 'the state', expectedNonce: 'the nonce' }
    const tokens = await oidc.authorizationCodeGrant(config, end.url, {
      ...checks,
      pkceCodeVerifier: verifier,
    })
    assert.ok(tokens.claims())
    const other = await at.authorize(client(), challenged)
    await assert.rejects(oidc.authorizationCodeGrant(config, other.end.url, checks), {
      error: 'invalid_grant',
    })
  })

  it('says in an error what it cannot have: request objects by reference, and unsigned ones', async () => {
    const byReference = await at.authorize(client(), { request_uri: 'https://rp.example/request.jwt' })
    assert.equal(answerIn('query', byReference.end)['error'], 'request_uri_not_supported')
    const unsigned = [{ alg: 'none' }, parametersOf()]
      .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
      .concat('')
      .join('.')
    const byValue = await at.authorize(client(), { request: unsigned })
    assert.match(
      String(answerIn('query', byValue.end)['error']),
      /^(invalid_request_object|request_not_supported)$/,
    )
  })
})
