import assert from 'node:assert/strict'
import type { Answer, Browser } from '../support/browser.ts'
import { codeNow, wrongCode } from '../support/steps.ts'
import { locationOf, type SecurityPage, seen, startSecurityPage } from './security-page.ts'

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
const namesOf = async (page: SecurityPage) => (await own(page)).map(({ factor }) => factor).sort()
const askedAnew = (page: SecurityPage, answer: Answer) => {
  assert.equal(answer.status, 303)
  assert.equal(locationOf(answer).href.startsWith(`${page.op.issuer}/auth?`), true)
  assert.equal(locationOf(answer).searchParams.get('max_age'), '60')
}

describe('adding a factor on the security page', () => {
  it('goes from choosing by setting up to recovery codes, and back to a page that says so once', async () => {
    await using page = await startSecurityPage()
    const { browser, at } = await page.signedIn('/add')
    assert.equal(at.url.href, `${page.base}/change`)
    const choice = seen(at, 'interaction/choose')
    assert.deepEqual(choice.factors, ['webauthn', 'totp'])
    assert.deepEqual([choice.reason, choice.onAccount, choice.accountName], ['first', true, 'maria'])
    const chosen = await page.post(browser, '/change', { intent: 'choose', factor: 'totp' })
    const enrol = seen(chosen, 'interaction/enrol')
    assert.deepEqual([enrol.otherWays, enrol.onAccount, enrol.accountName], [true, true, 'maria'])
    const secret = secretOn(chosen)

    const wrong = await page.post(browser, '/change', {
      intent: 'confirm',
      code: wrongCode(secret, page.op.clock),
      label: ' My\u0000 phone ',
    })
    const again = seen(wrong, 'interaction/enrol', 422)
    assert.equal(again.error?.key, 'error.code.wrong')
    assert.ok('label' in again.factor)
    assert.equal(again.factor.label, 'My phone')

    const confirmed = await page.post(browser, '/change', {
      intent: 'confirm',
      code: codeNow(secret, page.op.clock),
      label: 'My phone',
    })
    assert.equal(confirmed.url.href, `${page.base}/change`)
    const issued = seen(confirmed, 'interaction/recovery-codes')
    assert.equal(issued.codes.length, 10)
    assert.deepEqual([issued.onAccount, issued.accountName], [true, 'maria'])
    assert.deepEqual(await namesOf(page), ['totp'])

    const home = await page.post(browser, '/change', { intent: 'saved' })
    assert.equal(home.url.href, page.base)
    const shown = seen(home, 'account/home')
    assert.deepEqual([shown.done, shown.state, shown.methods.length], ['added', 'on', 1])
    assert.deepEqual(Object.keys(shown.methods[0] ?? {}).sort(), [
      'createdAt',
      'factor',
      'id',
      'label',
      'lastUsedAt',
      'removable',
    ])
    assert.equal(seen(await page.get(browser), 'account/home').done, undefined)
    // The change is over: its page leads back.
    assert.equal((await page.get(browser, '/change')).url.href, page.base)
    assert.deepEqual(await namesOf(page), ['recovery-code', 'totp'])
    assert.equal(page.notices[0]?.kind, 'factor-enrolled')
  })

  it('begins with the one that is named, and can choose another', async () => {
    await using page = await startSecurityPage()
    const { browser, at } = await page.withFactor('/add?factor=webauthn')
    assert.equal(seen(at, 'interaction/enrol').factor.name, 'webauthn')
    const choice = await page.post(browser, '/change', { intent: 'choose-again' })
    assert.equal(seen(choice, 'interaction/choose').reason, 'more')
    await page.post(browser, '/change', { intent: 'choose', factor: 'webauthn' })
    const refused = await page.post(browser, '/change', { intent: 'confirm', response: 'no' })
    assert.equal(seen(refused, 'interaction/enrol', 422).error?.key, 'error.webauthn.unverified')
    const done = await page.post(browser, '/change', { intent: 'confirm', response: 'touched', label: '' })
    const { methods, ...home } = seen(done, 'account/home')
    assert.equal(home.done, 'added')
    assert.deepEqual(
      methods.map(({ label, synced }) => [label, synced]),
      [
        ['My phone', undefined],
        ['A model', true],
      ],
    )
  })

  it('can be given up, and leaves nothing', async () => {
    await using page = await startSecurityPage()
    const { browser } = await page.signedIn('/add?factor=totp')
    const uid = (await page.sessionOf(browser))?.change?.uid ?? ''
    assert.match(uid, /^account-[\w-]{43}$/)
    const home = await page.post(browser, '/change', { intent: 'give-up' })
    const { done, error } = seen(home, 'account/home')
    assert.deepEqual([home.url.href, done, error], [page.base, undefined, undefined])
    assert.equal(await page.changes.find(uid), undefined)
    assert.equal((await page.get(browser, '/change')).url.href, page.base)
    assert.deepEqual(await own(page), [])
  })

  it('is one at a time: the later takes the place of the earlier', async () => {
    await using page = await startSecurityPage()
    const { browser } = await page.signedIn('/add?factor=totp')
    const first = (await page.sessionOf(browser))?.change?.uid ?? ''
    const second = await page.get(browser, '/add?factor=webauthn')
    assert.equal(seen(second, 'interaction/enrol').factor.name, 'webauthn')
    assert.equal(await page.changes.find(first), undefined)
  })

  it('of nothing that can be added leads back', async () => {
    await using page = await startSecurityPage()
    const { browser } = await page.signedIn()
    for (const factor of ['recovery-code', 'sms', '__proto__']) {
      const home = await page.get(browser, `/add?factor=${factor}`)
      assert.equal(seen(home, 'account/home').error?.key, 'error.account.gone', factor)
    }
    assert.equal((await page.sessionOf(browser))?.change, undefined)
  })

  it('ends with its draft, and says so', async () => {
    await using page = await startSecurityPage()
    const { browser, at } = await page.signedIn('/add?factor=totp')
    const secret = secretOn(at)
    const uid = (await page.sessionOf(browser))?.change?.uid ?? ''
    await page.changes.end(uid)
    const code = codeNow(secret, page.op.clock)
    const home = await page.post(browser, '/change', { intent: 'confirm', code })
    assert.equal(seen(home, 'account/home').error?.key, 'error.account.gone')
    assert.equal(seen(await page.get(browser), 'account/home').error, undefined)
    assert.deepEqual(await own(page), [])
  })

  it('may be confirmed later than its proof stays fresh', async () => {
    await using page = await startSecurityPage()
    const { browser, at } = await page.signedIn('/add?factor=totp')
    page.op.clock.advance(420)
    const code = codeNow(secretOn(at), page.op.clock)
    seen(await page.post(browser, '/change', { intent: 'confirm', code }), 'interaction/recovery-codes')
  })

  it('goes on when the same person signs in again in another tab, and ends with anybody else', async () => {
    await using page = await startSecurityPage()
    const { browser, at } = await page.signedIn('/add?factor=totp')
    page.op.clock.advance(301)
    const again = await page.toCallback(browser, `${page.base}/add`)
    const back = await browser.once(again)
    assert.equal(locationOf(back).href, `${page.base}/add`)
    assert.equal(secretOn(await page.get(browser, '/change')), secretOn(at))

    const uid = (await page.sessionOf(browser))?.change?.uid ?? ''
    page.op.clock.advance(301)
    const other = await page.toCallback(browser, `${page.base}/add`)
    await page.sessions.update(page.cookieOf(browser), (session) => ({ ...session, sub: 'lucia' }))
    await browser.once(other)
    assert.equal((await page.sessionOf(browser))?.change, undefined)
    assert.equal(await page.changes.find(uid), undefined)
  })

  it('is not begun by a link on another site, which would end the one under way', async () => {
    await using page = await startSecurityPage()
    const { browser } = await page.withFactor('/codes')
    const issued = await page.post(browser, '/codes', { intent: 'new-codes' })
    const { codes } = seen(issued, 'interaction/recovery-codes')
    const before = (await page.sessionOf(browser))?.change
    for (const path of ['/add', '/add?factor=totp']) {
      const answer = await page.once(browser, path, { headers: { 'sec-fetch-site': 'cross-site' } })
      assert.deepEqual([answer.status, locationOf(answer).href], [303, page.base], path)
    }
    assert.deepEqual((await page.sessionOf(browser))?.change, before)
    assert.deepEqual(seen(await page.get(browser, '/change'), 'interaction/recovery-codes').codes, codes)
    for (const from of ['none', 'same-origin', 'same-site'])
      assert.equal(
        locationOf(await page.once(browser, '/add?factor=totp', { headers: { 'sec-fetch-site': from } }))
          .href,
        `${page.base}/change`,
        from,
      )
  })

  it('shows nobody the change of another account', async () => {
    await using page = await startSecurityPage()
    const { browser } = await page.signedIn('/add?factor=totp')
    const uid = (await page.sessionOf(browser))?.change?.uid ?? ''
    const change = await page.changes.find(uid)
    const foreign = { ...(change as NonNullable<typeof change>), accountId: 'lucia' }
    const find = page.changes.find
    page.changes.find = async (asked) => (asked === uid ? foreign : find(asked))
    const home = await page.get(browser, '/change')
    assert.equal(seen(home, 'account/home').error?.key, 'error.account.gone')
  })
})

