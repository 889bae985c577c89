import assert from 'node:assert/strict'
import type { Answer } from '../support/browser.ts'
import { codeNow } from '../support/steps.ts'
import { actionOn, locationOf, type SecurityPage, seen, startSecurityPage } from './security-page.ts'

const typed = { 'sec-fetch-site': 'same-origin', 'content-type': 'application/x-www-form-urlencoded' }
const form = (fields: Record<string, string>) => ({
  method: 'POST',
  headers: typed,
  body: new URLSearchParams(fields).toString(),
})
const secretOn = (at: Answer, status = 200): string => {
  const { factor } = seen(at, 'interaction/enrol', status)
  return factor.name === 'totp' ? factor.secret.replaceAll(' ', '') : ''
}
const own = async ({ op }: SecurityPage) => op.duepassi.directory.credentials(op.maria.id)

describe('a change under way', () => {
  it('outlives the token of its session: the provider is asked anew, and the change goes on', async () => {
    await using page = await startSecurityPage()
    const { browser, at } = await page.signedIn('/add?factor=totp')
    const uid = (await page.sessionOf(browser))?.change?.uid
    page.op.clock.advance(601)
    const confirm = () => ({ intent: 'confirm', code: codeNow(secretOn(at), page.op.clock) })
    const answer = await browser.once(page.changeOf(browser), form(confirm()))
    const request = locationOf(answer)
    assert.deepEqual([answer.status, request.pathname], [303, '/auth'])
    for (const more of ['max_age', 'prompt', 'claims']) assert.equal(request.searchParams.get(more), null)
    // What was sent by somebody who is signed out does nothing.
    assert.deepEqual(await own(page), [])
    const back = await browser.get(request)
    assert.equal(back.url.href, `${page.base}/change`)
    assert.equal(secretOn(back), secretOn(at))
    assert.equal((await page.sessionOf(browser))?.change?.uid, uid)
    seen(await page.post(browser, '/change', confirm()), 'interaction/recovery-codes')
  })

  it('is reached again by its page too, and shows recovery codes that were not saved yet', async () => {
    await using page = await startSecurityPage()
    const { browser } = await page.withFactor('/codes')
    const { codes } = seen(
      await page.post(browser, '/codes', { intent: 'new-codes' }),
      'interaction/recovery-codes',
    )
    page.op.clock.advance(601)
    const again = await page.get(browser, '/change')
    assert.deepEqual(seen(again, 'interaction/recovery-codes').codes, codes)
    const home = await page.post(browser, '/change', { intent: 'saved' })
    assert.equal(seen(home, 'account/home').done, 'codes')
  })

  it('is remembered for 900 seconds after the token, and no longer', async () => {
    await using page = await startSecurityPage()
    const { browser } = await page.signedIn('/add?factor=totp')
    const id = page.cookieOf(browser)
    const { expiresAt = 0 } = (await page.sessions.find(id)) ?? {}
    const seconds = Math.floor((expiresAt - page.op.clock.now()) / 1000)
    assert.ok(seconds > 590 && seconds <= 600, `${seconds} s`)
    page.op.clock.advance(seconds + 895)
    assert.ok(await page.sessions.find(id))
    page.op.clock.advance(10)
    assert.equal(await page.sessions.find(id), undefined)
  })

  it('is no way in after the token: every page but its own asks the provider', async () => {
    await using page = await startSecurityPage()
    const { browser, credential } = await page.withFactor('/add?factor=totp')
    page.op.clock.advance(601)
    for (const path of ['', '/add', '/change', `/remove?id=${credential.id}`, '/codes'])
      assert.equal(locationOf(await page.once(browser.copy(), path)).pathname, '/auth', path)
    const removal = await page.once(browser, `/remove?id=${credential.id}`, form({ intent: 'remove' }))
    assert.equal(locationOf(removal).href, page.base)
    assert.ok((await own(page)).some(({ id }) => id === credential.id))
  })
})

describe('two tabs with two changes', () => {
  it('keeps the codes that a form was not about unsaved, and shows those that are to be kept now', async () => {
    await using page = await startSecurityPage()
    const { browser } = await page.withFactor('/codes')
    const before = await own(page)
    const begin = () => page.post(browser, '/codes', { intent: 'new-codes' })
    const [first, second] = [await begin(), await begin()]
    const { codes } = seen(second, 'interaction/recovery-codes')
    assert.notEqual(actionOn(first), actionOn(second))
    const stale = await page.post(browser, actionOn(first), { intent: 'saved' })
    const shown = seen(stale, 'interaction/recovery-codes', 422)
    assert.equal(shown.error?.key, 'error.code.another-tab')
    assert.deepEqual(shown.codes, codes)
    assert.equal(actionOn(stale), actionOn(second))
    assert.deepEqual(await own(page), before)
    seen(await page.post(browser, actionOn(stale), { intent: 'saved' }), 'account/home')
    assert.notDeepEqual(await own(page), before)
  })

  it('does nothing by a form that names another change, or none, whatever the form asks for', async () => {
    await using page = await startSecurityPage()
    const { browser, at } = await page.signedIn('/add?factor=totp')
    const other = await page.get(browser, '/add?factor=totp')
    const code = codeNow(secretOn(other), page.op.clock)
    const uid = (await page.sessionOf(browser))?.change?.uid ?? ''
    for (const path of [actionOn(at), '/change?of=', `/change?of=${uid}`, `/change?factor=${uid}`])
      for (const intent of ['confirm', 'choose-again', 'give-up', 'saved', 'nothing']) {
        const answer = await page.post(browser, path, { intent, code })
        const { error } = seen(answer, 'interaction/enrol', 422)
        assert.equal(error?.key, 'error.code.another-tab', `${path} ${intent}`)
        assert.equal(secretOn(answer, 422), secretOn(other))
      }
    const bare = await browser.post(`${page.base}/change`, { intent: 'confirm', code })
    assert.equal(seen(bare, 'interaction/enrol', 422).error?.key, 'error.code.another-tab')
    assert.deepEqual(await own(page), [])
    seen(await page.post(browser, actionOn(other), { intent: 'confirm', code }), 'interaction/recovery-codes')
  })

  it('says on the page of the choice as well that nothing was done', async () => {
    await using page = await startSecurityPage()
    const { browser, at } = await page.signedIn('/add')
    await page.get(browser, '/add')
    const answer = await page.post(browser, actionOn(at), { intent: 'choose', factor: 'totp' })
    assert.equal(seen(answer, 'interaction/choose', 422).error?.key, 'error.code.another-tab')
    const unknown = await page.post(browser, '/change', { intent: 'choose', factor: 'recovery-code' })
    assert.equal(seen(unknown, 'interaction/choose', 422).error?.key, 'error.code.another-tab')
  })

  it('does not write the uid of a change into addresses', async () => {
    await using page = await startSecurityPage()
    const { browser, at } = await page.signedIn('/add')
    const { uid } = (await page.sessionOf(browser))?.change ?? {}
    const name = /of=([\w-]+)$/.exec(actionOn(at))?.[1]
    assert.ok(uid && name && !uid.includes(name))
    assert.ok(!at.body.includes(uid.slice('account-'.length)))
  })
})
