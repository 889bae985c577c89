import assert from 'node:assert/strict'
import { sessionsOf } from '../../src/stores/oidc-adapter.ts'
import { trust } from '../flows/trusted-browsers.ts'
import { type Answer, Browser } from '../support/browser.ts'
import { answerWith, enrolKey } from '../support/passkeys.ts'
import { type Enrolled, password, startProvider, type TestProvider } from '../support/provider.ts'
import { codeOf } from '../support/relying-party.ts'
import { createSoftAuthenticator } from '../support/soft-authenticator.ts'

const firefox = 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0'
const chrome =
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36'

const browserOf = (agent: string, language = 'en'): Browser =>
  new Browser(language, (url, init) =>
    fetch(url, { ...init, headers: { ...(init?.headers as Record<string, string>), 'user-agent': agent } }),
  )

/** The sessions of a page, each as text. */
const listed = ({ body }: Answer): string[] => {
  const section = body.match(/<h2 id="sessions">.*?<\/section>/s)?.[0] ?? ''
  return [...section.matchAll(/<li>(.*?)<\/li>/gs)].map(([, item = '']) =>
    item
      .replaceAll(/<[^>]*>/g, ' ')
      .replaceAll(/\s+/g, ' ')
      .trim(),
  )
}

describe('the sessions on the security page', function () {
  this.timeout(30_000)
  let op: TestProvider
  let maria: Enrolled
  before(async () => {
    op = await startProvider({ config: { policy: { trustedDevices: { kind: 'cookie' } } } })
    maria = await op.enrol()
    await op.addClient({ client_id: 'mail', client_name: 'The <post>' })
  })
  after(() => op.close())
  beforeEach(() => op.duepassi.endings.account(op.maria.id, { reason: 'by-administrator' }))

  const home = async (browser: Browser): Promise<Answer> => {
    const page = await browser.get(`${op.issuer}/account`)
    assert.equal(page.url.pathname, '/account', page.body.slice(0, 300))
    return page
  }
  const signIn = async (browser: Browser) => {
    await op.signIn(maria.secret, {}, browser)
    return browser
  }
  const uids = async (accountId = op.maria.id) =>
    (await sessionsOf(op.duepassi.store, accountId, op.clock)).map(({ uid }) => uid)
  const isIn = async (browser: Browser) => codeOf((await op.begin({ prompt: 'none' }, browser)).page) !== null
  const post = (browser: Browser, search: string, intent: string) =>
    browser.post(`${op.issuer}/account/end${search}`, { intent })

  it('are those of the account: browser, place, since when, how, and what for; this one first', async () => {
    await op.enrolOther('lucia')
    const here = await signIn(browserOf(firefox))
    op.clock.advance(3_500)
    await op.begin({ prompt: 'none' }, here)
    op.clock.advance(3_000)
    await op.begin({ prompt: 'none' }, here)
    const there = await signIn(browserOf(chrome))
    const mail = await op.addClient({ client_id: 'post', client_name: 'The <post>' })
    await op.begin({ prompt: 'none' }, there, mail)
    const [own, other, ...more] = listed(await home(here))
    assert.deepEqual(more, [])
    assert.match(
      own ?? '',
      /^Firefox on Linux Place unknown, 127\.0\.0\.1 Signed in: 1 hour ago Confirmed in two steps Used for: Test application This session$/,
    )
    assert.match(
      other ?? '',
      /^Chrome on Windows .*Signed in: now Confirmed in two steps Used for: Test application, The &lt;post&gt; End$/,
    )
    assert.match(listed(await home(there))[0] ?? '', /^Chrome on Windows.*This session$/)
  })

  it('speak the language of the page', async () => {
    const here = await signIn(browserOf(firefox, 'it'))
    assert.match(
      listed(await home(here))[0] ?? '',
      /^Firefox su Linux Luogo sconosciuto, 127.0.0.1 Inizio: .* Conferma in due passi Usata per: Test application Questa sessione$/,
    )
  })

  it('say where a trusted browser signed in, and where a session was raised', async () => {
    const { browser } = await trust(op, maria.secret, { browser: browserOf(chrome) })
    await op.duepassi.endings.account(op.maria.id, { reason: 'by-owner' })
    await trust(op, maria.secret, { browser })
    const [first] = await uids()
    // By the password and the trust alone.
    const again = browserOf(chrome)
    for (const cookie of browser.cookies().filter(({ name }) => name.includes('device')))
      (again.cookies() as unknown[]).push({ ...cookie })
    const entered = await op.typePassword(await op.begin({}, again), { username: 'maria', password })
    assert.ok(codeOf(entered.page), entered.page.body.slice(0, 300))
    const texts = listed(await home(again))
    assert.match(texts[0] ?? '', /^Chrome on Windows .*Confirmed in one step.*This session$/)
    assert.equal((await uids()).filter((uid) => uid !== first).length, 1)

    const key = createSoftAuthenticator()
    const { account } = await enrolKey(op, 'kim', key)
    const raised = browserOf(firefox)
    const typed = await op.typePassword(await op.begin({}, raised), account)
    await answerWith(typed, key)
    assert.match(
      listed(await home(raised))[0] ?? '',
      /^Firefox on Linux.*Confirmed with a passkey or security key/,
    )
    await answerWith(await op.begin({ prompt: 'second_factor' }, raised), key)
    assert.match(listed(await home(raised))[0] ?? '', /^Firefox on Linux .*This session$/)
  })

  it('end one by one, without a new proof, and the trust in their browser with them', async () => {
    const here = await signIn(new Browser())
    op.clock.advance(5)
    const { browser: there } = await trust(op, maria.secret)
    const third = await signIn(new Browser())
    await home(here)
    op.clock.advance(400)
    const [own, ended] = await uidsByAge()
    const done = await post(here, `?id=${ended}`, 'end')
    assert.match(done.body, /role="status".*Nobody is signed in there any more/s)
    assert.deepEqual((await uids()).includes(ended as string), false)
    assert.ok((await uids()).includes(own as string))
    assert.deepEqual([await isIn(here), await isIn(there), await isIn(third)], [true, false, true])
    const devices = await op.duepassi.directory.devices(op.maria.id)
    assert.ok(devices.every((device) => device.trust === null))
    const [event] = await op.audit()
    assert.deepEqual([event?.type, event?.reason], ['session.ended', 'by-owner'])
  })

  const uidsByAge = async () =>
    (await sessionsOf(op.duepassi.store, op.maria.id, op.clock))
      .sort((one, other) => (one.loginTs ?? 0) - (other.loginTs ?? 0))
      .map(({ uid }) => uid)

  it('end all but this one, whose browser stays trusted', async () => {
    const { browser: here } = await trust(op, maria.secret)
    const { browser: there } = await trust(op, maria.secret)
    const before = (await op.duepassi.directory.devices(op.maria.id)).filter((device) => device.trust)
    assert.equal(before.length, 2)
    await home(here)
    const done = await post(here, '', 'end-others')
    assert.match(done.body, /Nobody is signed in there any more/)
    assert.equal(listed(done).length, 1)
    assert.doesNotMatch(done.body, /End all other sessions/)
    assert.deepEqual([await isIn(here), await isIn(there)], [true, false])
    const after = (await op.duepassi.directory.devices(op.maria.id)).filter((device) => device.trust)
    assert.equal(after.length, 1)
    const [own] = await sessionsOf(op.duepassi.store, op.maria.id, op.clock)
    assert.ok(own)
  })

  it('of others, of nobody and the own one do not end by an address', async () => {
    const here = await signIn(new Browser())
    const { account, browser } = await op.enrolOther('lea')
    await home(here)
    const [own] = await uids()
    const [hers] = await uids(account.id)
    for (const id of [own, hers, 'nobody', '', undefined]) {
      const page = await post(here, id === undefined ? '' : `?id=${id}`, 'end')
      assert.match(page.body, /role="alert".*already removed or changed/s, id)
    }
    assert.ok(await isIn(here))
    assert.ok(await isIn(browser))
  })

  it('end by their buttons alone, from this very site', async () => {
    const here = await signIn(new Browser())
    const there = await signIn(new Browser())
    await home(here)
    const [, other] = await uidsByAge()
    await here.get(`${op.issuer}/account/end?id=${other}`)
    await post(here, `?id=${other}`, 'forget')
    const foreign = await here.post(
      `${op.issuer}/account/end?id=${other}`,
      { intent: 'end' },
      { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' },
    )
    assert.equal(foreign.status, 403)
    assert.ok(await isIn(there))
    const stranger = await new Browser().post(`${op.issuer}/account/end?id=${other}`, { intent: 'end' })
    assert.match(stranger.body, /current-password/)
    assert.ok(await isIn(there))
  })

  it('are no more when they are over', async () => {
    const here = await signIn(new Browser())
    await signIn(new Browser())
    op.clock.advance(3_000)
    assert.ok(await isIn(here))
    op.clock.advance(700)
    assert.equal(listed(await home(here)).length, 1)
  })
})
