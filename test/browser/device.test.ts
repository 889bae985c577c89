import assert from 'node:assert/strict'
import type { Browser, Page } from 'playwright-core'
import { addDevice, type Device } from '../flows/devices-without-keyboard.ts'
import { launchChromium } from '../support/demo.ts'
import { password, startProvider, type TestProvider } from '../support/provider.ts'

/** As a person before a television: the ready provider, and Chromium. */
describe('a device without a keyboard, in Chromium', function () {
  this.timeout(120_000)
  let browser: Browser
  let op: TestProvider
  let secret: string
  let device: Device

  before(async function () {
    this.timeout(180_000)
    browser = await launchChromium()
    op = await startProvider({ config: { protocol: { device: { interval: 1 } } } })
    ;({ secret } = await op.enrol())
    device = await addDevice(op)
  })
  after(async () => {
    await browser?.close()
    await op?.close()
  })

  for (const javaScriptEnabled of [true, false])
    it(`is signed in by a link, two buttons and both factors, ${javaScriptEnabled ? 'with' : 'without'} scripts`, async () => {
      const context = await browser.newContext({ locale: 'en-GB', javaScriptEnabled })
      const complaints: string[] = []
      context.on('console', (message) => complaints.push(message.text()))
      const page: Page = await context.newPage()
      const begun = await device.begin()
      await page.goto(String(begun.verification_uri_complete))
      assert.equal(await page.getByLabel('Code on the device').inputValue(), begun.user_code)
      await page.getByRole('button', { name: 'Continue' }).click()
      await page.getByText('Only continue if you have this device in front of you').waitFor()
      assert.equal(await page.locator('.device-code').innerText(), begun.user_code)
      await page.getByRole('button', { name: 'Continue' }).click()
      await page.fill('[name=username]', 'maria')
      await page.fill('[name=password]', password)
      await page.locator('button[value=sign-in]').click()
      await page.fill('[name=code]', op.nextCode(secret))
      await page.locator('button[value=answer]').click()
      await page.getByRole('heading', { name: 'Your device is connected' }).waitFor()
      assert.deepEqual(complaints, [])
      assert.equal((await device.ask(begun.device_code)).status, 200)
      await context.close()
    })

  it('is refused by the other button', async () => {
    const page = await browser.newPage({ locale: 'en-GB' })
    const begun = await device.begin()
    await page.goto(begun.verification_uri)
    const field = page.getByLabel('Code on the device')
    await field.fill(begun.user_code.toLowerCase())
    await field.press('Enter')
    await page.getByRole('button', { name: 'This is not my device' }).click()
    await page.getByRole('heading', { name: 'The device was refused' }).waitFor()
    assert.equal((await device.ask(begun.device_code)).body['error'], 'access_denied')
    await page.close()
  })
})
