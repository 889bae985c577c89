import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { decodeJwt, exportJWK, generateKeyPair } from 'jose'
import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core'
import { type ChromiumPushService, pushHosts, startChromiumPushService } from '../support/chromium-push.ts'
import { launchPhone, type Phone, type PhoneOptions } from '../support/chromium-push-phone.ts'
import { launchChromium } from '../support/demo.ts'
import { freePort, temporaryFolder } from '../support/machine.ts'
import { password, type Settings, startProvider, type TestProvider } from '../support/provider.ts'
import { redirectUri } from '../support/relying-party.ts'

export const mfa = 'https://refeds.org/profile/mfa'

/** A sign-in on a computer: its page, and what the relying party asked for. */
export interface AtDesk {
  page: Page
  request: Awaited<ReturnType<TestProvider['rp']['begin']>>
}

const newKeys = async () => {
  const jwk = async () => exportJWK((await generateKeyPair('ES256', { extractable: true })).privateKey)
  const { kty = '', crv = '', x = '', y = '', d = '' } = await jwk()
  return {
    signing: [{ ...(await jwk()), kty: 'EC', kid: 'test', use: 'sig', alg: 'ES256' }],
    cookies: [randomBytes(32).toString('base64')],
    sealing: [{ id: 'k1', key: randomBytes(32).toString('base64') }],
    push: { kty, crv, x, y, d },
  }
}

/** Waits are seconds, as nobody here can move the time of two browsers. */
const briefWaits = { resendAfter: 1, firstWait: 1, longestWait: 1, perTenMinutes: 100, refusals: 20 }

