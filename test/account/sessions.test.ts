import assert from 'node:assert/strict'
import type { AccountParts } from '../../src/account/parts.ts'
import { revokeAccount } from '../../src/stores/account-index.ts'
import { Browser } from '../support/browser.ts'
import { locationOf, refusedWith, seen, startSecurityPage } from './security-page.ts'

describe('the session of the security page', () => {
  for (const [what, end] of [
    [
      'the provider’s sessions of the account were ended',
      async (page) => {
        await revokeAccount(page.op.duepassi.store, page.op.maria.id)
      },
    ],
    [
      'the account was disabled',
      (page) =>
        page.op.duepassi.directory.changeAccount(page.op.maria.id, { disabledAt: page.op.clock.now() }),
    ],
  ] as Array<[string, (page: Awaited<ReturnType<typeof startSecurityPage>>) => Promise<void>]>)
    it(`is over at once when ${what}`, async () => {
      await using page = await startSecurityPage()
      const { browser } = await page.signedIn()
      seen(await page.get(browser), 'account/home')
      const { id } = await page.addCredential()
      await end(page)
      const submitted = await page.once(browser, `/rename?id=${id}`, {
        method: 'POST',
        headers: { 'sec-fetch-site': 'same-origin', 'content-type': 'application/x-www-form-urlencoded' },
        body: 'intent=rename&label=Stolen',
      })
      assert.equal(submitted.status, 303)
      assert.equal(locationOf(submitted).href, page.base)
      const [credential] = await page.op.duepassi.directory.credentials(page.op.maria.id)
      assert.equal(credential?.label, 'My phone')
      assert.equal(await page.sessionOf(browser), undefined)
      assert.equal(locationOf(await page.once(browser)).pathname, '/auth')
    })

  it('does nothing once its access token expired, and is kept for the change under way alone', async () => {
    await using page = await startSecurityPage()
    const { browser } = await page.withFactor()
    const { id } = await page.addCredential({ secret: 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXQ' })
    page.op.clock.advance(601)
    const submitted = await page.once(browser, `/rename?id=${id}`, {
      method: 'POST',
      headers: { 'sec-fetch-site': 'same-origin', 'content-type': 'application/x-www-form-urlencoded' },
      body: 'intent=rename&label=Stolen',
    })
    assert.deepEqual([submitted.status, locationOf(submitted).href], [303, page.base])
    const all = await page.op.duepassi.directory.credentials(page.op.maria.id)
    assert.ok(all.every(({ label }) => label !== 'Stolen'))
    assert.ok(await page.sessionOf(browser))
    assert.equal(locationOf(await page.once(browser)).pathname, '/auth')
  })

  it('is over when the person signs out, with the provider’s', async () => {
    await using page = await startSecurityPage()
    const { browser } = await page.signedIn()
    const id = page.cookieOf(browser)
    const session = await page.sessions.find(id)
    const answer = await page.once(browser, '/sign-out', {
      method: 'POST',
      headers: { 'sec-fetch-site': 'same-origin' },
    })
    assert.equal(answer.status, 303)
    const url = locationOf(answer)
    assert.equal(url.pathname, '/session/end')
    assert.equal(url.searchParams.get('id_token_hint'), session?.idToken)
    assert.equal(url.searchParams.get('post_logout_redirect_uri'), `${page.base}/signed-out`)
    assert.equal(await page.sessions.find(id), undefined)
    assert.match(answer.headers.getSetCookie().join(), /^duepassi-account=; .*Max-Age=0/)
    const question = await browser.get(url)
    const xsrf = /name="xsrf" value="([^"]+)"/.exec(question.body)?.[1] ?? ''
    const over = await browser.post(`${page.op.issuer}/session/end/confirm`, { xsrf, logout: 'yes' })
    assert.equal(over.url.pathname, '/account/signed-out')
    seen(over, 'interaction/signed-out')
    assert.match((await page.get(browser)).url.pathname, /^\/interaction\//)
  })

  it('is no session with a token of another account', async () => {
    await using page = await startSecurityPage()
    const { browser } = await page.signedIn()
    const other = await page.op.addPerson('lucia')
    await page.sessions.update(page.cookieOf(browser), (session) => ({ ...session, sub: other.id }))
    assert.equal(locationOf(await page.once(browser)).pathname, '/auth')
  })

  for (const [what, over] of [
    ['gone', () => ({ account: async () => undefined })],
    [
      'disabled',
      ({ account }) => ({
        async account(id) {
          const person = await account(id)
          return person && { ...person, disabledAt: 1 }
        },
      }),
    ],
  ] as Array<[string, (parts: AccountParts) => Partial<AccountParts>]>)
    it(`does not open for an account that is ${what}, whatever the provider says`, async () => {
      await using page = await startSecurityPage({ over })
      const { at, browser } = await page.signedIn()
      refusedWith({ ...at, headers: new Headers() }, 'access_denied')
      assert.equal(await page.sessionOf(browser), undefined)
    })

  it('does not begin where userinfo refuses its token: no browser is sent in circles', async () => {
    await using page = await startSecurityPage({
      intercept(req, res) {
        if (req.url !== '/me') return false
        res.writeHead(401, { 'www-authenticate': 'Bearer error="invalid_token"' }).end()
        return true
      },
    })
    const browser = new Browser()
    refusedWith(await browser.once(await page.toCallback(browser, page.base)), 'invalid_token')
  })
})