describe('a session of one factor', () => {
  it('can neither add, nor remove, nor issue codes, once the account has a factor', async () => {
    await using page = await startSecurityPage()
    const { browser } = await page.signedIn()
    const { id } = await page.addCredential()
    for (const path of ['/add', '/add?factor=totp', `/remove?id=${id}`, '/codes'])
      askedAnew(page, await page.once(browser, path))
    for (const [path, intent] of [
      [`/remove?id=${id}`, 'remove'],
      ['/codes', 'new-codes'],
    ] as const)
      askedAnew(page, await page.once(browser, path, form({ intent })))
    assert.deepEqual(await namesOf(page), ['totp'])
    assert.equal((await page.sessionOf(browser))?.change, undefined)
  })

  it('adds nothing to an account that gets its factor in that very moment', async () => {
    await using page = await startSecurityPage()
    const { browser } = await page.signedIn()
    const { beginAdding, end } = page.changes
    const ended: string[] = []
    page.changes.beginAdding = async (...asked) => {
      await page.addCredential()
      return beginAdding(...asked)
    }
    page.changes.end = async (uid) => {
      ended.push(uid)
      return end(uid)
    }
    askedAnew(page, await page.once(browser, '/add?factor=totp'))
    assert.equal(ended.length, 1)
    assert.equal(await page.changes.find(ended[0] ?? ''), undefined)
    assert.equal((await page.sessionOf(browser))?.change, undefined)
  })
})

