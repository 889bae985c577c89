import assert from 'node:assert/strict'
import { sessionsOf } from '../../src/stores/oidc-adapter.ts'
import { type Answer, Browser } from '../support/browser.ts'
import { addApp, enrolKey, enterWith } from '../support/passkeys.ts'
import { startProvider, type TestProvider } from '../support/provider.ts'
import { codeOf } from '../support/relying-party.ts'
import { createSoftAuthenticator } from '../support/soft-authenticator.ts'
import { codeNow, recoveryCodesOn } from '../support/steps.ts'

/** The security page of the ready provider, by its real pages. */
const toAccount = async (op: TestProvider, browser: Browser, username: string, secret: string) => {
  const login = await browser.get(`${op.issuer}/account`)
  const second = await browser.post(login.url, { intent: 'sign-in', username, password: 'due passi avanti' })
  const asked = await browser.post(second.url, { intent: 'switch', factor: 'totp' })
  op.clock.advance(30)
  const home = await browser.post(asked.url, { intent: 'answer', code: codeNow(secret, op.clock) })
  assert.equal(home.url.href, `${op.issuer}/account`)
  return home
}
/** By the form of the page: to where its action says. */
const submit = (browser: Browser, page: Answer, fields: Record<string, string>): Promise<Answer> => {
  const action = /<form method="post" action="([^"]+)"/.exec(page.body)?.[1]
  return browser.post(action === undefined ? page.url : new URL(action, page.url), fields)
}

describe('removing a method at the ready provider', () => {
  /** Somebody with a key and an app, signed in at the security page by the app; and a thief with the key. */
  const scene = async () => {
    const op = await startProvider()
    const key = createSoftAuthenticator()
    const { account, codes } = await enrolKey(op, 'kim', key)
    const { secret, browser } = await addApp(op, 'kim', codes[0] as string)
    const thief = new Browser()
    const stolen = await op.redeem(await enterWith(await op.begin({}, thief), key))
    const remove = async () => {
      const held = await op.duepassi.directory.credentials(account.id)
      const id = held.find(({ factor }) => factor === 'webauthn')?.id ?? ''
      const home = await browser.get(`${op.issuer}/account`)
      assert.equal(home.url.href, `${op.issuer}/account`)
      const question = await browser.get(`${op.issuer}/account/remove?id=${encodeURIComponent(id)}`)
      return submit(browser, question, { intent: 'remove' })
    }
    return { op, account, browser, thief, stolen, secret, remove, [Symbol.asyncDispose]: () => op.close() }
  }

  it('ends the session and the grants of whoever holds it, wherever they are', async () => {
    await using at = await scene()
    const { op, thief, stolen, remove } = at
    const atPage = await thief.get(`${op.issuer}/account`)
    assert.equal(atPage.url.href, `${op.issuer}/account`)
    assert.ok(codeOf((await op.begin({ prompt: 'none' }, thief)).page))
    const unredeemed = await op.begin({ prompt: 'none' }, thief)
    assert.equal((await remove()).url.href, `${op.issuer}/account`)
    assert.equal(codeOf((await op.begin({ prompt: 'none' }, thief)).page), null)
    assert.match((await thief.get(`${op.issuer}/account`)).url.pathname, /^\/interaction\//)
    await assert.rejects(op.rp.refresh(stolen.tokens.refresh_token as string), { error: 'invalid_grant' })
    await assert.rejects(op.redeem(unredeemed), { error: 'invalid_grant' })
    await assert.rejects(op.rp.userinfo(stolen.tokens.access_token, at.account.id))
  })

  it('leaves the own session, and the grants of its relying parties', async () => {
    await using at = await scene()
    const { op, browser, account, remove } = at
    const own = await op.redeem(await op.begin({}, browser))
    const removed = await remove()
    assert.match(removed.body, /class="[^"]*done/)
    assert.ok(codeOf((await op.begin({ prompt: 'none' }, browser)).page))
    assert.ok((await op.rp.refresh(own.tokens.refresh_token as string)).access_token)
    assert.equal((await browser.get(`${op.issuer}/account`)).url.href, `${op.issuer}/account`)
    assert.equal((await sessionsOf(op.duepassi.store, account.id, op.clock)).length, 1)
  })

  it('ends steps under way, of a sign-in and of a change in another browser', async () => {
    await using at = await scene()
    const { op, secret, remove } = at
    const typed = await op.typePassword(await op.begin(), { username: 'kim' })
    const other = new Browser()
    await toAccount(op, other, 'kim', secret)
    const adding = await other.get(`${op.issuer}/account/add?factor=totp`)
    assert.match(adding.body, /otpauth:/)
    await remove()
    const { page } = await op.submit(typed, { intent: 'switch', factor: 'totp' })
    assert.match(page.body, /current-password/)
    const seed = /secret=([A-Z2-7]{32})/.exec(adding.body)?.[1] as string
    const late = await submit(other, adding, {
      intent: 'confirm',
      code: codeNow(seed, op.clock),
      label: 'Thief',
    })
    assert.match(late.url.pathname, /^\/interaction\//)
    const held = await op.duepassi.directory.credentials(at.account.id)
    assert.ok(held.every(({ label }) => label !== 'Thief'))
  })
})

describe('two tabs at the ready provider', () => {
  it('never save other recovery codes than those that were printed', async () => {
    await using op = await startProvider()
    const { secret, codes: old } = await op.enrolOther('tina')
    const browser = new Browser()
    await toAccount(op, browser, 'tina', secret)
    const begin = () => browser.post(`${op.issuer}/account/codes`, { intent: 'new-codes' })
    const [first, second] = [await begin(), await begin()]
    const [printed, shown] = [recoveryCodesOn(first), recoveryCodesOn(second)]
    const stale = await submit(browser, first, { intent: 'saved' })
    assert.equal(stale.status, 422)
    assert.deepEqual(recoveryCodesOn(stale), shown)
    const enters = async (code: string) => {
      // Past the wait after the wrong ones.
      op.clock.advance(61)
      const typed = await op.typePassword(await op.begin(), { username: 'tina' })
      const asked = await op.submit(typed, { intent: 'switch', factor: 'recovery-code' })
      const { page } = await op.submit(asked, { intent: 'answer', code })
      return page.body.includes('value="continue"')
    }
    assert.deepEqual([await enters(old[0] as string), await enters(shown[0] as string)], [true, false])
    await submit(browser, stale, { intent: 'saved' })
    assert.deepEqual(
      [await enters(old[1] as string), await enters(printed[0] as string), await enters(shown[0] as string)],
      [false, false, true],
    )
  })
})
