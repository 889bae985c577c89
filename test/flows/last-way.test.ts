import assert from 'node:assert/strict'
import { Browser } from '../support/browser.ts'
import {
  addApp,
  answerWith,
  assertionFor,
  badSignature,
  enrolKey,
  offers,
  sendAnswer,
} from '../support/passkeys.ts'
import { type AtPage, startProvider, type TestProvider } from '../support/provider.ts'
import { codeOf } from '../support/relying-party.ts'
import { createSoftAuthenticator } from '../support/soft-authenticator.ts'
import { wrongCode } from '../support/steps.ts'

/** A person with a key and an app is asked for the key first, or for what worked last in this browser. */
describe('the way that worked last in a browser', () => {
  const key = createSoftAuthenticator()
  let op: TestProvider
  let secret: string
  let codes: string[]
  before(async () => {
    op = await startProvider()
    const enrolled = await enrolKey(op, 'anna', key)
    ;({ secret, codes } = await addApp(op, 'anna', enrolled.codes[0] as string))
  })
  after(() => op.close())

  const cookieOf = (browser: Browser) => browser.cookies().find(({ name }) => name === 'duepassi-way')
  const askedFirst = ({ page }: AtPage): 'key' | 'app' | 'other' => {
    if (offers(page, 'get')) return 'key'
    return /one-time-code/.test(page.body) ? 'app' : 'other'
  }
  const begin = async (browser: Browser) =>
    op.typePassword(await op.begin({ prompt: 'login' }, browser), { username: 'anna' })
  const byApp = async (browser: Browser) => {
    const at = await op.submit(await begin(browser), { intent: 'switch', factor: 'totp' })
    return op.redeem(await op.submit(at, { intent: 'answer', code: op.nextCode(secret) }))
  }
  const byKey = async (browser: Browser) =>
    op.redeem(
      await answerWith(await op.submit(await begin(browser), { intent: 'switch', factor: 'webauthn' }), key),
    )

  it('is none at first: the key is asked for', async () => {
    const browser = new Browser()
    assert.equal(askedFirst(await begin(browser)), 'key')
    assert.equal(cookieOf(browser), undefined)
  })
  it('is asked for first in this browser, and in no other', async () => {
    const browser = new Browser()
    await byApp(browser)
    assert.equal(cookieOf(browser)?.value, 'totp')
    assert.equal(askedFirst(await begin(browser)), 'app')
    assert.equal(askedFirst(await begin(new Browser())), 'key')
    await byKey(browser)
    assert.equal(cookieOf(browser)?.value, 'webauthn')
    assert.equal(askedFirst(await begin(browser)), 'key')
  })
  it('is kept in a cookie that no script reads and no other site sends', async () => {
    const browser = new Browser()
    const at = await begin(browser)
    const { headers } = await browser.once(at.page.url, {
      method: 'POST',
      headers: { 'sec-fetch-site': 'same-origin', 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ intent: 'answer', response: assertionFor(at.page, key) }),
    })
    const [line = ''] = headers.getSetCookie().filter((one) => one.startsWith('duepassi-way='))
    assert.match(line, /^duepassi-way=webauthn; Path=\/; Max-Age=\d+; HttpOnly; SameSite=Lax$/)
  })
  it('is what was set up last, too', async () => {
    const browser = new Browser()
    await enrolKey(op, 'bruno', createSoftAuthenticator(), browser)
    assert.equal(cookieOf(browser)?.value, 'webauthn')
    const { browser: another } = await op.enrolOther('carla')
    assert.equal(cookieOf(another)?.value, 'totp')
    // Another person at the same browser is asked for it too, where they have it.
    assert.equal(askedFirst(await begin(another)), 'app')
    assert.equal(askedFirst(await begin(browser)), 'key')
  })
  it('is none that was refused, given up, or switched to', async () => {
    const browser = new Browser()
    let at = await answerWith(await begin(browser), key, badSignature)
    at = await sendAnswer(at, 'garbage')
    at = await op.submit(at, { intent: 'switch', factor: 'totp' })
    at = await op.submit(at, { intent: 'answer', code: wrongCode(secret, op.clock) })
    await op.submit(at, { intent: 'give-up' })
    assert.equal(cookieOf(browser), undefined)
  })
  it('is never a recovery code', async () => {
    const browser = new Browser()
    const use = async (code: string) => {
      const at = await op.submit(await begin(browser), { intent: 'switch', factor: 'recovery-code' })
      const recovered = await op.submit(at, { intent: 'answer', code })
      assert.ok(codeOf((await op.submit(recovered, { intent: 'continue' })).page))
    }
    await use(codes[0] as string)
    assert.equal(cookieOf(browser), undefined)
    await byApp(browser)
    await use(codes[1] as string)
    assert.equal(cookieOf(browser)?.value, 'totp')
  })
  it('changes nothing where the cookie says what it must not', async () => {
    const browser = new Browser()
    await byApp(browser)
    const cookie = cookieOf(browser)
    assert.ok(cookie)
    for (const value of [
      '',
      'recovery-code',
      'password',
      'constructor',
      '__proto__',
      'totp"',
      ' totp x',
      'TOTP',
      'totp%00',
      'x'.repeat(3_000),
    ]) {
      cookie.value = value
      assert.equal(askedFirst(await begin(browser)), 'key', value.slice(0, 40))
    }
    // A way that the person does not have.
    await op.enrolOther('dario')
    cookie.value = 'webauthn'
    const begun = await op.begin({ prompt: 'login' }, browser)
    assert.equal(askedFirst(await op.typePassword(begun, { username: 'dario' })), 'app')
  })
})