describe('a proof that gets old', () => {
  it('is enough for 300 seconds, and is asked for anew in the 301st', async () => {
    await using page = await startSecurityPage()
    const { browser, credential } = await page.withFactor()
    const authTime = (await page.sessionOf(browser))?.authTime ?? 0
    const paths = ['/add', `/remove?id=${credential.id}`, '/codes']
    for (const [seconds, fresh] of [
      [299, true],
      [300, true],
      [301, false],
    ] as const) {
      page.pageTime.now = (authTime + seconds) * 1000
      for (const path of paths) {
        const answer = await page.once(browser, path)
        if (!fresh) askedAnew(page, answer)
        else if (path === '/add') assert.equal(locationOf(answer).href, `${page.base}/change`)
        else assert.equal(answer.status, 200, path)
      }
      const rename = await page.get(browser, `/rename?id=${credential.id}`)
      seen(rename, 'account/rename')
    }
    const { change } = (await page.sessionOf(browser)) ?? {}
    for (const [path, intent] of [
      [`/remove?id=${credential.id}`, 'remove'],
      ['/codes', 'new-codes'],
    ] as const)
      askedAnew(page, await page.once(browser, path, form({ intent })))
    assert.deepEqual(await namesOf(page), ['recovery-code', 'totp'])
    assert.deepEqual((await page.sessionOf(browser))?.change, change)
  })

  it('while the page was read is asked for at the POST, and leads back to the page', async () => {
    await using page = await startSecurityPage()
    const { browser, credential } = await page.withFactor()
    const path = `/remove?id=${credential.id}`
    seen(await page.get(browser, path), 'account/remove')
    page.op.clock.advance(301)
    const answer = await page.once(browser, path, form({ intent: 'remove' }))
    askedAnew(page, answer)
    assert.deepEqual(await namesOf(page), ['recovery-code', 'totp'])
    const callback = await page.toCallback(browser, locationOf(answer))
    const back = await browser.get(callback)
    assert.equal(back.url.href, `${page.base}${path}`)
    seen(back, 'account/remove')
    assert.deepEqual(await namesOf(page), ['recovery-code', 'totp'])
    seen(await page.post(browser, path, { intent: 'remove' }), 'account/home')
    assert.deepEqual(await namesOf(page), [])
  })
})

