import assert from 'node:assert/strict'
import { DuepassiError } from '../../src/errors.ts'
import type { Store } from '../../src/stores/store.ts'
import { Browser } from '../support/browser.ts'
import { type SecurityPage, seen, startSecurityPage } from './security-page.ts'

const own = async ({ op }: SecurityPage) => op.duepassi.directory.credentials(op.maria.id)
const home = 'account/home'

describe('removing a factor on the security page', () => {
  it('asks first, removes it, and says so once', async () => {
    await using page = await startSecurityPage()
    const { browser } = await page.withFactor()
    await page.addKey({ id: 'key-1', label: 'Key' })
    const { method, base } = seen(await page.get(browser, '/remove?id=key-1'), 'account/remove')
    assert.deepEqual([method.id, method.synced, method.removable, base], ['key-1', true, true, '/account'])
    assert.equal(JSON.stringify(method).includes('handle-of-maria'), false)
    seen(await page.post(browser, '/remove?id=key-1', { intent: 'other' }), 'account/remove')
    const done = await page.post(browser, '/remove?id=key-1', { intent: 'remove' })
    assert.equal(done.url.href, page.base)
    assert.equal(seen(done, home).done, 'removed')
    assert.equal(seen(await page.get(browser), home).done, undefined)
    assert.ok((await own(page)).every(({ id }) => id !== 'key-1'))
  })

  it('ends the other sessions of the account, and none where nothing was removed', async () => {
    await using page = await startSecurityPage({
      over: () => ({ policyOf: async () => ({ rules: { required: [], forbidden: [] }, demanded: true }) }),
    })
    const { browser, credential } = await page.withFactor()
    const key = await page.addKey()
    for (const [path, intent] of [
      ['/remove?id=unknown', 'remove'],
      [`/remove?id=${key.id}`, 'other'],
      [`/rename?id=${key.id}`, 'rename'],
    ] as const)
      await page.post(browser, path, { intent, label: 'Key' })
    assert.deepEqual(page.sessionsEnded, [])
    const { accessToken } = (await page.sessionOf(browser)) ?? {}
    await page.post(browser, `/remove?id=${key.id}`, { intent: 'remove' })
    assert.deepEqual(page.sessionsEnded, [[page.op.maria.id, accessToken, 'factor-removed']])
    // The last one is demanded, and stays.
    await page.post(browser, `/remove?id=${credential.id}`, { intent: 'remove' })
    assert.equal(page.sessionsEnded.length, 1)
  })

  it('tells the browser which passkeys remain, once, also when none does', async () => {
    await using page = await startSecurityPage()
    const { browser } = await page.withFactor()
    const first = await page.addKey()
    const second = await page.addKey()
    const one = seen(await page.post(browser, `/remove?id=${first.id}`, { intent: 'remove' }), home)
    assert.deepEqual(one.signal, {
      rpId: '127.0.0.1',
      userId: 'handle-of-maria',
      credentialIds: [second.handle],
    })
    assert.equal(seen(await page.get(browser), home).signal, undefined)
    const none = seen(await page.post(browser, `/remove?id=${second.id}`, { intent: 'remove' }), home)
    assert.deepEqual(none.signal?.credentialIds, [])
  })

  it('says nothing of passkeys when it was none', async () => {
    await using page = await startSecurityPage()
    const { browser, credential } = await page.withFactor()
    await page.addKey()
    const shown = seen(await page.post(browser, `/remove?id=${credential.id}`, { intent: 'remove' }), home)
    assert.deepEqual([shown.done, shown.signal], ['removed', undefined])
  })

  it('keeps the last one that is demanded, and says why', async () => {
    await using page = await startSecurityPage({
      over: () => ({ policyOf: async () => ({ rules: { required: [], forbidden: [] }, demanded: true }) }),
    })
    const { browser, credential } = await page.withFactor()
    assert.equal(seen(await page.get(browser), home).methods[0]?.removable, false)
    const kept = await page.post(browser, `/remove?id=${credential.id}`, { intent: 'remove' })
    assert.equal(seen(kept, home).error?.key, 'error.account.demanded')
    assert.equal(seen(await page.get(browser), home).error, undefined)
    assert.ok((await own(page)).some(({ id }) => id === credential.id))
  })

  it('knows no credential of anybody else', async () => {
    await using page = await startSecurityPage()
    const lucia = await page.op.addPerson('lucia')
    const foreign = await page.addCredential({ accountId: lucia.id })
    const { browser, credential } = await page.withFactor()
    const codes = (await own(page)).find(({ factor }) => factor === 'recovery-code')?.id ?? ''
    for (const id of [foreign.id, codes, 'unknown', '', `${credential.id}x`, '../x'])
      for (const name of ['remove', 'rename'])
        for (const answer of [
          await page.get(browser, `/${name}?id=${id}`),
          await page.post(browser, `/${name}?id=${id}`, { intent: name, label: 'Mine' }),
        ]) {
          assert.equal(answer.url.href, page.base)
          assert.equal(seen(answer, home).error?.key, 'error.account.gone', `${name} ${id}`)
        }
    const [theirs] = await page.op.duepassi.directory.credentials(lucia.id)
    assert.equal(theirs?.label, 'My phone')
    assert.equal((await own(page)).length, 2)
  })
})

