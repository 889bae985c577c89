import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { AxeBuilder } from '@axe-core/playwright'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { guardCrossSite, readForm } from '../../src/pages/form.ts'
import { languages } from '../../src/pages/language.ts'
import { createPages } from '../../src/pages/render.ts'
import { pageSamples, type Sample, sampleLogo } from '../../tools/page-samples.ts'
import { freePort, program } from '../support/machine.ts'

const samples = new Map<string, Sample>()
const names = (await pageSamples('en', { name: '' })).map(({ name }) => name)

describe('pages in Chromium', function () {
  this.timeout(60_000)

  let browser: Browser
  let origin: string
  /** Another site: it shows the logo, is where the relying party would be, and attacks. */
  let foreign: string
  const servers: Server[] = []
  const posts: { fields?: Record<string, string>; origin: string | undefined; refused?: string }[] = []

  before(async function () {
    this.timeout(180_000)
    const executablePath = await program('chromium')
    foreign = await listen('localhost', answerElsewhere)
    origin = await listen('127.0.0.1', answer)
    const client = { name: 'Bottega Aurora', logoUri: `${foreign}/logo.svg`, uri: `${foreign}/` }
    for (const language of languages) {
      for (const sample of await pageSamples(language, client))
        samples.set(`/${language}/${sample.name}`, sample)
    }
    browser = await chromium.launch({
      executablePath,
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-background-networking',
        '--disable-component-update',
      ],
    })
  })

  after(async () => {
    await browser?.close()
    for (const server of servers) {
      server.closeAllConnections()
      server.close()
    }
  })

  beforeEach(() => {
    posts.length = 0
  })

  async function listen(host: string, handler: (req: IncomingMessage, res: ServerResponse) => unknown) {
    const port = await freePort()
    const server = createServer(handler)
    servers.push(server)
    await new Promise<void>((resolve) =>
      server.listen(port, host === 'localhost' ? undefined : host, resolve),
    )
    return `http://${host}:${port}`
  }

  const pages = createPages({ brand: { name: 'Duepassi' }, secure: false })

  async function answer(req: IncomingMessage, res: ServerResponse) {
    const sample = samples.get(req.url ?? '')
    if (!sample) return res.writeHead(404).end()
    if (req.method !== 'POST') return pages.send(req, res, sample.page)
    const { origin: sentOrigin } = req.headers
    try {
      guardCrossSite(req, origin)
      posts.push({ fields: { ...(await readForm(req)) }, origin: sentOrigin })
      res.writeHead(303, { location: `${foreign}/callback?code=x` }).end()
    } catch (error) {
      posts.push({ origin: sentOrigin, refused: String((error as { code?: string }).code) })
      res.writeHead(403).end('refused')
    }
  }

  function answerElsewhere(req: IncomingMessage, res: ServerResponse) {
    if (req.url === '/logo.svg') return res.setHeader('content-type', 'image/svg+xml').end(sampleLogo)
    res.setHeader('content-type', 'text/html')
    if (req.url !== '/attack') return res.end('<title>relying party</title>')
    const form = `<form method="post" action="${origin}/en/totp"><input name="intent" value="answer"><button>Go</button></form>`
    return res.end(`<title>attack</title>${form}`)
  }

  /** Opens a page of its own context, and collects whatever the browser complains about. */
  async function open(
    path: string,
    options: BrowserContextOptions = {},
  ): Promise<{ page: Page; complaints: string[] }> {
    const context = await browser.newContext(options)
    const page = await context.newPage()
    const complaints: string[] = []
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text())
    })
    page.on('pageerror', (error) => complaints.push(error.message))
    page.on('requestfailed', (request) => complaints.push(`${request.url()} failed`))
    await page.goto(path.startsWith('http') ? path : origin + path)
    return { page, complaints }
  }

  describe('have nothing to object to for axe, the policy and a narrow screen', () => {
    // 320 px wide is what 200 % of zoom leaves of 640 (WCAG 1.4.4, 1.4.10).
    const viewport = { width: 320, height: 700 }
    let page: Page
    let complaints: string[]

    before(async () => {
      ;({ page, complaints } = await open('/en/login', { viewport }))
    })

    after(() => page.context().close())

    for (const name of names) {
      for (const language of languages) {
        it(`${name}, ${language}`, async () => {
          complaints.length = 0
          await page.emulateMedia({ colorScheme: 'light' })
          await page.goto(`${origin}/${language}/${name}`)
          deepEqual(await violations(new AxeBuilder({ page })), [])
          // The two colour schemes differ in colours only.
          await page.emulateMedia({ colorScheme: 'dark' })
          deepEqual(await violations(new AxeBuilder({ page }).withRules('color-contrast')), [])
          equal(await page.evaluate('document.documentElement.scrollWidth'), viewport.width)
          deepEqual(await smallTargets(page), [])
          deepEqual(complaints, [])
        })
      }
    }
  })

  /** Legacy mode stays in the page: there are no frames, which the other mode opens a second page for. */
  const violations = async (axe: AxeBuilder): Promise<string[]> => {
    const { violations } = await axe.setLegacyMode().analyze()
    return violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`)
  }

  const smallTargets = (page: Page): Promise<string[]> =>
    page.evaluate(`[...document.querySelectorAll('a, button, summary, label.check, input:not([type=hidden], [type=checkbox])')]
      .filter((target) => target.checkVisibility() && target.getBoundingClientRect().height < 44)
      .map((target) => target.outerHTML)`)

  it('shows the logo from the relying party', async () => {
    const { page } = await open('/it/login')
    equal(await page.evaluate("document.querySelector('.logo').naturalWidth > 0"), true)
    await page.context().close()
  })

  it('loads nothing but the page and the logo', async () => {
    const context = await browser.newContext()
    const page = await context.newPage()
    const requested: string[] = []
    page.on('request', (request) => requested.push(request.url()))
    await page.goto(`${origin}/it/enrol`)
    deepEqual(
      requested.filter((url) => !url.startsWith('data:')),
      [`${origin}/it/enrol`, `${foreign}/logo.svg`],
    )
    await context.close()
  })

  for (const javaScriptEnabled of [true, false]) {
    describe(javaScriptEnabled ? 'with JavaScript' : 'without JavaScript', () => {
      const submit = async (path: string, act: (page: Page) => Promise<void>) => {
        const { page, complaints } = await open(path, { javaScriptEnabled })
        await act(page)
        // The redirect to another origin after a POST is what `form-action` would have blocked.
        await page.waitForURL(`${foreign}/callback?code=x`)
        deepEqual(complaints, [])
        await page.context().close()
        equal(posts.length, 1)
        // Where Sec-Fetch-Site is missing the guard needs this header to be ours, not "null".
        equal(posts[0]?.origin, origin)
        return posts[0]?.fields
      }

      it('signs in by the keyboard alone', async () => {
        const fields = await submit('/en/login', async (page) => {
          await page.locator('[name=username]:focus').waitFor()
          await page.keyboard.type('maria')
          await page.keyboard.press('Tab')
          await page.keyboard.type('correct horse')
          await page.keyboard.press('Enter')
        })
        deepEqual(fields, { username: 'maria', password: 'correct horse', intent: 'sign-in' })
      })

      it('takes a pasted code with spaces', async () => {
        const fields = await submit('/it/totp', async (page) => {
          await page.locator('[name=code]:focus').waitFor()
          await page.keyboard.insertText('123 456')
          await page.keyboard.press('Enter')
        })
        deepEqual(fields, { code: '123 456', intent: 'answer' })
      })

      it('answers while a wait is shown, at the latest when it is over', async () => {
        await submit('/en/one-second', async (page) => {
          await page.getByLabel('Code').fill('123456')
          await page.getByRole('button', { name: /^Continue/ }).click()
        })
      })

      it('switches to another way', async () => {
        const fields = await submit('/en/totp', (page) =>
          page.getByRole('button', { name: 'Use a recovery code' }).click(),
        )
        deepEqual(fields, { factor: 'recovery-code', intent: 'switch' })
      })

      it('gives up', async () => {
        const fields = await submit('/it/totp', (page) =>
          page.getByRole('button', { name: 'Annulla l’accesso' }).click(),
        )
        deepEqual(fields, { intent: 'give-up' })
      })

      it('enrols', async () => {
        const fields = await submit('/it/enrol', async (page) => {
          await page.getByLabel('Codice').fill('123456')
          await page.getByLabel('Codice').press('Enter')
        })
        deepEqual(fields, { code: '123456', label: 'Il mio telefono', intent: 'confirm' })
      })

      const press = async (path: string, name: string) => {
        posts.length = 0
        return submit(path, (page) => page.getByRole('button', { name }).click())
      }

      it('chooses what to set up, chooses again, or gives up', async () => {
        deepEqual(await press('/it/choose', 'Passkey o chiave di sicurezza'), {
          factor: 'webauthn',
          intent: 'choose',
        })
        deepEqual(await press('/en/enrol', 'Choose another way'), { intent: 'choose-again' })
        deepEqual(await press('/it/choose', 'Annulla l’accesso'), { intent: 'give-up' })
        deepEqual(await press('/it/account-choose', 'Annulla'), { intent: 'give-up' })
      })

      it('removes, renames and makes codes on the security page', async () => {
        deepEqual(await press('/en/account-remove', 'Remove'), { intent: 'remove' })
        deepEqual(await press('/it/account-codes', 'Creane di nuovi'), { intent: 'new-codes' })
        posts.length = 0
        const renamed = await submit('/it/account-rename', async (page) => {
          await page.getByLabel('Nome').fill('Chiave blu')
          await page.getByLabel('Nome').press('Enter')
        })
        deepEqual(renamed, { label: 'Chiave blu', intent: 'rename' })
      })

      it('confirms that the recovery codes are saved', async () => {
        const fields = await submit('/en/recovery-codes', async (page) => {
          const download = page.waitForEvent('download')
          await page.getByRole('link', { name: 'Download' }).click()
          equal((await download).suggestedFilename(), 'recovery-codes.txt')
          await page.getByLabel('I have saved these codes').check()
          await page.getByRole('button', { name: 'Continue' }).click()
        })
        deepEqual(fields, { saved: 'on', intent: 'saved' })
      })

      it('sets up again, replacing what is lost', async () => {
        const fields = await submit('/en/recovered', (page) =>
          page.getByRole('button', { name: 'Set up again' }).click(),
        )
        deepEqual(fields, { replace: 'on', intent: 'enrol' })
      })

      it('leaves a locked sign-in, and refuses consent', async () => {
        deepEqual(
          await submit('/en/locked', (page) => page.getByRole('button', { name: /^Back to/ }).click()),
          { intent: 'leave' },
        )
        posts.length = 0
        deepEqual(
          await submit('/en/consent', (page) => page.getByRole('button', { name: 'Don’t allow' }).click()),
          { intent: 'deny' },
        )
      })
    })
  }

  it('has no button that does nothing without JavaScript', async () => {
    for (const name of ['login', 'login-passkey', 'recovery-codes', 'totp-wait', 'webauthn-wait']) {
      const { page } = await open(`/en/${name}`, { javaScriptEnabled: false })
      equal(await page.locator('button[type=button]:visible, button:disabled').count(), 0)
      await page.context().close()
    }
  })

  it('says that passkeys need JavaScript, and what to do without', async () => {
    for (const [name, intent] of [
      ['webauthn', 'switch'],
      ['webauthn-enrol', 'choose-again'],
    ]) {
      const { page } = await open(`/it/${name}`, { javaScriptEnabled: false })
      match(await page.locator('main').innerText(), /richiede JavaScript.*scegli un altro modo/s)
      equal(await page.locator('[value=answer]:visible, [value=confirm]:visible').count(), 0)
      await page.locator(`[value=${intent}]`).first().click()
      await page.waitForURL(`${foreign}/callback?code=x`)
      await page.context().close()
    }
    deepEqual(
      posts.map(({ fields }) => fields?.intent),
      ['switch', 'choose-again'],
    )
  })

  it('refuses a form that another site sends', async () => {
    const { page } = await open(`${foreign}/attack`)
    await page.getByRole('button').click()
    await page.waitForURL(`${origin}/en/totp`)
    deepEqual(posts, [{ origin: foreign, refused: 'cross_site' }])
    await page.context().close()
  })

  it('links an error to its field, which has the focus', async () => {
    const { page } = await open('/it/totp-clock')
    match(await page.title(), /^Errore: /)
    const focused = page.locator(':focus')
    equal(await focused.getAttribute('name'), 'code')
    equal(await focused.getAttribute('aria-describedby'), await page.getByRole('alert').getAttribute('id'))
    equal(await focused.getAttribute('aria-invalid'), 'true')
    await page.context().close()
  })

  it('shows and hides the password, and sends it hidden', async () => {
    const { page } = await open('/en/login')
    const password = page.locator('#password')
    await page.getByRole('button', { name: 'Show password' }).click()
    equal(await password.getAttribute('type'), 'text')
    await page.getByRole('button', { name: 'Hide password' }).click()
    equal(await password.getAttribute('type'), 'password')
    await page.context().close()
  })

  it('counts a wait down and says when it is over', async () => {
    const { page } = await open('/en/totp-wait')
    const button = page.getByRole('button', { name: /^Continue/ })
    equal(await button.isDisabled(), true)
    match((await button.textContent()) ?? '', /^Continue \(0:\d\d\)$/)
    await page.goto(`${origin}/en/one-second`)
    await page.getByText('You can try again now.').waitFor()
    equal(await button.isDisabled(), false)
    equal(await button.textContent(), 'Continue')
    await page.context().close()
  })

  it('sends a form once, however often its button is pressed', async () => {
    const { page } = await open('/en/login')
    await page.locator('#username').fill('maria')
    await page.locator('#password').fill('correct horse')
    await page.evaluate("for (let i = 0; i < 5; i++) document.querySelector('.primary').click()")
    await page.waitForURL(`${foreign}/callback?code=x`)
    equal(posts.length, 1)
    await page.context().close()
  })

  it('copies the recovery codes', async () => {
    const { page } = await open('/en/recovery-codes', { permissions: ['clipboard-read', 'clipboard-write'] })
    await page.getByRole('button', { name: 'Copy' }).click()
    await page.getByRole('button', { name: 'Copied' }).waitFor()
    const copied = String(await page.evaluate('navigator.clipboard.readText()')).split('\n')
    ok(copied.length === 10 && copied.every((code) => /^\w{4}-\w{5}-\w{4}$/.test(code)))
    await page.context().close()
  })
})
