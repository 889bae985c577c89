import assert from 'node:assert/strict'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { startRelyingParty } from '../../demo/relying-party/relying-party.ts'
import { createBrowser, locationOf, plainText } from './browser.ts'
import { foreignProvider, mfa, type Person, sfa } from './foreign-provider.ts'

describe('the relying party of the demo', () => {
  let providerServer: Server
  let handle: RequestListener
  let issuer: string
  let person: Person
  let party: Awaited<ReturnType<typeof startRelyingParty>>
  const logged: string[] = []

  const press = (browser: ReturnType<typeof createBrowser>, path: string) =>
    browser.go(`${party.url}${path}`, { method: 'POST', headers: { 'sec-fetch-site': 'same-origin' } })

  before(async () => {
    providerServer = createServer((request, response) => handle(request, response))
    await new Promise<void>((resolve) => providerServer.listen(0, 'localhost', resolve))
    issuer = `http://localhost:${(providerServer.address() as AddressInfo).port}`
    party = await startRelyingParty({
      issuer,
      clientId: 'demo',
      clientSecret: 'demo-secret',
      host: 'localhost',
      port: 0,
      consent: true,
      patience: 600,
      providerInboxUrl: `${issuer}/inbox?a=1&b=2`,
      log: (message) => logged.push(message),
    })
    handle = foreignProvider({
      issuer,
      partyUrl: party.url,
      person: () => person,
      log: (message) => logged.push(message),
    })
  })

  after(async () => {
    await party.close()
    await new Promise((resolve) => providerServer.close(resolve).closeAllConnections())
  })

  beforeEach(() => {
    person = { acr: sfa, amr: ['pwd'], name: 'Maria <b>Rossi</b>' }
  })

  const signIn = async (browser = createBrowser()) => {
    const claims = await browser.go(`${party.url}/sign-in`)
    assert.equal(claims.url.pathname, '/claims', plainText(claims.text))
    return { browser, claims }
  }

  it('says what it is, in the language of the browser', async () => {
    const english = await createBrowser().go(party.url)
    assert.equal(english.status, 200)
    assert.match(english.text, /<html lang="en">/)
    assert.match(english.text, /href="\/sign-in">Sign in</)
    assert.match(english.text, /inbox\?a=1&amp;b=2/)
    const italian = await createBrowser('it-IT,it;q=0.9,en;q=0.5').go(party.url)
    assert.match(italian.text, /<html lang="it">/)
    assert.match(italian.text, />Accedi</)
  })

  it('allows no script, no frame and no storing of its pages', async () => {
    const { headers } = await createBrowser().go(party.url)
    const policy = headers.get('content-security-policy') ?? ''
    assert.match(policy, /default-src 'none'/)
    assert.match(policy, /frame-ancestors 'none'/)
    assert.doesNotMatch(policy, /script-src|unsafe/)
    assert.equal(headers.get('cache-control'), 'no-store')
    assert.match(
      (await createBrowser().go(`${party.url}/style.css`)).headers.get('content-type') ?? '',
      /text\/css/,
    )
  })

  it('signs in with PKCE, state and nonce, and explains the verified claims', async () => {
    const browser = createBrowser()
    const begun = await browser.visit(`${party.url}/sign-in`)
    const parameters = locationOf(begun).searchParams
    assert.equal(parameters.get('code_challenge_method'), 'S256')
    for (const name of ['code_challenge', 'state', 'nonce'])
      assert.ok((parameters.get(name) ?? '').length >= 43, name)
    assert.match(
      begun.headers.get('set-cookie') ?? '',
      /^example_relying_party=[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax$/,
    )

    const { claims } = await signIn(browser)
    const text = plainText(claims.text)
    assert.match(text, /sub maria /)
    assert.match(text, /refeds\.org\/profile\/sfa How strong the sign-in was: one factor/)
    assert.match(text, /amr \[&quot;pwd&quot;\] How you proved it: password/)
    assert.match(text, /auth_time \d{10} When you last proved it in person: .*(now|seconds? ago)/)
    assert.match(text, /email maria@example\.org/)
    assert.match(claims.text, /Maria &lt;b&gt;Rossi&lt;\/b&gt;/)
    assert.doesNotMatch(claims.text, /<b>Rossi/)
  })

  it('explains two factors, in Italian', async () => {
    Object.assign(person, { acr: mfa, amr: ['pwd', 'otp', 'mfa'], age: 180 })
    const { claims } = await signIn(createBrowser('it'))
    const text = plainText(claims.text)
    assert.match(text, /due fattori: due tra ciò che sai, ciò che hai e ciò che sei/)
    assert.match(text, /password \+ codice usa e getta \+ più fattori insieme/)
    assert.match(text, /3 minuti fa/)
  })

  it('gives the session a new identifier at sign-in', async () => {
    const browser = createBrowser()
    await browser.visit(`${party.url}/sign-in`)
    const planted = browser.cookies.get('example_relying_party')?.value ?? ''
    await signIn(browser)
    const other = createBrowser()
    other.cookies.set('example_relying_party', { path: '/', value: planted })
    assert.equal((await other.go(`${party.url}/claims`)).url.pathname, '/')
  })

  it('does not finish a sign-in twice, nor one that another browser began', async () => {
    const browser = createBrowser()
    const begun = await browser.visit(`${party.url}/sign-in`)
    let step = await browser.visit(locationOf(begun))
    while (locationOf(step).origin !== party.url) step = await browser.visit(locationOf(step))
    const callback = locationOf(step)

    const stranger = await createBrowser().visit(callback)
    assert.equal(stranger.status, 400)
    assert.match(stranger.text, /This step is over/)

    assert.equal((await browser.go(callback)).url.pathname, '/claims')
    const again = await browser.visit(callback)
    assert.equal(again.status, 400)
    assert.match(again.text, /This step is over/)
    assert.match(again.text, /href="\/claims">Back to your claims/)
    assert.doesNotMatch(again.text, /node_modules|at \w+ \(/)
  })

  it('throws away an answer that was tampered with', async () => {
    const browser = createBrowser()
    const begun = await browser.visit(`${party.url}/sign-in`)
    const state = locationOf(begun).searchParams.get('state') ?? ''
    const forged = await browser.visit(`${party.url}/callback?state=${state}&code=x&iss=http://evil.example`)
    assert.equal(forged.status, 400)
    assert.match(forged.text, /could not be verified/)
    assert.equal((await browser.go(`${party.url}/claims`)).url.pathname, '/')
  })

  it('asks to sign in again, and does not believe an old sign-in', async () => {
    const { browser } = await signIn()
    const begun = await browser.visit(`${party.url}/sign-in-again`)
    assert.match(locationOf(begun).searchParams.get('prompt') ?? '', /\blogin\b/)
    assert.equal((await browser.go(`${party.url}/sign-in-again`)).url.pathname, '/claims')
    person.age = 600
    const old = await browser.go(`${party.url}/sign-in-again`)
    assert.equal(old.status, 400)
    assert.match(old.text, /You were not asked again/)
  })

  it('asks for more, and gets it', async () => {
    const { browser } = await signIn()
    const wanted = JSON.parse(
      locationOf(await browser.visit(`${party.url}/ask-for-more`)).searchParams.get('claims') ?? '',
    )
    assert.deepEqual(wanted.id_token.acr, { essential: true, values: [mfa] })
    Object.assign(person, { acr: mfa, amr: ['pwd', 'otp', 'mfa'] })
    const raised = await browser.go(`${party.url}/ask-for-more`)
    assert.equal(raised.url.pathname, '/claims')
    assert.match(plainText(raised.text), /sign-in was: two factors/)
    // From two factors the next level is a phishing-resistant one.
    const next = JSON.parse(
      locationOf(await browser.visit(`${party.url}/ask-for-more`)).searchParams.get('claims') ?? '',
    )
    assert.ok(next.id_token.acr.values.includes('https://refeds.org/profile/phr'))
  })

  it('does not take less than it asked for, when the demand was removed on the way', async () => {
    const { browser } = await signIn()
    const authorize = locationOf(await browser.visit(`${party.url}/ask-for-more`))
    authorize.searchParams.delete('claims')
    const answer = await browser.go(authorize)
    assert.equal(answer.status, 400)
    assert.match(answer.text, /A stronger sign-in was not possible/)
  })

  for (const [error, words] of [
    ['access_denied', /The sign-in was given up/],
    ['unmet_authentication_requirements', /A stronger sign-in was not possible/],
    ['login_required', /You have to sign in/],
    ['something_new', /Something went wrong/],
  ] as const) {
    it(`says in words what ${error} means, and keeps the session there was`, async () => {
      const { browser } = await signIn()
      person.error = error
      const answer = await browser.go(`${party.url}/sign-in-again`)
      assert.equal(answer.status, 400)
      assert.match(answer.text, words)
      assert.match(answer.text, /href="\/claims"/)
      assert.equal((await browser.go(party.url)).url.pathname, '/claims')
      assert.match((await createBrowser().go(`${party.url}/sign-in`)).text, /href="\/sign-in"/)
    })
  }

  it('refreshes: acr, amr and auth_time stay, and two clicks use the refresh token once', async () => {
    Object.assign(person, { acr: mfa, amr: ['pwd', 'otp'], age: 120 })
    const { browser, claims } = await signIn()
    const authTime = /auth_time (\d+)/.exec(plainText(claims.text))?.[1]
    const refreshed = await Promise.all([press(browser, '/refresh'), press(browser, '/refresh')])
    for (const answer of refreshed) {
      assert.equal(answer.url.pathname, '/claims')
      const text = plainText(answer.text)
      assert.match(text, /Refreshed without you/)
      assert.equal(/auth_time (\d+)/.exec(text)?.[1], authTime)
      assert.match(text, /profile\/mfa/)
    }
  })

  it('ends its session when the provider took the grant back', async () => {
    const { browser } = await signIn()
    person.gone = true
    const answer = await press(browser, '/refresh')
    assert.equal(answer.status, 400)
    assert.match(answer.text, /This sign-in is no longer valid/)
    assert.equal((await browser.go(`${party.url}/claims`)).url.pathname, '/')
  })

  it('signs out here and at the provider, and comes back home', async () => {
    const { browser } = await signIn()
    const confirm = await press(browser, '/sign-out')
    assert.equal(confirm.url.pathname, '/session/end')
    assert.ok(confirm.url.searchParams.get('id_token_hint'))
    assert.equal((await browser.go(`${party.url}/claims`)).url.pathname, '/')
    const xsrf = /name="xsrf" value="([^"]+)"/.exec(confirm.text)?.[1] ?? ''
    const home = await browser.go(`${issuer}/session/end/confirm`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ xsrf, logout: 'yes' }).toString(),
    })
    assert.equal(home.url.origin, party.url)
    assert.equal(home.url.pathname, '/')
    assert.match(home.text, /Sign in/)
  })

  it('lets no other site press its buttons', async () => {
    const { browser } = await signIn()
    for (const headers of [
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
      { origin: 'http://evil.example' },
      {},
    ]) {
      const answer = await browser.go(`${party.url}/sign-out`, { method: 'POST', headers })
      assert.equal(answer.status, 403)
    }
    assert.equal((await browser.go(party.url)).url.pathname, '/claims')
  })

  it('says that the provider does not answer', async () => {
    const silent = await startRelyingParty({
      issuer: 'http://127.0.0.1:1',
      clientId: 'demo',
      clientSecret: 'demo-secret',
      host: '127.0.0.1',
      port: 0,
      patience: 0,
    })
    try {
      const answer = await createBrowser().go(`${silent.url}/sign-in`)
      assert.equal(answer.status, 502)
      assert.match(answer.text, /The provider does not answer/)
    } finally {
      await silent.close()
    }
  })

  it('waits for a provider that is still starting', async () => {
    let asked = 0
    const ready = handle
    handle = (request, response) => {
      if (asked++ < 2) response.writeHead(503).end()
      else ready(request, response)
    }
    const early = await startRelyingParty({
      issuer,
      clientId: 'demo',
      clientSecret: 'demo-secret',
      host: 'localhost',
      port: 0,
      patience: 5000,
    })
    try {
      const begun = await createBrowser().visit(`${early.url}/sign-in`)
      assert.equal(begun.status, 303)
      assert.equal(locationOf(begun).origin, issuer)
      assert.equal(asked, 3)
    } finally {
      handle = ready
      await early.close()
    }
  })

  it('refuses a taken port when it starts', async () => {
    const { port } = new URL(party.url)
    await assert.rejects(
      startRelyingParty({
        issuer,
        clientId: 'demo',
        clientSecret: 'x',
        host: 'localhost',
        port: Number(port),
      }),
      { code: 'EADDRINUSE' },
    )
  })

  it('has a page for an address that leads nowhere', async () => {
    const answer = await createBrowser().go(`${party.url}/admin`)
    assert.equal(answer.status, 404)
    assert.match(answer.text, /There is no such page/)
  })
})
