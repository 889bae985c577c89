import assert from 'node:assert/strict'
import { type Answer, Browser } from '../support/browser.ts'
import {
  type AtPage,
  type Enrolled,
  restartUrlOn,
  startProvider,
  type TestProvider,
} from '../support/provider.ts'
import { codeOf, errorOf } from '../support/relying-party.ts'
import { codeNow, secretOn, wrongCode } from '../support/steps.ts'

const is = (answer: Answer, status: number, text: RegExp) => {
  assert.equal(answer.status, status)
  const main = answer.body.slice(answer.body.indexOf('<main'), answer.body.indexOf('</main>'))
  assert.match(main, text)
}
const failures = async (op: TestProvider) =>
  (await op.duepassi.directory.changeAttempts(op.maria.id, 'totp', (state) => state)).before.failures

describe('pages of a sign-in', () => {
  let op: TestProvider
  let maria: Enrolled
  before(async () => {
    op = await startProvider({
      config: { lifetimes: { interaction: 300, session: 86_400, sessionIdle: 86_400 } },
    })
    maria = await op.enrol()
  })
  after(() => op.close())
  const answer = (at: AtPage, code: string) => op.submit(at, { intent: 'answer', code })
  /** The way on that a page offers, taken by somebody who has to sign in there again. */
  const signInFrom = async (page: Answer, browser: Browser): Promise<Answer> => {
    const way = restartUrlOn(page)
    assert.ok(way, `no way on: ${page.status} ${page.url}`)
    let last = await browser.get(way)
    if (codeOf(last) === null && last.body.includes('current-password'))
      last = await browser.post(last.url, {
        intent: 'sign-in',
        username: 'maria',
        password: 'due passi avanti',
      })
    if (codeOf(last) === null)
      last = await browser.post(last.url, { intent: 'answer', code: op.nextCode(maria.secret) })
    return last
  }

  it('begin, at the bare address, with the person’s own', async () => {
    const answer = await new Browser().once(`${op.issuer}/`)
    assert.deepEqual([answer.status, answer.headers.get('location')], [303, '/account'])
  })

  it('carry a strict policy without form-action, error pages included', async () => {
    const login = await op.begin()
    const second = await op.typePassword(login)
    const { username } = await op.addPerson('csp')
    const choosing = await op.typePassword(await op.begin(), { username })
    const enrolling = await op.choose(choosing)
    const issuing = await op.submit(enrolling, {
      intent: 'confirm',
      code: codeNow(secretOn(enrolling.page), op.clock),
      label: '',
    })
    const recovery = await op.submit(second, { intent: 'switch', factor: 'recovery-code' })
    const badRequest = await op.rp.begin()
    badRequest.url.searchParams.set('client_id', 'nobody')
    const pages: Record<string, Answer> = {
      login: login.page,
      'second factor': second.page,
      enrolment: enrolling.page,
      'recovery codes': issuing.page,
      'recovery code': recovery.page,
      'wrong code': (await answer(await op.atSecondStep(), wrongCode(maria.secret, op.clock))).page,
      'wrong password': (await op.typePassword(await op.begin(), { password: 'x' })).page,
      expired: await new Browser().get(`${op.issuer}/interaction/${'x'.repeat(43)}`),
      'expired second step': await new Browser().get(
        `${op.issuer}/interaction/${'x'.repeat(43)}/second-factor`,
      ),
      'no resume': await new Browser().get(`${op.issuer}/auth/${'x'.repeat(43)}`),
      'unknown client': await new Browser().get(badRequest.url),
      'cross-site': await new Browser().once(login.page.url, { method: 'POST' }),
      logout: await maria.browser.get(`${op.issuer}/session/end`),
      'bad form': await login.browser.post(login.page.url, { a: 'x'.repeat(60_000) }),
    }
    for (const [name, { headers, body }] of Object.entries(pages)) {
      const policy = headers.get('content-security-policy') ?? ''
      assert.match(headers.get('content-type') ?? '', /^text\/html/, name)
      assert.match(policy, /default-src 'none'/, name)
      assert.match(policy, /frame-ancestors 'none'/, name)
      assert.match(policy, /base-uri 'none'/, name)
      assert.doesNotMatch(policy, /form-action|unsafe|\*/, name)
      assert.equal(headers.get('cache-control'), 'no-store', name)
      assert.equal(headers.get('x-content-type-options'), 'nosniff', name)
      const nonces = new Set([...policy.matchAll(/'nonce-([^']+)'/g)].map(([, nonce]) => nonce))
      assert.equal(nonces.size, 1, name)
      for (const [tag] of body.matchAll(/<(script|style)[^>]*>/g))
        assert.match(tag, new RegExp(`nonce="${[...nonces][0]}"`), name)
      assert.doesNotMatch(body, / on\w+="| style="/, name)
    }
    const nonceOf = (page: Answer) =>
      /nonce-([^']+)/.exec(page.headers.get('content-security-policy') ?? '')?.[1]
    assert.equal(new Set(Object.values(pages).map(nonceOf)).size, Object.keys(pages).length)
  })

  it('set cookies that scripts and other sites do not get', async () => {
    const { browser, request } = await op.atSecondStep()
    const seen = [
      (await new Browser().once(request.url)).headers,
      (await maria.browser.once(request.url)).headers,
    ].flatMap((headers) => headers.getSetCookie())
    assert.ok(seen.length >= 2)
    for (const cookie of seen) {
      assert.match(cookie, /; httponly/i)
      assert.match(cookie, /; samesite=lax/i)
      assert.doesNotMatch(cookie, /; domain=/i)
    }
    assert.ok(
      browser.cookies().some(({ name, path }) => name === 'interaction' && path.startsWith('/interaction/')),
    )
  })

  describe('that are too old', () => {
    for (const where of ['login', 'second step'] as const) {
      it(`begin the same request again: ${where}`, async () => {
        const at = where === 'login' ? await op.begin() : await op.atSecondStep()
        op.clock.advance(400)
        const late =
          where === 'login' ? await op.typePassword(at) : await answer(at, codeNow(maria.secret, op.clock))
        is(late.page, 400, /expired/i)
        assert.match(late.page.body, /Test application/)
        const last = await signInFrom(late.page, at.browser)
        assert.ok(codeOf(last))
        // It is the same request: state, nonce and PKCE are those that the relying party waits for.
        assert.ok((await at.request.finish(last.url)).access_token)
      })
    }
    it('over night', async () => {
      const at = await op.atSecondStep()
      op.clock.advance(20 * 3600)
      is(await at.browser.get(at.page.url), 400, /expired/i)
      const last = await signInFrom(await at.browser.get(at.page.url), at.browser)
      assert.ok((await at.request.finish(last.url)).access_token)
    })
  })

  it('lead on after the back button', async () => {
    const at = await op.atSecondStep()
    const done = await answer(at, op.nextCode(maria.secret))
    assert.ok(codeOf(done.page))
    for (const old of [at.page.url, new URL(at.page.url.href.replace('/second-factor', ''))]) {
      const back = await at.browser.get(old)
      is(back, 400, /expired|already done/i)
      assert.ok(codeOf(await signInFrom(back, at.browser)))
      const again = await at.browser.post(old, { intent: 'answer', code: codeNow(maria.secret, op.clock) })
      is(again, 400, /expired|already done/i)
    }
  })
  it('go back to the question from the password page, and forward again', async () => {
    const at = await op.begin()
    const second = await op.typePassword(at)
    const back = await at.browser.get(at.page.url)
    assert.match(back.body, /current-password/)
    assert.equal(codeOf(back), null)
    const again = await op.typePassword(at)
    assert.match(again.page.body, /one-time-code/)
    assert.ok(codeOf((await answer(second, op.nextCode(maria.secret))).page))
  })

  describe('in two tabs', () => {
    it('of the same sign-in: the second carries on', async () => {
      const one = await op.atSecondStep()
      const code = op.nextCode(maria.secret)
      // The first tab has sent its form, and the answer is on its way; the second tab sends now.
      const first = await one.browser.once(one.page.url, {
        method: 'POST',
        headers: { 'sec-fetch-site': 'same-origin', 'content-type': 'application/x-www-form-urlencoded' },
        body: new URLSearchParams({ intent: 'answer', code }),
      })
      assert.equal(first.status, 303)
      for (const fields of [
        { intent: 'answer', code },
        { intent: 'give-up' },
        { intent: 'switch', factor: 'recovery-code' },
      ]) {
        const second = await one.browser.once(one.page.url, {
          method: 'POST',
          headers: { 'sec-fetch-site': 'same-origin', 'content-type': 'application/x-www-form-urlencoded' },
          body: new URLSearchParams(fields as Record<string, string>),
        })
        assert.equal(second.status, 303, fields.intent)
        assert.equal(second.headers.get('location'), first.headers.get('location'))
      }
      assert.ok(codeOf(await one.browser.get(new URL(first.headers.get('location') ?? '', op.issuer))))
      // The tab that follows the same way later finds the page that leads on.
      const late = await one.browser.get(new URL(first.headers.get('location') ?? '', op.issuer))
      is(late, 400, /already done/)
      assert.ok(codeOf(await signInFrom(late, one.browser)))
    })
    it('of two sign-ins in one browser: both end with a code', async () => {
      const browser = new Browser()
      const one = await op.atSecondStep({}, browser)
      const other = await op.atSecondStep({}, browser)
      assert.ok(codeOf((await answer(one, op.nextCode(maria.secret))).page))
      const late = await answer(other, op.nextCode(maria.secret))
      assert.ok(codeOf(late.page) ?? codeOf(await signInFrom(late.page, browser)))
    })
    it('of an enrolment: the tab that comes late is led on', async () => {
      const anna = await op.addPerson('anna')
      const at = await op.choose(await op.typePassword(await op.begin(), { username: 'anna' }))
      const stale = await op.choose(await op.typePassword(await op.begin(), { username: 'anna' }))
      const secret = secretOn(at.page)
      const issuing = await op.submit(at, { intent: 'confirm', code: codeNow(secret, op.clock), label: 'x' })
      assert.ok(codeOf((await op.submit(issuing, { intent: 'saved' })).page))
      const late = await op.submit(stale, {
        intent: 'confirm',
        code: codeNow(secretOn(stale.page), op.clock),
        label: 'y',
      })
      assert.equal(codeOf(late.page), null)
      assert.equal(
        (await op.duepassi.directory.credentials(anna.id)).filter(({ factor }) => factor === 'totp').length,
        1,
      )
      // Their own browser shows the password page again, and after it the question for what is set up now.
      assert.match(late.page.body, /current-password/)
      const asked = await op.typePassword(late, { username: 'anna' })
      assert.ok(codeOf((await op.submit(asked, { intent: 'answer', code: op.nextCode(secret) })).page))
    })
  })

  it('sent twice at once end with one code, and nobody has to wait', async () => {
    const at = await op.atSecondStep()
    const fields = { intent: 'answer', code: op.nextCode(maria.secret) }
    const send = () =>
      at.browser.once(at.page.url, {
        method: 'POST',
        headers: { 'sec-fetch-site': 'same-origin', 'content-type': 'application/x-www-form-urlencoded' },
        body: new URLSearchParams(fields),
      })
    const answers = await Promise.all([send(), send()])
    const [first] = answers.filter(({ status }) => status === 303)
    assert.ok(first)
    // A browser shows the answer to the second click: it must not say that the code was used already.
    for (const { status, headers } of answers) {
      assert.equal(status, 303, 'a double click ends in a refusal')
      assert.equal(headers.get('location'), first.headers.get('location'))
    }
    assert.ok(codeOf(await at.browser.get(new URL(first.headers.get('location') ?? '', op.issuer))))
    assert.ok((await failures(op)) <= 1)
  })
  it('of the password sent twice at once lead to the second step', async () => {
    const at = await op.begin()
    const answers = await Promise.all([op.typePassword(at), op.typePassword(at)])
    for (const { page } of answers) assert.match(page.body, /one-time-code/)
    assert.ok(codeOf((await answer(answers[0] as AtPage, op.nextCode(maria.secret))).page))
  })

  it('tell nothing to another browser', async () => {
    const at = await op.atSecondStep({ login_hint: 'maria@example.org' })
    const enrolling = await op.typePassword(await op.begin(), {
      username: (await op.addPerson('secretive')).username,
    })
    const thief = new Browser()
    for (const url of [
      at.page.url,
      enrolling.page.url,
      new URL(at.page.url.href.replace('/second-factor', '')),
    ]) {
      const seen = await thief.get(url)
      is(seen, 400, /expired/i)
      assert.doesNotMatch(
        seen.body.slice(seen.body.indexOf('<main')),
        /maria@|maria Rossi|secretive|otpauth|secret=/i,
      )
      const sent = await thief.post(url, { intent: 'answer', code: op.nextCode(maria.secret) })
      is(sent, 400, /expired/i)
    }
    const resume = at.page.url.href.replace('/interaction/', '/auth/').replace('/second-factor', '')
    assert.equal(codeOf(await thief.get(resume)), null)
  })

  describe('speak', () => {
    it('the language of the browser', async () => {
      const { page } = await op.begin({}, new Browser('it-IT,it;q=0.9,en;q=0.8'))
      assert.match(page.body, /<html lang="it">/)
      assert.match(page.body, /Accedi|Password/)
      assert.match((await op.begin({}, new Browser('fr, de'))).page.body, /<html lang="en">/)
    })
    it('the language that the relying party asks for, to the end', async () => {
      const login = await op.begin({ ui_locales: 'fr it' })
      assert.match(login.page.body, /<html lang="it">/)
      assert.match((await op.typePassword(login)).page.body, /<html lang="it">/)
    })
  })

  it('name the relying party', async () => {
    const { page } = await op.begin()
    assert.match(page.body, /Test application/)
  })
  it('answer a damaged form without counting', async () => {
    const at = await op.atSecondStep()
    const before = await failures(op)
    for (const [type, body] of [
      ['application/json', '{"intent":"answer"}'],
      ['application/x-www-form-urlencoded', 'intent=answer&code=1&code=2'],
      ['multipart/form-data; boundary=x', '--x--'],
    ] as const) {
      const seen = await at.browser.once(at.page.url, {
        method: 'POST',
        headers: { 'sec-fetch-site': 'same-origin', 'content-type': type },
        body,
      })
      is(seen, 400, /incomplete or damaged/)
    }
    for (const intent of ['', 'nonsense', '__proto__', 'constructor'])
      assert.equal((await op.submit(at, { intent })).page.status, 200)
    assert.equal(await failures(op), before)
  })
  it('answer other methods with nothing that counts', async () => {
    const at = await op.atSecondStep()
    for (const method of ['PUT', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS']) {
      const seen = await at.browser.once(at.page.url, {
        method,
        headers: { 'sec-fetch-site': 'same-origin' },
      })
      assert.equal(seen.headers.get('location'), null, method)
      assert.ok(seen.status < 500, `${method}: ${seen.status}`)
    }
    assert.equal(errorOf(at.page), null)
  })
})
