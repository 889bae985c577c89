import assert from 'node:assert/strict'
import { type Answer, Browser } from '../support/browser.ts'
import { startProvider, type TestProvider } from '../support/provider.ts'
import { codeNow, secretOn } from '../support/steps.ts'

const _is = (answer: Answer, status: number, text: RegExp) => {
  assert.equal(answer.status, status)
  const main = answer.body.slice(answer.body.indexOf('<main'), answer.body.indexOf('</main>'))
  assert.match(main, text)
}
const _failures = async (op: TestProvider) =>
  (await op.duepassi.directory.changeAttempts(op.maria.id, 'totp', (state) => state)).before.failures

describe('pages behind a proxy with https', () => {
  it('set cookies with the host prefix, and transport security', async () => {
    await using op = await startProvider({ config: { issuer: 'https://id.example.org', proxy: true } })
    const address = `http://127.0.0.1:${op.config.listen.port}`
    const proxied = {
      'x-forwarded-proto': 'https',
      'x-forwarded-host': 'id.example.org',
      'x-forwarded-for': '192.0.2.1',
    }
    const browser = new Browser()
    const query = new URLSearchParams({
      client_id: 'rp',
      redirect_uri: 'http://rp.invalid/callback',
      response_type: 'code',
      scope: 'openid',
      code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
      code_challenge_method: 'S256',
    })
    const seen: string[] = []
    const visit = async (path: string, init: RequestInit = {}) => {
      const answer = await browser.once(`${address}${path}`, {
        ...init,
        headers: { ...proxied, ...(init.headers as Record<string, string>) },
      })
      seen.push(...answer.headers.getSetCookie())
      return answer
    }
    const post = (path: string, fields: Record<string, string>) =>
      visit(path, {
        method: 'POST',
        headers: { origin: 'https://id.example.org', 'content-type': 'application/x-www-form-urlencoded' },
        body: new URLSearchParams(fields),
      })
    const pathOf = (answer: Answer) => new URL(answer.headers.get('location') ?? '', 'https://id.example.org')

    const started = await visit(`/auth?${query}`)
    const login = pathOf(started).pathname
    const page = await visit(login)
    assert.match(page.headers.get('strict-transport-security') ?? '', /max-age=\d{7,}/)
    const second = pathOf(await post(login, { username: 'maria', password: 'due passi avanti' })).pathname
    await visit(second)
    await post(second, { intent: 'choose', factor: 'totp' })
    const enrolling = await visit(second)
    const secret = secretOn(enrolling)
    assert.equal(
      (await post(second, { intent: 'confirm', code: codeNow(secret, op.clock), label: '' })).status,
      303,
    )
    const resume = pathOf(await post(second, { intent: 'saved' }))
    assert.equal(resume.origin, 'https://id.example.org')
    const done = pathOf(await visit(resume.pathname))
    assert.ok(done.searchParams.get('code'))
    assert.equal(done.searchParams.get('iss'), 'https://id.example.org')

    assert.ok(
      seen.some((cookie) => cookie.startsWith('__Host-duepassi=') && /; path=\/;/i.test(cookie)),
      seen.join('\n'),
    )
    for (const cookie of seen) {
      assert.match(cookie, /^__(Host|Secure)-/)
      assert.match(cookie, /; secure/i)
      assert.match(cookie, /; httponly/i)
      assert.match(cookie, /; samesite=lax/i)
      assert.doesNotMatch(cookie, /; domain=/i)
    }
    // What a request says of itself is no origin of ours.
    const forged = await visit(login, {
      method: 'POST',
      headers: { origin: 'https://evil.example', 'x-forwarded-host': 'evil.example' },
    })
    assert.equal(forged.status, 403)
  })
})
