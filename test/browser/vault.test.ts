import assert from 'node:assert/strict'
import type { Browser, Page } from 'playwright-core'
import { systemClock } from '../../src/clock.ts'
import { type Demo, launchChromium, startDemo } from '../support/demo.ts'
import { codeNow } from '../support/steps.ts'

/** As a person with an app, who gets a key because a resource server asks for one. */
describe('the vault of the demo, in Chromium', function () {
  this.timeout(120_000)
  let demo: Demo
  let browser: Browser
  let page: Page
  let secret: string
  const complaints: string[] = []

  /** A code is good once: each is of a later step than the one before. */
  const phone = (later: number) => codeNow(secret, { ...systemClock, advance: () => {} }, later)
  const press = (intent: string) => page.locator(`button[value="${intent}"]`).first().click()
  const openVault = () => page.getByRole('link', { name: 'Open the vault' }).click()
  const main = () => page.locator('main').innerText()

  before(async () => {
    demo = await startDemo()
    browser = await launchChromium()
    page = await (await browser.newContext({ locale: 'en-GB' })).newPage()
    page.on('pageerror', ({ message }) => complaints.push(message))
    page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()))
  })
  after(async () => {
    await browser?.close()
    await demo?.stop()
  })
  afterEach(() => assert.deepEqual(complaints.splice(0), []))

  it('leads from the token of an app over a new key to what is inside', async () => {
    await page.goto(demo.relyingParty)
    await page.getByRole('link', { name: /^sign in$/i }).click()
    await page.fill('[name=username]', 'maria')
    await page.fill('[name=password]', 'due passi avanti')
    await press('sign-in')
    await page.locator('form:has(input[value=totp]) button').first().click()
    const link = await page.locator('a[href^="otpauth://"]').first().getAttribute('href')
    secret = new URL(link as string).searchParams.get('secret') as string
    await page.fill('[name=code]', phone(0))
    await press('confirm')
    await page.getByRole('checkbox').check()
    await press('saved')
    await page.waitForURL(`${demo.relyingParty}/claims`)
    assert.match(await main(), /refeds\.org\/profile\/mfa/)

    await openVault()
    await page.waitForURL(`${demo.provider}/interaction/**`)
    // No password: of what there is, only what is missing.
    assert.equal(await page.locator('[name=password]').count(), 0)
    await page.fill('[name=code]', phone(1))
    const devtools = await page.context().newCDPSession(page)
    await devtools.send('WebAuthn.enable')
    await devtools.send('WebAuthn.addVirtualAuthenticator', {
      options: {
        protocol: 'ctap2',
        transport: 'usb',
        hasResidentKey: true,
        hasUserVerification: true,
        isUserVerified: true,
        automaticPresenceSimulation: true,
      },
    })
    await press('answer')
    await page.fill('[name=label]', 'Key of the vault')
    await press('confirm')
    await page.waitForURL(`${demo.relyingParty}/vault`)
    const story = await main()
    assert.match(story, /tiramisù/)
    assert.match(story, /two factors/)
    assert.match(story, /401 with the error insufficient_user_authentication/)
    assert.match(story, /the token says phr /)
  })
  it('opens at once from then on', async () => {
    await page.getByRole('link', { name: 'Back to your claims' }).click()
    await openVault()
    await page.waitForURL(`${demo.relyingParty}/vault`)
    assert.match(await main(), /opened at once: the access token says phr/)
  })
})
