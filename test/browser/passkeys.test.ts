import assert from 'node:assert/strict'
import type { Browser, CDPSession, Page } from 'playwright-core'
import { type Demo, launchChromium, startDemo } from '../support/demo.ts'

/** As a person with a security key and a laptop: the demo's processes, and Chromium with its virtual authenticator. */
describe('the demo with passkeys, in Chromium', function () {
  this.timeout(120_000)
  let demo: Demo
  let browser: Browser
  let page: Page
  let devtools: CDPSession
  const complaints: string[] = []

  const plugIn = async (options: Record<string, unknown>): Promise<string> => {
    const { authenticatorId } = await devtools.send('WebAuthn.addVirtualAuthenticator', {
      options: {
        protocol: 'ctap2',
        transport: 'usb',
        hasResidentKey: true,
        hasUserVerification: true,
        isUserVerified: true,
        automaticPresenceSimulation: true,
        ...options,
      },
    })
    return authenticatorId
  }
  const unplug = (authenticatorId: string) =>
    devtools.send('WebAuthn.removeVirtualAuthenticator', { authenticatorId })
  const press = (intent: string) => page.locator(`button[value="${intent}"]`).first().click()
  const choose = (factor: string) => page.locator(`form:has(input[value=${factor}]) button`).first().click()
  const typePassword = async () => {
    await page.fill('[name=username]', 'maria')
    await page.fill('[name=password]', 'due passi avanti')
    await press('sign-in')
  }
  const signInAgain = async () => {
    await page.goto(demo.relyingParty)
    await page
      .getByRole('link', { name: /^sign in again$/i })
      .or(page.getByRole('button', { name: /^sign in again$/i }))
      .click()
  }
  const claims = async (): Promise<Record<string, string>> => {
    await page.waitForURL(`${demo.relyingParty}/claims`)
    const rows = await page.locator('tr').all()
    const cells = await Promise.all(rows.slice(1).map((row) => row.locator('td, th').allInnerTexts()))
    return Object.fromEntries(cells.map(([name = '', value = '']) => [name, value.replaceAll(/\s/g, '')]))
  }
  const subjects = async (): Promise<string> => {
    const other = await page.context().newPage()
    await other.goto(demo.inbox)
    const text = await other.locator('body').innerText()
    await other.close()
    return text
  }
  const account = async (): Promise<string> => {
    await page.goto(`${demo.provider}/account`)
    return page.locator('main').innerText()
  }

  let key = ''

  before(async () => {
    demo = await startDemo()
    browser = await launchChromium()
    page = await (await browser.newContext({ locale: 'en-GB' })).newPage()
    page.on('pageerror', ({ message }) => complaints.push(message))
    page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()))
    devtools = await page.context().newCDPSession(page)
    await devtools.send('WebAuthn.enable')
  })
  after(async () => {
    await browser?.close()
    await demo?.stop()
  })
  afterEach(() => assert.deepEqual(complaints.splice(0), []))

  it('sets up a security key at the first sign-in', async () => {
    key = await plugIn({})
    await page.goto(demo.relyingParty)
    await page.getByRole('link', { name: /^sign in$/i }).click()
    await typePassword()
    await choose('webauthn')
    await page.fill('[name=label]', 'Blue key')
    await press('confirm')
    await page.getByRole('checkbox').check()
    await press('saved')
    const { acr, amr } = await claims()
    assert.equal(acr, 'phr')
    assert.deepEqual(JSON.parse(amr ?? ''), ['pwd', 'pop', 'user', 'mfa'])
    assert.match(await subjects(), /Blue key/)
  })
  it('signs in with it', async () => {
    await signInAgain()
    await typePassword()
    await press('answer')
    const { acr, amr } = await claims()
    assert.equal(acr, 'phr')
    assert.deepEqual(JSON.parse(amr ?? ''), ['pwd', 'pop', 'user', 'mfa'])
  })
  it('adds a passkey on the security page', async () => {
    const shown = await account()
    assert.match(shown, /second step is on/i)
    assert.match(shown, /Blue key/)
    await page.goto(`${demo.provider}/account/add`)
    await unplug(key)
    await plugIn({ transport: 'internal', defaultBackupEligibility: true, defaultBackupState: true })
    await choose('webauthn')
    await page.fill('[name=label]', 'My laptop')
    await press('confirm')
    await page.waitForURL(`${demo.provider}/account`)
    assert.match(await page.locator('main').innerText(), /My laptop[\s\S]*Never used yet/)
    assert.match(await subjects(), /My laptop/)
  })
  it('signs in with the passkey alone: no password, no code', async () => {
    await signInAgain()
    // The autofill of the login page may have answered already.
    await page.waitForURL(/\/claims$/, { timeout: 5_000 }).catch(() => press('passkey'))
    const { acr, amr } = await claims()
    assert.equal(acr, 'phr')
    assert.deepEqual(JSON.parse(amr ?? ''), ['pop', 'user', 'mfa'])
  })
  it('removes the key, and cannot remove the last one', async () => {
    await account()
    await page
      .locator('li', { hasText: 'Blue key' })
      .getByRole('link', { name: /remove/i })
      .click()
    await press('remove')
    await page.waitForURL(`${demo.provider}/account`)
    const shown = await page.locator('main').innerText()
    assert.doesNotMatch(shown, /Blue key/)
    assert.match(shown, /My laptop/)
    assert.equal(await page.getByRole('link', { name: /remove/i }).count(), 0)
    assert.match(await subjects(), /removed/i)
  })
})
