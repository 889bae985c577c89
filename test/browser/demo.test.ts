import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Browser, Page } from 'playwright-core'
import { type Demo, launchChromium, root, startDemo } from '../support/demo.ts'
import { program } from '../support/machine.ts'

const run = promisify(execFile)

/** As a person: the demo's processes, Chromium, and oathtool as the phone. */
describe('the demo, in Chromium', function () {
  this.timeout(180_000)
  let demo: Demo
  let folder: string
  let relyingParty: string
  let inbox: string
  let browser: Browser
  let page: Page
  let secret: string
  let codes: string[]
  let lastCode = ''

  /** The code of an independent authenticator; a new one each time, as a code is accepted once. */
  const phone = async (): Promise<string> => {
    for (;;) {
      const { stdout } = await run(await program('oathtool'), ['--totp', '-b', secret])
      const code = stdout.trim()
      if (code !== lastCode) {
        lastCode = code
        return code
      }
      await new Promise((resolve) => setTimeout(resolve, 500))
    }
  }
  const press = (intent: string) => page.locator(`button[value="${intent}"]`).first().click()
  const signInWithPassword = async () => {
    await page.goto(relyingParty)
    const again = page
      .getByRole('link', { name: /^sign in again$/i })
      .or(page.getByRole('button', { name: /^sign in again$/i }))
    await ((await again.count()) > 0 ? again : page.getByRole('link', { name: /^sign in$/i })).click()
    await page.fill('[name=username]', ' MARIA@example.org ')
    await page.fill('[name=password]', 'due passi avanti')
    await press('sign-in')
  }
  const typeCode = async (code: string, intent = 'answer') => {
    await page.fill('[name=code]', code)
    await press(intent)
  }

  before(async () => {
    demo = await startDemo()
    ;({ relyingParty, inbox, folder } = demo)
    browser = await launchChromium()
    page = await (await browser.newContext({ locale: 'en-GB' })).newPage()
  })
  after(async () => {
    await browser?.close()
    await demo?.stop()
  })

  it('leads from the relying party over the first authenticator to the claims', async () => {
    await signInWithPassword()
    await page.locator('form:has(input[value=totp]) button').click()
    const link = await page.locator('a[href^="otpauth://"]').first().getAttribute('href')
    secret = new URL(link as string).searchParams.get('secret') as string
    await typeCode(await phone(), 'confirm')
    codes = (await page.locator('main').innerText()).match(/\b[0-9A-Z]{4}-[0-9A-Z]{5}-[0-9A-Z]{4}\b/g) ?? []
    assert.equal(codes.length, 10)
    await page.getByRole('checkbox').check()
    await press('saved')
    await page.waitForURL(`${relyingParty}/**`)
    const claims = await page.locator('main').innerText()
    assert.match(claims, /pwd/)
    assert.match(claims, /otp/)
    assert.match(claims, /refeds\.org\/profile\/mfa/)
  })
  it('tells by mail that an authenticator was set up', async () => {
    const other = await page.context().newPage()
    await other.goto(inbox)
    assert.match(await other.locator('article').first().innerText(), /maria/i)
    await other.close()
  })
  it('asks for password and code again, and refuses the same code', async () => {
    const used = lastCode
    await signInWithPassword()
    await typeCode(used)
    assert.match(await page.getByRole('alert').innerText(), /already/i)
    await typeCode(await phone())
    await page.waitForURL(`${relyingParty}/**`)
  })
  it('accepts a recovery code once', async () => {
    const first = codes[0] as string
    for (const time of ['first', 'second']) {
      await signInWithPassword()
      await press('switch')
      await typeCode(first)
      if (time === 'first') {
        assert.match(await page.locator('main').innerText(), /9/)
        await press('continue')
        await page.waitForURL(`${relyingParty}/**`)
      } else assert.match(await page.getByRole('alert').innerText(), /already|used/i)
    }
  })
  it('locks at the eleventh wrong code, until the administrator unlocks', async () => {
    await signInWithPassword()
    for (let wrong = 0; wrong < 150 && (await page.locator('[name=code]').count()) > 0; wrong++) {
      await page.fill('[name=code]', '000000')
      const button = page.locator('button[value=answer]')
      if (!(await button.isEnabled())) await page.waitForTimeout(500)
      else await button.click()
    }
    assert.match(await page.locator('main').innerText(), /locked/i)
    const { stdout } = await run(
      process.execPath,
      ['src/cli/main.ts', 'account', 'unlock', 'maria', '-c', `${folder}/duepassi.yaml`],
      { cwd: root },
    )
    assert.match(stdout, /maria/)
    await signInWithPassword()
    await typeCode(await phone())
    await page.waitForURL(`${relyingParty}/**`)
  })
})