/** Where the relying party would be; it notes when somebody comes back. */
const startCallback = async () => {
  const arrivals: number[] = []
  const server = createServer((req, res) => {
    if (req.url?.startsWith('/callback')) arrivals.push(performance.now())
    res.setHeader('content-type', 'text/html').end('<!doctype html><title>RP</title><p>back')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/callback`
  const close = async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
  return { url, arrivals, close }
}

interface PushSettings extends Pick<Settings, 'config' | 'client'> {
  phone?: Partial<PhoneOptions>
}

export type PushScene = Awaited<ReturnType<typeof openPushScene>>

/**
 * A provider as it is composed for production, a relying party, a computer and a phone, and a push service between them:
 * nothing is replaced but the person, Google, and the fingers on the glass.
 */
export const openPushScene = async ({ config, client, phone: phoneOptions }: PushSettings = {}) => {
  const service: ChromiumPushService = await startChromiumPushService()
  const callback = await startCallback()
  const port = await freePort()
  const issuer = `http://localhost:${port}`
  const op = await startProvider({
    config: {
      listen: { port },
      keys: await newKeys(),
      attempts: { firstWait: 1, longestWait: 1 },
      ...config,
      push: { enabled: true, hosts: [...pushHosts], contact: 'mailto:push@example.org', ...briefWaits },
      issuer,
    },
    parts: { outbound: service.fetchToService },
    client: { ...client, redirect_uris: [redirectUri, callback.url] },
  })
  const browser: Browser = await launchChromium()
  const phone: Phone = await launchPhone({
    service,
    origin: issuer,
    userDataDir: await temporaryFolder(),
    ...phoneOptions,
  })
  const complaints: string[] = []
  const listen = (context: BrowserContext) => {
    context.on('weberror', (error) => complaints.push(error.error().message))
    context.on('console', (message) => {
      const isOfPage = ['error', 'warning'].includes(message.type())
      // What is refused has a status that says so, and the relying party has no icon.
      if (isOfPage && !message.text().startsWith('Failed to load resource')) complaints.push(message.text())
    })
    return context
  }
  listen(phone.context)

  const scene = {
    service,
    op,
    issuer,
    phone,
    callback,
    complaints,
    openComputer: async (options: BrowserContextOptions = {}): Promise<BrowserContext> =>
      listen(
        await browser.newContext({ locale: 'en-GB', viewport: { width: 1000, height: 760 }, ...options }),
      ),

    /** From the relying party with the password to the page of the second step. */
    async signIn(
      context: BrowserContext,
      { username = 'maria', typed = password, ...parameters }: Record<string, string> = {},
      given?: Page,
    ): Promise<AtDesk> {
      const request = await op.rp.begin({ redirect_uri: callback.url, ...parameters })
      const page = given ?? (await context.newPage())
      await page.goto(request.url.href)
      await page.fill('[name=username]', username)
      await page.fill('[name=password]', typed)
      await press(page, 'sign-in')
      await page.waitForURL((url) => url.pathname.endsWith('/second-factor'))
      return { page, request }
    },

    /** What the relying party was told; waits until the browser came back to it by itself. */
    async claims({ page, request }: AtDesk) {
      await page.waitForURL(`${callback.url}*`)
      const tokens = await request.finish(new URL(page.url()))
      assert.ok(tokens.access_token)
      const { acr, amr, sub } = decodeJwt(tokens.id_token ?? '')
      return { acr, amr, sub }
    },

    /** The session of the provider is over. */
    signOut: (context: BrowserContext) => context.clearCookies({ name: /^duepassi(\.|$)/ }),

    async closeApp(): Promise<void> {
      for (const page of phone.context.pages()) await page.close()
    },

    /** Waits for a notification while no page of the phone is open, and taps it. */
    async tapNotification(): Promise<Page> {
      assert.deepEqual(phone.context.pages(), [])
      await phone.whenNotified(issuer)
      return phone.tap(issuer)
    },

    /** From the choice of a second step to the number on the phone. */
    async accept(desk: AtDesk): Promise<{ app: Page; number: string }> {
      await desk.page.locator('form:has(input[value=push]) button').first().click()
      const link = (await desk.page.locator('a.qr').getAttribute('href')) ?? ''
      assert.match(link, new RegExp(`^${issuer}/authenticator/#e=[\\w-]{43}$`))
      const app = await phone.open(link)
      await press(app, 'Continue')
      await press(app, 'Make the keys')
      const number = await app.locator('.big-number').innerText()
      return { app, number: number.replaceAll(/\s/g, '') }
    },

    /** From there to recovery codes that are saved, with the app closed when the test comes. */
    async enrol(desk: AtDesk, given?: { number: string }): Promise<{ codes: string[] }> {
      const { number } = given ?? (await scene.accept(desk))
      await desk.page.fill('[name=code]', number)
      await scene.closeApp()
      await press(desk.page, 'confirm')
      const test = await scene.tapNotification()
      await approve(test, await numberOn(desk.page))
      await test.getByRole('heading', { level: 1, name: 'This phone is set up' }).waitFor()
      await scene.closeApp()
      await desk.page.locator('#codes').waitFor()
      const codes = await desk.page.locator('#codes code').allInnerTexts()
      await desk.page.getByRole('checkbox').check()
      await press(desk.page, 'saved')
      return { codes }
    },

    async close(): Promise<void> {
      await phone.off()
      await browser.close()
      await op.close()
      await callback.close()
      await service.stop()
    },
  }
  return scene
}

/** By the intent of a page of a sign-in, or by the words of a button of the app. */
export const press = (page: Page, what: string): Promise<void> =>
  page
    .locator(`button[value="${what}"]`)
    .or(page.getByRole('button', { name: what, exact: true }))
    .first()
    .click()

/** The number on the computer. */
export const numberOn = async (page: Page): Promise<string> =>
  (await page.locator('.number [aria-hidden]').innerText()).replaceAll(/\s/g, '')

/** Another number of as many digits. */
export const otherThan = (number: string): string =>
  number.replace(/.$/, (digit) => String((Number(digit) + 1) % 10))

/** On the phone, at a request. */
export const approve = async (app: Page, number: string): Promise<void> => {
  await app.fill('#number', number)
  await app.locator('.answers .primary').click()
}

export const heading = (page: Page, name: string): Promise<void> =>
  page.getByRole('heading', { level: 1, name, exact: true }).waitFor()