describe('renaming on the security page', () => {
  it('takes a name of up to 60 letters, and no empty one', async () => {
    await using page = await startSecurityPage()
    const { browser, credential } = await page.withFactor()
    const path = `/rename?id=${credential.id}`
    assert.equal(seen(await page.get(browser, path), 'account/rename').method.label, 'My phone')
    for (const label of ['', '   ', '\u0000\u200b'])
      assert.ok(
        seen(await page.post(browser, path, { intent: 'rename', label }), 'account/rename', 422).error,
      )
    const done = await page.post(browser, path, { intent: 'rename', label: ` ${'é'.repeat(70)} ` })
    assert.equal(seen(done, home).done, 'renamed')
    assert.equal((await own(page)).find(({ id }) => id === credential.id)?.label, 'é'.repeat(60))
    seen(await page.post(browser, path, { intent: 'other', label: 'x' }), 'account/rename')
  })

  it('needs no new proof', async () => {
    await using page = await startSecurityPage()
    const { browser, credential } = await page.withFactor()
    page.op.clock.advance(400)
    const path = `/rename?id=${credential.id}`
    seen(await page.post(browser, path, { intent: 'rename', label: 'New' }), home)
    assert.equal((await own(page))[0]?.label, 'New')
  })
})

describe('a flash', () => {
  it('is shown by one of many parallel pages, and by no HEAD', async () => {
    await using page = await startSecurityPage()
    const { browser } = await page.signedIn()
    await page.sessions.update(page.cookieOf(browser), (session) => ({
      ...session,
      flash: { done: 'added' },
    }))
    const head = await page.once(browser, '', { method: 'HEAD' })
    assert.deepEqual([head.status, head.body], [200, ''])
    const answers = await Promise.all(Array.from({ length: 20 }, () => page.once(browser.copy())))
    assert.equal(answers.filter((answer) => seen(answer, home).done === 'added').length, 1)
  })
})

