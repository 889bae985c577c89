import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { decodeJwt } from 'jose'
import * as oidc from 'openid-client'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { launchChromium } from '../support/demo.ts'
import { freePort } from '../support/machine.ts'
import { password, startProvider, type TestProvider } from '../support/provider.ts'
import type { RelyingParty } from '../support/relying-party.ts'

/** A relying party whose session is a cookie, which its front-channel address ends. */
interface Application {
  origin: string
  server: Server
  rp: RelyingParty
  /** What was asked of its front-channel address: its parameters, and whether its cookie came along. */
  asked: { query: URLSearchParams; signedIn: boolean; at: number }[]
  answer: (req: IncomingMessage, res: ServerResponse) => void
}

describe('signing out everywhere, in Chromium', function () {
  this.timeout(120_000)
  let op: TestProvider
  let browser: Browser
  let secret: string
  let applications: [Application, Application]
  const complaints: string[] = []
  /** When a browser last came to where a sign-out leads. */
  let backAt = 0

  const openApplication = async (id: string): Promise<Application> => {
    const port = await freePort()
    const origin = `http://127.0.0.1:${port}`
    const application = { origin, asked: [] } as unknown as Application
    application.answer = (_req, res) => res.end('<p>out')
    application.server = createServer((req, res) => {
      const { pathname, searchParams } = new URL(req.url ?? '/', origin)
      res.setHeader('content-type', 'text/html')
      if (pathname === '/callback') res.setHeader('set-cookie', `${id}=in; path=/; httponly`)
      if (pathname === '/bye') backAt = performance.now()
      if (pathname !== '/out') return void res.end('<p>a relying party')
      const signedIn = (req.headers.cookie ?? '').includes(`${id}=in`)
      application.asked.push({ query: searchParams, signedIn, at: performance.now() })
      res.setHeader('set-cookie', `${id}=; path=/; max-age=0`)
      application.answer(req, res)
    })
    await new Promise<void>((resolve) => application.server.listen(port, '127.0.0.1', resolve))
    application.rp = await op.addClient({
      client_id: id,
      redirect_uris: [`${origin}/callback`],
      post_logout_redirect_uris: [`${origin}/bye`],
      frontchannel_logout_uri: `${origin}/out?own=1`,
      frontchannel_logout_session_required: true,
    })
    return application
  }

  before(async function () {
    this.timeout(180_000)
    op = await startProvider()
    ;({ secret } = await op.enrol())
    applications = [await openApplication('shop'), await openApplication('mail')]
    browser = await launchChromium()
  })
  after(async () => {
    await browser?.close()
    for (const { server } of applications ?? []) {
      server.closeAllConnections()
      server.close()
    }
    await op?.close()
  })
  beforeEach(() => {
    for (const application of applications) {
      application.asked = []
      application.answer = (_req, res) => res.end('<p>out')
    }
  })
  afterEach(() => assert.deepEqual(complaints.splice(0), []))

  const openBrowser = async (options: Parameters<Browser['newContext']>[0] = {}): Promise<BrowserContext> => {
    const context = await browser.newContext({ locale: 'en-GB', ...options })
    context.on('weberror', (error) => complaints.push(error.error().message))
    context.on('console', (message) => {
      const isOfPage = ['error', 'warning'].includes(message.type())
      if (isOfPage && !message.text().startsWith('Failed to load resource')) complaints.push(message.text())
    })
    return context
  }

  const press = (page: Page, name: string) => page.getByRole('button', { name, exact: true }).click()

  /** Signs in at both; answers the window, an ID token of the first, and what each was told as `sid`. */
  const enterBoth = async (context: BrowserContext) => {
    const page = await context.newPage()
    const idTokens: string[] = []
    for (const { origin, rp } of applications) {
      const request = await rp.begin({ redirect_uri: `${origin}/callback` })
      await page.goto(request.url.href)
      if (page.url().startsWith(op.issuer)) {
        await page.fill('[name=username]', 'maria')
        await page.fill('[name=password]', password)
        await page.locator('button[value="sign-in"]').click()
        await page.fill('[name=code]', op.nextCode(secret))
        await page.locator('button[value="answer"]').first().click()
      }
      await page.waitForURL(`${origin}/callback*`)
      idTokens.push((await request.finish(new URL(page.url()))).id_token ?? '')
    }
    return { page, idToken: idTokens[0] ?? '', sids: idTokens.map((token) => decodeJwt(token)['sid']) }
  }
  const leaveBy = (page: Page, idToken: string) => {
    const [{ origin, rp }] = applications
    const url = oidc.buildEndSessionUrl(rp.config, {
      id_token_hint: idToken,
      post_logout_redirect_uri: `${origin}/bye`,
      state: 'done',
    })
    return page.goto(url.href)
  }
  const bye = () => `${applications[0].origin}/bye?state=done`

  for (const [what, options] of [
    ['with JavaScript', {}],
    ['without JavaScript', { javaScriptEnabled: false }],
  ] as const)
    it(`loads a frame of each relying party, and comes back, ${what}`, async () => {
      const context = await openBrowser(options)
      const { page, idToken, sids } = await enterBoth(context)
      await leaveBy(page, idToken)
      await press(page, 'Sign out')
      await page.waitForURL(bye())
      const waited = backAt - Math.max(...applications.map(({ asked }) => asked[0]?.at ?? 0))
      // At once with JavaScript; otherwise when the three seconds are over.
      assert.ok('javaScriptEnabled' in options ? waited > 1_000 : waited < 2_000, `${waited} ms`)
      for (const [index, { asked }] of applications.entries()) {
        assert.equal(asked.length, 1)
        assert.deepEqual(Object.fromEntries(asked[0]?.query ?? []), {
          own: '1',
          iss: op.issuer,
          sid: sids[index],
        })
        assert.ok(asked[0]?.signedIn)
      }
      const left = (await context.cookies()).map(({ name }) => name)
      for (const name of ['shop', 'mail', 'duepassi']) assert.ok(!left.includes(name), name)
      await context.close()
    })

  it('waits three seconds for one that does not answer, and has a way on meanwhile', async () => {
    applications[1].answer = () => {}
    const context = await openBrowser()
    const { page, idToken } = await enterBoth(context)
    await leaveBy(page, idToken)
    const started = performance.now()
    await page.getByRole('button', { name: 'Sign out', exact: true }).click({ noWaitAfter: true })
    const way = page.getByRole('link', { name: 'Continue' })
    await way.waitFor()
    assert.equal(await way.getAttribute('href'), bye())
    assert.equal(await page.title(), 'Signing you out – Duepassi')
    assert.equal(await page.locator('iframe').count(), 2)
    assert.equal(await page.locator('iframe:visible').count(), 0)
    await page.waitForURL(bye())
    const seconds = (performance.now() - started) / 1000
    assert.ok(seconds > 2.5 && seconds < 20, `${seconds} s`)
    await context.close()
  })

  it('keeps a frame from taking the window, and shows nothing of it', async () => {
    applications[1].answer = (_req, res) =>
      res.end('<script>try { top.location = "/stolen" } catch {} alert(1)</script>')
    const context = await openBrowser()
    const { page, idToken } = await enterBoth(context)
    const dialogs: string[] = []
    page.on('dialog', (dialog) => {
      dialogs.push(dialog.message())
      void dialog.dismiss()
    })
    await leaveBy(page, idToken)
    await press(page, 'Sign out')
    await page.waitForURL(bye())
    assert.deepEqual(dialogs, [])
    // What Chromium says of the script of others.
    const [first, ...more] = complaints.splice(0)
    assert.match(`${first} ${more.join(' ')}`, /sandbox/i)
    await context.close()
  })
})
