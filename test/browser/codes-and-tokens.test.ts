import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Browser, Page } from 'playwright-core'
import { type Demo, launchChromium, root, startDemo } from '../support/demo.ts'
import { program, temporaryFolder } from '../support/machine.ts'

const run = promisify(execFile)
const serial = 'FT-4711'
const seed = '3132333435363738393031323334353637383930'

/** As a person without a smartphone: a number, then a token from the drawer. */
describe('codes by message and hardware tokens, in the demo and Chromium', function () {
  this.timeout(180_000)
  let demo: Demo
  let browser: Browser
  let page: Page

  const press = (intent: string) => page.locator(`button[value="${intent}"]`).first().click()
  const choose = (factor: string) => page.locator(`form:has(input[value=${factor}]) button`).first().click()
  const typeCode = async (code: string, intent = 'answer') => {
    await page.fill('[name=code]', code)
    await press(intent)
  }
  const main = () => page.locator('main').innerText()
  const atRelyingParty = () => page.waitForURL(`${demo.relyingParty}/**`)
  const signIn = async () => {
    await page.context().clearCookies({ name: 'duepassi' })
    await page.goto(`${demo.relyingParty}/`)
    await page
      .getByRole('link', { name: /^sign in( again)?$/i })
      .first()
      .click()
    await page.fill('[name=username]', 'maria')
    await page.fill('[name=password]', 'due passi avanti')
    await press('sign-in')
  }
  /** The latest code in the inbox, by its WebOTP line. */
  const received = async (): Promise<string> => {
    const inbox = await page.context().newPage()
    await inbox.goto(demo.inbox)
    const code = /@localhost #(\d{6})/.exec(await inbox.locator('body').innerText())?.[1]
    await inbox.close()
    assert.ok(code, 'a code in the inbox')
    return code
  }
  const tokenCode = async (counter: number): Promise<string> =>
    (await run(await program('oathtool'), ['-c', String(counter), seed])).stdout.trim()
  const duepassi = (argv: string[], typed = ''): Promise<string> =>
    new Promise((resolve, reject) => {
      const child = spawn(
        process.execPath,
        ['src/cli/main.ts', ...argv, '-c', join(demo.folder, 'duepassi.yaml')],
        { cwd: root },
      )
      let said = ''
      child.stdout.on('data', (text) => (said += text))
      child.stderr.on('data', (text) => (said += text))
      child.on('exit', (status) => (status === 0 ? resolve(said) : reject(new Error(said))))
      child.stdin.end(typed)
    })

  before(async () => {
    demo = await startDemo()
    browser = await launchChromium()
    page = await (await browser.newContext({ locale: 'en-GB' })).newPage()
  })
  after(async () => {
    await browser?.close()
    await demo?.stop()
  })

  it('verifies a number, and signs in with it', async () => {
    await signIn()
    await choose('sms')
    await page.fill('[name=address]', '320 123 4567')
    await press('address')
    await page.waitForSelector('[name=code]')
    await typeCode(await received(), 'confirm')
    await page.getByRole('checkbox').check()
    await press('saved')
    await atRelyingParty()
    assert.match(await main(), /sms/)
    // One message in 30 seconds.
    await page.waitForTimeout(31_000)
    await signIn()
    await page.waitForSelector('[name=code]')
    await typeCode(await received())
    await atRelyingParty()
    assert.match(await main(), /refeds\.org\/profile\/mfa/)
  })

  it('imports a token file with a password, and has it activated with a code', async () => {
    const folder = await temporaryFolder()
    const [table, file] = [join(folder, 'tokens.csv'), join(folder, 'tokens.pskcxml')]
    await writeFile(table, `serial,secret,counter,response_length\n${serial},${seed},0,6\n`)
    await run(await program('csv2pskc'), [
      ...[table, '-o', file, '-p', 'parola d’ordine'],
      ...['-x', 'algorithm=urn:ietf:params:xml:ns:keyprov:pskc:hotp'],
    ])
    await duepassi(['tokens', 'import', file, '--password-stdin'], 'parola d’ordine\n')
    await duepassi(['tokens', 'assign', serial, 'maria'])
    await page.goto(`${demo.provider}/account/add?factor=hardware-token`)
    if ((await page.locator('[name=serial]:visible').count()) > 0) await page.fill('[name=serial]', serial)
    await typeCode(await tokenCode(0), 'confirm')
    await page.waitForURL(`${demo.provider}/account`)
    assert.match(await duepassi(['tokens', 'list']), new RegExp(`${serial}.*`))
  })

  it('signs in with the token, and the number retires', async () => {
    await signIn()
    await choose('hardware-token')
    await typeCode(await tokenCode(1))
    await atRelyingParty()
    assert.match(await main(), /otp/)
    await page.goto(`${demo.provider}/account`)
    await page.waitForURL(`${demo.provider}/account`)
    assert.doesNotMatch(await main(), /4567/)
  })
})
