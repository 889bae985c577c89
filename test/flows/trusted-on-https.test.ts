import assert from 'node:assert/strict'
import { type Answer, Browser } from '../support/browser.ts'
import { startProvider } from '../support/provider.ts'
import { codeNow, secretOn } from '../support/steps.ts'

const query = new URLSearchParams({
  client_id: 'rp',
  redirect_uri: 'http://rp.invalid/callback',
  response_type: 'code',
  scope: 'openid',
  code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
  code_challenge_method: 'S256',
})

describe('a trusted device behind a proxy with https', () => {
  it('is known by a cookie of this very host, and by no other', async () => {
    await using op = await startProvider({
      config: {
        issuer: 'https://id.example.org',
        proxy: true,
        policy: { trustedDevices: { kind: 'cookie' } },
      },
    })
    const proxied = {
      'x-forwarded-proto': 'https',
      'x-forwarded-host': 'id.example.org',
      'x-forwarded-for': '192.0.2.1',
    }
    let browser = new Browser()
    const seen: string[] = []
    const visit = async (path: string, fields?: Record<string, string>) => {
      const answer = await browser.once(`http://127.0.0.1:${op.config.listen.port}${path}`, {
        headers: {
          ...proxied,
          ...(fields && {
            origin: 'https://id.example.org',
            'content-type': 'application/x-www-form-urlencoded',
          }),
        },
        ...(fields && { method: 'POST', body: new URLSearchParams(fields).toString() }),
      })
      seen.push(...answer.headers.getSetCookie().filter((line) => line.includes('device-')))
      return answer
    }
    const next = ({ headers }: Answer) => new URL(headers.get('location') ?? '', 'https://id.example.org')
    /** Until the second step, or the code. */
    const enter = async (): Promise<URL> => {
      const login = next(await visit(`/auth?${query}`)).pathname
      return next(await visit(login, { intent: 'sign-in', username: 'maria', password: 'due passi avanti' }))
    }
    const isOver = async (resume: URL) => {
      assert.match(resume.pathname, /^\/auth\//)
      assert.ok(next(await visit(resume.pathname)).searchParams.get('code'))
    }
    /** Another day: the device cookies are kept, as they are or by another name. */
    const comeBack = (rename = (name: string) => name) => {
      const cookies = browser.cookies().filter(({ name }) => name.includes('device-'))
      browser = new Browser()
      ;(browser.cookies() as unknown[]).push(
        ...cookies.map((cookie) => ({ ...cookie, name: rename(cookie.name) })),
      )
    }

    const enrolling = (await enter()).pathname
    await visit(enrolling, { intent: 'choose', factor: 'totp' })
    const secret = secretOn(await visit(enrolling))
    await visit(enrolling, { intent: 'confirm', code: codeNow(secret, op.clock), label: '' })
    await isOver(next(await visit(enrolling, { intent: 'saved' })))

    comeBack()
    const asked = await enter()
    assert.match(asked.pathname, /second-factor$/)
    const answer = { intent: 'answer', code: op.nextCode(secret), trust: 'on' }
    await isOver(next(await visit(asked.pathname, answer)))

    const kept = browser
    comeBack((name) => name.replace('__Host-', ''))
    assert.match((await enter()).pathname, /second-factor$/, 'a neighbour could have set it')
    browser = kept
    comeBack()
    await isOver(await enter())

    assert.equal(seen.length, 3)
    for (const cookie of seen) {
      assert.match(cookie, /^__Host-duepassi-device-[\w-]{16}=/)
      for (const attribute of [/; Secure/, /; Path=\/;/, /; HttpOnly/, /; SameSite=Lax/])
        assert.match(cookie, attribute)
      assert.doesNotMatch(cookie, /; Domain=/i)
    }
  })
})