describe('new recovery codes on the security page', () => {
  it('are shown once, and replace the old ones when they are saved', async () => {
    await using page = await startSecurityPage()
    const { browser, at } = await page.withFactor('/codes')
    assert.equal(seen(at, 'account/codes').left, 10)
    const before = (await own(page)).find(({ factor }) => factor === 'recovery-code')?.id
    const issued = await page.post(browser, '/codes', { intent: 'new-codes' })
    assert.equal(issued.url.href, `${page.base}/change`)
    assert.equal(seen(issued, 'interaction/recovery-codes').codes.length, 10)
    assert.ok((await own(page)).some(({ id }) => id === before))
    const home = await page.post(browser, '/change', { intent: 'saved' })
    assert.equal(seen(home, 'account/home').done, 'codes')
    const codes = (await own(page)).filter(({ factor }) => factor === 'recovery-code')
    assert.equal(codes.length, 1)
    assert.notEqual(codes[0]?.id, before)
  })

  it('are not to be had without a factor, or where there is no place to hash them', async () => {
    await using page = await startSecurityPage()
    const { browser } = await page.signedIn()
    assert.equal((await page.get(browser, '/codes')).url.href, page.base)
    assert.equal((await page.post(browser, '/codes', { intent: 'new-codes' })).url.href, page.base)
    const other = await page.withFactor()
    page.changes.beginCodes = async () => undefined
    const busy = await page.post(other.browser, '/codes', { intent: 'new-codes' })
    assert.equal(seen(busy, 'account/home').error?.key, 'error.busy')
  })
})

describe('a second press', () => {
  it('of the same form adds one factor and ends on the same page', async () => {
    await using page = await startSecurityPage()
    const { browser, at } = await page.withFactor('/add?factor=webauthn')
    assert.equal(seen(at, 'interaction/enrol').factor.name, 'webauthn')
    const address = page.changeOf(browser)
    const press = (one: Browser) =>
      one.once(address, form({ intent: 'confirm', response: 'touched', label: 'Key' }))
    const answers = await Promise.all(Array.from({ length: 8 }, () => press(browser.copy())))
    for (const answer of answers) assert.equal(locationOf(answer).pathname.startsWith('/account'), true)
    assert.equal((await namesOf(page)).filter((factor) => factor === 'webauthn').length, 1)
    assert.equal(seen(await page.get(browser), 'account/home').done, 'added')
  })
})
