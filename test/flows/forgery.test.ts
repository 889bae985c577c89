import assert from 'node:assert/strict'
import type { Answer } from '../support/browser.ts'
import { type AtPage, type Enrolled, startProvider, type TestProvider } from '../support/provider.ts'
import { codeNow } from '../support/steps.ts'

const is = (answer: Answer, status: number, text: RegExp) => {
  assert.equal(answer.status, status)
  const main = answer.body.slice(answer.body.indexOf('<main'), answer.body.indexOf('</main>'))
  assert.match(main, text)
}
const failures = async (op: TestProvider) =>
  (await op.duepassi.directory.changeAttempts(op.maria.id, 'totp', (state) => state)).before.failures

describe('forms of a sign-in', () => {
  let op: TestProvider
  let maria: Enrolled
  before(async () => {
    op = await startProvider({
      config: { lifetimes: { interaction: 300, session: 86_400, sessionIdle: 86_400 } },
    })
    maria = await op.enrol()
  })
  after(() => op.close())
  const _answer = (at: AtPage, code: string) => op.submit(at, { intent: 'answer', code })

  describe('refuse what another site sends', () => {
    const forged: Array<[string, Record<string, string>]> = [
      ['neither Sec-Fetch-Site nor Origin', {}],
      ['cross-site', { 'sec-fetch-site': 'cross-site' }],
      ['same-site', { 'sec-fetch-site': 'same-site' }],
      ['none', { 'sec-fetch-site': 'none' }],
      ['a foreign Origin', { origin: 'https://evil.example' }],
      ['a null Origin', { origin: 'null' }],
      ['cross-site in spite of our Origin', { 'sec-fetch-site': 'cross-site', origin: 'ours' }],
      [
        'a Host that names the foreign Origin',
        { origin: 'http://evil.example', 'x-forwarded-host': 'evil.example' },
      ],
    ]
    for (const [name, given] of forged) {
      it(name, async () => {
        const headers = given['origin'] === 'ours' ? { ...given, origin: op.issuer } : given
        const send = ({ browser, page }: AtPage, fields: Record<string, string>) =>
          browser.once(page.url, {
            method: 'POST',
            headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
            body: new URLSearchParams(fields),
          })
        const login = await op.begin()
        is(await send(login, { username: 'maria', password: 'due passi avanti' }), 403, /another site/)
        const second = await op.typePassword(login)
        const before = await failures(op)
        is(
          await send(second, { intent: 'answer', code: codeNow(maria.secret, op.clock) }),
          403,
          /another site/,
        )
        is(await send(second, { intent: 'give-up' }), 403, /another site/)
        assert.equal(await failures(op), before)
        assert.match((await second.browser.get(second.page.url)).body, /one-time-code/)
      })
    }
    it('and take our own Origin from a browser without Sec-Fetch-Site', async () => {
      const second = await op.atSecondStep()
      const { status, headers } = await second.browser.once(second.page.url, {
        method: 'POST',
        headers: { origin: op.issuer, 'content-type': 'application/x-www-form-urlencoded' },
        body: new URLSearchParams({ intent: 'answer', code: op.nextCode(maria.secret) }),
      })
      assert.equal(status, 303)
      assert.match(headers.get('location') ?? '', /\/auth\/[\w-]+$/)
    })
  })
})
