import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { type Answer, Browser } from '../support/browser.ts'
import { mfa, password } from '../support/provider.ts'
import { codeNow } from '../support/steps.ts'
import { locationOf, refusedWith, seed, seen, sessionCookies, startSecurityPage } from './security-page.ts'

const expired = (answer: Answer) => {
  assert.equal(seen(answer, 'interaction/expired', 400).restartUrl, '/account')
  assert.deepEqual(sessionCookies(answer), [])
}

describe('signing in at the security page', () => {
  it('is an authorization code flow with PKCE, in the language of the page', async () => {
    await using page = await startSecurityPage()
    const answer = await page.once(new Browser('it'))
    assert.equal(answer.status, 303)
    const { origin, pathname, searchParams } = locationOf(answer)
    assert.equal(`${origin}${pathname}`, `${page.op.issuer}/auth`)
    const { state, nonce, code_challenge, ...rest } = Object.fromEntries(searchParams)
    assert.deepEqual(rest, {
      client_id: 'duepassi-account',
      redirect_uri: `${page.base}/callback`,
      response_type: 'code',
      scope: 'openid',
      code_challenge_method: 'S256',
      ui_locales: 'it',
    })
    for (const secret of [state, nonce, code_challenge]) assert.match(secret ?? '', /^[\w-]{43}$/)
    assert.match(
      answer.headers.getSetCookie().join(),
      /^duepassi-account-sign-in=[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax; Max-Age=900$/,
    )
  })

  it('shows who is there, by a session whose cookie tells nothing', async () => {
    await using page = await startSecurityPage()
    const { browser, at } = await page.signedIn()
    const { person, state, base } = seen(at, 'account/home')
    assert.deepEqual(person, { name: 'maria Rossi', username: 'maria', email: 'maria@example.org' })
    assert.equal(state, 'not-set-up')
    assert.equal(base, '/account')
    const session = await page.sessionOf(browser)
    assert.equal(session?.sub, page.op.maria.id)
    assert.deepEqual(session?.amr, ['pwd'])
    const everything = page.logged.join() + page.op.logged.join()
    for (const secret of [session?.accessToken, session?.idToken, page.cookieOf(browser)])
      assert.ok(secret && !everything.includes(secret))
  })

  it('leads on to the page that was wanted', async () => {
    await using page = await startSecurityPage()
    const key = await page.addCredential()
    const { at } = await page.signedIn(`/rename?id=${key.id}&next=https://evil.example`)
    assert.equal(at.url.href, `${page.base}/rename?id=${key.id}`)
    assert.equal(seen(at, 'account/rename').method.id, key.id)
  })

  it('leads nowhere else, whatever the address says', async () => {
    await using page = await startSecurityPage()
    const browser = new Browser()
    await page.signedIn('', browser)
    for (const path of [
      '?returnTo=https://evil.example',
      '?done=removed',
      '/codes?place=//evil.example',
      '/remove?id=https://evil.example',
      '/rename?id=//evil.example',
      '/add?factor=//evil.example',
    ]) {
      const other = browser.copy()
      const callback = await page.toCallback(other, `${page.base}${path}`).catch(() => undefined)
      const { origin, pathname } = callback ? locationOf(await other.once(callback)) : new URL(page.base)
      assert.equal(origin, page.op.issuer)
      assert.match(pathname, /^\/account(\/\w+)?$/)
    }
    assert.equal(seen(await page.get(browser, '?done=removed'), 'account/home').done, undefined)
  })

  it('needs the state of this browser, once', async () => {
    await using page = await startSecurityPage()
    const browser = new Browser()
    const callback = await page.toCallback(browser, page.base)
    const other = new Browser()
    await page.once(other)
    expired(await other.once(callback))
    expired(await new Browser().once(callback))
    for (const state of ['x'.repeat(43), '', '../x', randomUUID()]) {
      const foreign = new URL(callback)
      foreign.searchParams.set('state', state)
      expired(await browser.once(foreign))
    }
    // None of that has ended the sign-in itself.
    const answer = await browser.once(callback)
    assert.equal(locationOf(answer).href, page.base)
    assert.equal(sessionCookies(answer).length, 1)
    // The same again: who is signed in stays so, and anybody else gets nothing.
    const again = await browser.once(callback)
    assert.equal(locationOf(again).href, page.base)
    assert.deepEqual(sessionCookies(again), [])
    expired(await new Browser().once(callback))
  })

  it('works in two tabs at once', async () => {
    await using page = await startSecurityPage()
    const browser = new Browser()
    const first = await page.toCallback(browser, page.base)
    const second = await page.toCallback(browser, `${page.base}/codes`)
    assert.equal(locationOf(await browser.once(first)).href, page.base)
    assert.equal(locationOf(await browser.once(second)).href, `${page.base}/codes`)
  })

  it('is over after 15 minutes', async () => {
    await using page = await startSecurityPage()
    const browser = new Browser()
    const callback = await page.toCallback(browser, page.base)
    page.op.clock.advance(901)
    expired(await browser.once(callback))
  })

  for (const [what, change] of [
    ['another issuer', (url: URL) => url.searchParams.set('iss', 'https://evil.example')],
    ['no issuer', (url: URL) => url.searchParams.delete('iss')],
    ['no code', (url: URL) => url.searchParams.delete('code')],
    ['two states', (url: URL) => url.searchParams.append('state', 'x')],
  ] as const)
    it(`refuses an answer with ${what}`, async () => {
      await using page = await startSecurityPage()
      const browser = new Browser()
      const callback = await page.toCallback(browser, page.base)
      change(callback)
      refusedWith(await browser.once(callback), 'answer_not_valid')
      assert.equal(await page.sessionOf(browser), undefined)
    })

  for (const [what, code, change] of [
    ['nonce', 'answer_not_valid', (url: URL) => url.searchParams.set('nonce', 'another')],
    ['code challenge', 'invalid_grant', (url: URL) => url.searchParams.set('code_challenge', 'a'.repeat(43))],
  ] as const)
    it(`refuses an answer to a request whose ${what} was changed on the way`, async () => {
      await using page = await startSecurityPage()
      const browser = new Browser()
      const request = locationOf(await page.once(browser))
      change(request)
      refusedWith(await browser.once(await page.toCallback(browser, request)), code)
    })

  it('refuses an ID token that somebody else signed', async () => {
    let forge = false
    await using page = await startSecurityPage({
      intercept(req, res) {
        if (!forge || req.url !== '/token') return false
        const end = res.end.bind(res)
        // One letter of the signature.
        const forged = (body: string) =>
          body.replace(
            /("id_token":"[^."]+\.[^."]+\.)(.)/,
            (_all, head, first) => head + (first === 'A' ? 'B' : 'A'),
          )
        Object.assign(res, { end: (body: Buffer | string) => end(forged(String(body))) })
        return false
      },
    })
    const browser = new Browser()
    const callback = await page.toCallback(browser, page.base)
    forge = true
    refusedWith(await browser.once(callback), 'answer_not_valid')
    forge = false
    seen(await page.get(browser), 'account/home')
  })

  it('says so when the provider refuses, and does not begin again by itself', async () => {
    await using page = await startSecurityPage({ config: { policy: { secondFactor: 'required' } } })
    const browser = new Browser()
    const login = await page.get(browser)
    const second = await browser.post(login.url, { intent: 'sign-in', username: 'maria', password })
    const refused = await browser.post(second.url, { intent: 'give-up' })
    refusedWith(refused, 'access_denied')
    assert.equal(refused.url.searchParams.get('error'), 'access_denied')
  })

  it('repeats no text of the address', async () => {
    await using page = await startSecurityPage()
    const browser = new Browser()
    const state = locationOf(await page.once(browser)).searchParams.get('state') ?? ''
    const iss = page.op.issuer
    const query = new URLSearchParams({
      error: 'Call 555-1234 <now>',
      error_description: 'do it',
      state,
      iss,
    })
    const answer = await page.once(browser, `/callback?${query}`)
    refusedWith(answer, 'invalid_request')
    assert.doesNotMatch(answer.body, /555|do it/)
  })

  it('gives 50 parallel callbacks one session', async () => {
    let begun = 0
    await using page = await startSecurityPage({
      wrapStore: (store) => ({
        ...store,
        put(key, ...rest) {
          if (key.startsWith('ac:')) begun++
          return store.put(key, ...rest)
        },
      }),
    })
    const browser = new Browser()
    const callback = await page.toCallback(browser, page.base)
    const copies = Array.from({ length: 50 }, () => browser.copy())
    const answers = await Promise.all(copies.map((copy) => copy.once(callback)))
    assert.equal(begun, 1)
    assert.equal(answers.flatMap(sessionCookies).length, 1)
    const others = answers.filter((answer) => sessionCookies(answer).length === 0)
    for (const answer of others) expired(answer)
  })

  it('gives each sign-in a new session, and ends the one before', async () => {
    await using page = await startSecurityPage()
    const { browser } = await page.signedIn()
    const before = page.cookieOf(browser)
    const old = browser.copy()
    // Too old to add anything: the person signs in once more.
    page.op.clock.advance(301)
    const at = await page.finishLogin(browser, await page.get(browser, '/add?factor=totp'))
    assert.equal(seen(at, 'interaction/enrol').factor.name, 'totp')
    assert.notEqual(page.cookieOf(browser), before)
    assert.equal(await page.sessions.find(before), undefined)
    assert.equal((await page.once(old)).status, 303)
  })
})

describe('a new proof', () => {
  const demanded = async (
    page: Awaited<ReturnType<typeof startSecurityPage>>,
    browser: Browser,
    path: string,
  ) => {
    const answer = await page.once(browser, path)
    assert.equal(answer.status, 303)
    return locationOf(answer)
  }

  it('is asked for by max_age, and by acr where the account has a factor', async () => {
    await using page = await startSecurityPage()
    const { browser } = await page.signedIn()
    page.op.clock.advance(301)
    const first = (await demanded(page, browser, '/add')).searchParams
    assert.equal(first.get('max_age'), '60')
    assert.equal(first.get('claims'), null)
    const { id } = await page.addCredential()
    const { searchParams } = await demanded(page, browser, `/remove?id=${id}`)
    assert.equal(searchParams.get('max_age'), '60')
    assert.deepEqual(JSON.parse(searchParams.get('claims') ?? ''), {
      id_token: { acr: { essential: true, values: [mfa] } },
    })
  })

  it('counts only if it is new, whatever became of the request on its way', async () => {
    await using page = await startSecurityPage()
    const { browser, credential } = await page.withFactor()
    page.op.clock.advance(301)
    const request = await demanded(page, browser, `/remove?id=${credential.id}`)
    request.searchParams.delete('max_age')
    refusedWith(await browser.once(await page.toCallback(browser, request)), 'answer_not_valid')
  })

  it('counts only with two factors, whatever became of the request on its way', async () => {
    await using page = await startSecurityPage({ config: { policy: { secondFactor: 'off' } } })
    const { browser } = await page.signedIn()
    const { id } = await page.addCredential()
    const request = await demanded(page, browser, `/remove?id=${id}`)
    request.searchParams.delete('claims')
    refusedWith(
      await browser.once(await page.toCallback(browser, request)),
      'unmet_authentication_requirements',
    )
    const unchanged = await demanded(page, browser, `/remove?id=${id}`)
    const at = await browser.once(await page.toCallback(browser, unchanged))
    assert.equal(locationOf(at).href, `${page.base}/remove?id=${id}`)
    assert.equal((await page.sessionOf(browser))?.acr, mfa)
  })

  it('may take its time after the password', async () => {
    await using page = await startSecurityPage()
    const { browser, credential } = await page.withFactor()
    page.op.clock.advance(301)
    const login = await page.get(browser, `/remove?id=${credential.id}`)
    const second = await browser.post(login.url, { intent: 'sign-in', username: 'maria', password })
    page.op.clock.advance(200)
    assert.match(second.url.pathname, /second-factor$/)
    const at = await browser.post(second.url, { intent: 'answer', code: codeNow(seed, page.op.clock) })
    assert.equal(seen(at, 'account/remove').method.id, credential.id)
  })
})
