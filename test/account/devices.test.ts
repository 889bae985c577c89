import assert from 'node:assert/strict'
import type { Device } from '../../src/directory/directory.ts'
import { markOfSet } from '../../src/directory/mark.ts'
import { type Answer, Browser } from '../support/browser.ts'
import { password, startProvider } from '../support/provider.ts'

/** The security page at the ready provider, with the browsers that signed in there. */
const startPage = async () => {
  const op = await startProvider({
    config: { policy: { secondFactor: 'optional', trustedDevices: { kind: 'cookie' } } },
  })
  const { directory } = op.duepassi
  const base = `${op.issuer}/account`
  const page = {
    op,
    base,
    // Of the last one that is forgotten its place stays, under a name that no browser has.
    ids: async (accountId = op.maria.id) =>
      (await directory.devices(accountId))
        .map(({ id }) => id)
        .filter((id) => !id.startsWith('forgotten-'))
        .sort(),
    async addDevice(id: string, over: Partial<Device> = {}, seen: Partial<Device['seen']> = {}) {
      const device: Device = {
        id,
        accountId: op.maria.id,
        secretHash: `hash-of-${id}`,
        previousHash: `hash-before-${id}`,
        seen: {
          address: '203.0.113.7',
          country: 'IT',
          city: 'Milano',
          latitude: null,
          longitude: null,
          browser: 'Firefox',
          system: 'Windows',
          ...seen,
        },
        countries: ['IT'],
        trust: null,
        createdAt: op.clock.now(),
        lastUsedAt: op.clock.now(),
        ...over,
      }
      await directory.addDevice(device, 20)
      return device
    },
    async signIn(browser = new Browser()): Promise<{ browser: Browser; home: Answer }> {
      const { url } = await browser.get(base)
      const home = await browser.post(url, { intent: 'sign-in', username: 'maria', password })
      assert.equal(home.url.href, base)
      return { browser, home }
    },
    forget: (browser: Browser, search: string, intent = 'forget') =>
      browser.post(`${base}/forget${search}`, { intent }),
    [Symbol.asyncDispose]: () => op.close(),
  }
  return page
}

/** The devices of a page, each as text. */
const listed = ({ body }: Answer): string[] => {
  const section = body.match(/<h2 id="devices">.*?<\/section>/s)?.[0] ?? ''
  return [...section.matchAll(/<li>(.*?)<\/li>/gs)].map(([, item = '']) =>
    item
      .replaceAll(/<[^>]*>/g, ' ')
      .replaceAll(/\s+/g, ' ')
      .trim(),
  )
}
const saysGone = ({ body, url }: Answer, { base }: { base: string }) => {
  assert.equal(url.href, base)
  assert.match(body, /role="alert".*already removed or changed/s)
  assert.doesNotMatch(body, /Forgotten\./)
}

describe('the devices on the security page', () => {
  it('are those of the account, latest first, with the one at hand marked', async () => {
    await using page = await startPage()
    const lucia = await page.op.addPerson('lucia')
    await page.addDevice('of-lucia', { accountId: lucia.id }, { browser: 'Opera' })
    const { browser } = await page.signIn()
    page.op.clock.advance(7200)
    const now = page.op.clock.now()
    const trust = { at: now, mark: markOfSet([]), factors: ['totp'], key: null }
    await page.addDevice('laptop', { lastUsedAt: now, trust })
    const { home } = await page.signIn(browser)
    const [here, laptop, ...more] = listed(home)
    assert.deepEqual(more, [])
    assert.match(here ?? '', /Unknown browser.*Last used: now.*This device/)
    assert.match(
      laptop ?? '',
      /^Firefox on Windows Milano, Italy Last used: now .*is not asked for here until /,
    )
    assert.doesNotMatch(laptop ?? '', /This device/)
    assert.doesNotMatch(home.body, /Opera|hash-of|hash-before/)
    const elsewhere = await page.signIn()
    assert.deepEqual(
      listed(elsewhere.home).map((text) => text.includes('This device')),
      [true, false, false],
    )
  })

  it('speak the language of the page', async () => {
    await using page = await startPage()
    await page.addDevice('laptop')
    const { home } = await page.signIn(new Browser('it'))
    assert.match(listed(home).join(), /Firefox su Windows Milano, Italia Ultimo uso: /)
  })

  it('count as trusted only as long as they are', async () => {
    await using page = await startPage()
    const now = page.op.clock.now()
    const trust = { at: now, mark: markOfSet([]), factors: ['totp'], key: null }
    await page.addDevice('over', { trust: { ...trust, at: now - 30 * 86_400_000 } })
    await page.addDevice('other-factors', { trust: { ...trust, mark: 'of another set' } })
    const { home } = await page.signIn()
    assert.equal(listed(home).length, 3)
    assert.doesNotMatch(home.body, /not asked for here/)
  })
})