describe('what the security page refuses', () => {
  it('is whatever another site sends, changing nothing', async () => {
    await using page = await startSecurityPage()
    const { browser, credential } = await page.withFactor('/add?factor=totp')
    const posts = [
      '/change',
      `/remove?id=${credential.id}`,
      `/rename?id=${credential.id}`,
      '/codes',
      '/sign-out',
    ]
    for (const path of posts)
      for (const headers of [
        { 'sec-fetch-site': 'cross-site' },
        { 'sec-fetch-site': 'same-site', origin: page.op.issuer },
        { 'sec-fetch-site': 'none' },
      ]) {
        const answer = await page.once(browser, path, {
          method: 'POST',
          headers: { ...headers, 'content-type': 'application/x-www-form-urlencoded' },
          body: 'intent=remove&label=x',
        })
        assert.equal(seen(answer, 'interaction/error', 403).error.key, 'error.cross_site')
      }
    assert.deepEqual((await own(page)).map(({ label }) => label).sort(), ['', 'My phone'])
    assert.ok((await page.sessionOf(browser))?.change)
  })

  it('is a form that is none, and a method that an address does not know', async () => {
    await using page = await startSecurityPage()
    const { browser, credential } = await page.withFactor()
    const headers = { 'sec-fetch-site': 'same-origin', 'content-type': 'application/json' }
    const init = { method: 'POST', headers, body: '{}' }
    const bad = await page.once(browser, `/rename?id=${credential.id}`, init)
    const { error, requestId } = seen(bad, 'interaction/error', 400)
    assert.deepEqual([error.key, requestId], ['error.bad_form', 'request-1'])
    for (const [method, path, allow] of [
      ['POST', '', 'GET, HEAD'],
      ['POST', '/add', 'GET'],
      ['POST', '/callback', 'GET'],
      ['GET', '/sign-out', 'POST'],
      ['PUT', '/rename', 'GET, HEAD, POST'],
      ['DELETE', '/remove', 'GET, HEAD, POST'],
    ] as const) {
      const answer = await page.once(browser, path, { method, headers: { 'sec-fetch-site': 'same-origin' } })
      seen(answer, 'interaction/error', 405)
      assert.equal(answer.headers.get('allow'), allow)
    }
    for (const path of ['/add', '/callback'])
      assert.equal((await page.once(browser, path, { method: 'HEAD' })).status, 405)
    assert.equal((await page.once(browser, '/elsewhere')).status, 404)
  })

  it('is any change to a locked account, which it shows', async () => {
    await using page = await startSecurityPage()
    const { browser, credential } = await page.withFactor('/add?factor=webauthn')
    await page.op.duepassi.directory.changeAttempts(page.op.maria.id, 'totp', (state) => ({
      ...state,
      lockedAt: page.op.clock.now(),
    }))
    assert.equal(seen(await page.get(browser), home).state, 'locked')
    const paths = ['/add', '/codes', '/change', `/remove?id=${credential.id}`, `/rename?id=${credential.id}`]
    for (const path of paths) assert.equal(seen(await page.get(browser, path), home, 403).state, 'locked')
    for (const [path, intent] of [
      ['/change', 'confirm'],
      ['/codes', 'new-codes'],
      [`/remove?id=${credential.id}`, 'remove'],
      [`/rename?id=${credential.id}`, 'rename'],
    ] as const)
      seen(await page.post(browser, path, { intent, response: 'touched', label: 'x' }), home, 403)
    assert.deepEqual((await own(page)).map(({ factor }) => factor).sort(), ['recovery-code', 'totp'])
  })
})

describe('when something is down', () => {
  it('the page says so with 503, whichever part it is, and never how', async () => {
    let down = false
    let providerDown = false
    const broken = (store: Store): Store =>
      new Proxy(store, {
        get: (target, name: keyof Store) =>
          down
            ? async () => {
                throw new DuepassiError('store_unavailable', 'boom at 10.0.0.7')
              }
            : target[name],
      })
    await using page = await startSecurityPage({
      wrapStore: broken,
      intercept(_req, res) {
        if (providerDown)
          res.writeHead(500, { 'content-type': 'application/json' }).end('{"error":"server_error"}')
        return providerDown
      },
    })
    const unavailable = async (browser: Browser, path: string) => {
      const answer = await page.once(browser, path)
      assert.equal(seen(answer, 'interaction/error', 503).error.key, 'error.store')
      assert.doesNotMatch(answer.body, /boom|10\.0\.0\.7/)
    }
    // A discovery that failed is tried again.
    providerDown = true
    await unavailable(new Browser(), '')
    providerDown = false
    const waiting = new Browser()
    const callback = await page.toCallback(waiting, page.base)
    const { browser } = await page.signedIn()

    down = true
    for (const path of ['', '/add', '/change', '/codes']) await unavailable(browser, path)
    await unavailable(new Browser(), '')
    await unavailable(waiting, `/callback${callback.search}`)
    down = false

    providerDown = true
    await unavailable(browser, '')
    providerDown = false
    // Nobody was signed out by it, and a sign-in under way goes on.
    seen(await page.get(browser), home)
    assert.equal((await waiting.once(callback)).status, 303)

    const third = new Browser()
    const late = await page.toCallback(third, page.base)
    providerDown = true
    await unavailable(third, `/callback${late.search}`)
    providerDown = false
    assert.ok(page.logged.some((line) => line.includes('a page could not be answered')))
  })

  it('an error that nobody expected is a page without its text', async () => {
    await using page = await startSecurityPage()
    const { browser } = await page.signedIn()
    page.changes.overview = async () => {
      throw new Error('boom')
    }
    const answer = await page.once(browser)
    assert.equal(seen(answer, 'interaction/error', 500).error.key, 'error.unexpected')
    assert.doesNotMatch(answer.body, /boom/)
    page.changes.overview = async () => {
      throw new DuepassiError('busy', 'no place', { retryAfter: 7 })
    }
    assert.equal(seen(await page.once(browser), 'interaction/busy', 503).seconds, 7)
  })
})