describe('forgetting a device on the security page', () => {
  it('forgets that one, says so once, and writes it down', async () => {
    await using page = await startPage()
    const { browser } = await page.signIn()
    const [own] = await page.ids()
    await page.addDevice('laptop')
    await page.addDevice('phone')
    const done = await page.forget(browser, '?id=laptop')
    assert.equal(done.url.href, page.base)
    assert.match(done.body, /role="status".*Forgotten\./s)
    assert.doesNotMatch((await browser.get(page.base)).body, /Forgotten\./)
    assert.deepEqual(await page.ids(), ['phone', own].sort())
    const [event] = await page.op.audit()
    assert.deepEqual([event?.type, event?.reason], ['device.removed', 'by-owner'])
  })

  it('needs no new proof', async () => {
    await using page = await startPage()
    const { browser } = await page.signIn()
    await page.addDevice('laptop')
    page.op.clock.advance(400)
    await page.forget(browser, '?id=laptop')
    assert.ok(!(await page.ids()).includes('laptop'))
  })

  it('makes this very browser a new one', async () => {
    await using page = await startPage()
    await page.addDevice('laptop')
    const { browser } = await page.signIn()
    const own = (await page.ids()).find((id) => id !== 'laptop') ?? ''
    const done = await page.forget(browser, `?id=${own}`)
    assert.equal(listed(done).length, 1)
    assert.doesNotMatch(done.body, /This device/)
  })

  it('knows no device of anybody else, and none that is not there', async () => {
    await using page = await startPage()
    const lucia = await page.op.addPerson('lucia')
    await page.addDevice('of-lucia', { accountId: lucia.id })
    const { browser } = await page.signIn()
    await page.addDevice('laptop')
    const before = await page.ids()
    for (const search of [
      '?id=of-lucia',
      '?id=laptopx',
      '?id=',
      '',
      '?id=%00',
      '?factor=laptop',
      `?id=../laptop`,
    ])
      saysGone(await page.forget(browser, search), page)
    assert.deepEqual(await page.ids(), before)
    assert.deepEqual(await page.ids(lucia.id), ['of-lucia'])
    assert.ok((await page.op.audit()).every(({ type }) => type !== 'device.removed'))
  })

  it('forgets all of the account where that is meant, and only there', async () => {
    await using page = await startPage()
    const lucia = await page.op.addPerson('lucia')
    await page.addDevice('of-lucia', { accountId: lucia.id })
    const { browser } = await page.signIn()
    await page.addDevice('laptop')
    await page.forget(browser, '', 'other')
    assert.equal((await page.ids()).length, 2)
    const done = await page.forget(browser, '', 'forget-all')
    assert.match(done.body, /Forgotten\./)
    assert.deepEqual(listed(done), [])
    assert.deepEqual(await page.ids(), [])
    // Whoever comes next is not the first: their browser is a new one.
    assert.equal((await page.op.duepassi.directory.devices(page.op.maria.id)).length, 1)
    assert.deepEqual(await page.ids(lucia.id), ['of-lucia'])
    saysGone(await page.forget(browser, '', 'forget-all'), page)
  })

  it('is nothing that a link does, or another site', async () => {
    await using page = await startPage()
    const { browser } = await page.signIn()
    await page.addDevice('laptop')
    assert.equal((await browser.get(`${page.base}/forget?id=laptop`)).url.href, page.base)
    for (const headers of [
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site', origin: page.op.issuer },
      { 'sec-fetch-site': 'none' },
    ])
      for (const intent of ['forget', 'forget-all']) {
        const answer = await browser.post(`${page.base}/forget?id=laptop`, { intent }, headers)
        assert.equal(answer.status, 403)
        assert.match(answer.body, /sent from another site/)
      }
    assert.ok((await page.ids()).includes('laptop'))
  })

  it('is for those who are signed in', async () => {
    await using page = await startPage()
    await page.addDevice('laptop')
    const answer = await page.forget(new Browser(), '?id=laptop')
    assert.match(answer.url.pathname, /^\/interaction\//)
    assert.deepEqual(await page.ids(), ['laptop'])
  })

  it('waits while the second step is locked', async () => {
    await using page = await startPage()
    const { browser } = await page.signIn()
    await page.addDevice('laptop')
    await page.op.duepassi.directory.changeAttempts(page.op.maria.id, 'totp', (state) => ({
      ...state,
      lockedAt: page.op.clock.now(),
    }))
    const answer = await page.forget(browser, '?id=laptop')
    assert.equal(answer.status, 403)
    assert.match(listed(answer).join(), /Firefox on Windows/)
    assert.doesNotMatch(answer.body, /value="forget/)
    assert.ok((await page.ids()).includes('laptop'))
  })
})
