/** A phone with the authenticator app: a browser context with a screen lock, notifications and a push service to say. */
import { deepEqual } from 'node:assert/strict'
import { join } from 'node:path'
import { type Browser, chromium, type Page } from 'playwright-core'
import { objections } from './accessibility.ts'
import type { AuthenticatorApi } from './authenticator-api.ts'
import { program } from './machine.ts'

export const launchPhoneBrowser = async (): Promise<Browser> =>
  chromium.launch({
    executablePath: await program('chromium'),
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-background-networking',
      '--disable-component-update',
      '--use-fake-device-for-media-stream',
      '--use-fake-ui-for-media-stream',
    ],
  })

export interface PhoneOptions {
  locale?: string
  /** A screen lock is set up. */
  lock?: boolean
  notifications?: 'granted' | 'denied' | 'unasked'
  colorScheme?: 'light' | 'dark'
  userAgent?: string
  /** What the camera reads; absent: the browser reads no codes. */
  camera?: string
}

/** Chromium subscribes nowhere without Google, and not at all in a context of its own; the rest is as it is. */
const pushService = `
  const subscription = (key, name) => ({
    endpoint: 'https://push.example/' + name,
    options: { applicationServerKey: key.buffer ?? key },
    toJSON() { return { endpoint: this.endpoint, keys: { p256dh: 'p', auth: 'a' } } },
    unsubscribe: async () => true,
  })
  let present = null
  PushManager.prototype.getSubscription = async () => present
  PushManager.prototype.subscribe = async ({ applicationServerKey }) => {
    if (globalThis.noPushService) throw new DOMException('no push service', 'AbortError')
    return (present = subscription(applicationServerKey, 'phone'))
  }
`
const askAnswers = (answer: string) => `
  let permission = 'default'
  Object.defineProperty(Notification, 'permission', { get: () => permission })
  Notification.requestPermission = async () => {
    globalThis.askedInGesture = navigator.userActivation.isActive
    return (permission = '${answer}')
  }
`
const reads = (text: string) => `
  globalThis.BarcodeDetector = class { async detect() { return [{ rawValue: 'something else' }, { rawValue: ${JSON.stringify(text)} }] } }
`

export const startPhone = async (browser: Browser, api: AuthenticatorApi, options: PhoneOptions = {}) => {
  const { locale = 'en-GB', lock = true, notifications = 'granted', camera, ...more } = options
  const context = await browser.newContext({
    viewport: { width: 390, height: 844 },
    locale,
    timezoneId: 'Europe/Rome',
    ...more,
    ...(process.env['SHOTS'] ? { deviceScaleFactor: 2 } : {}),
  })
  if (notifications === 'granted') await context.grantPermissions(['notifications'])
  await context.addInitScript(pushService)
  if (notifications !== 'granted')
    await context.addInitScript(askAnswers(notifications === 'denied' ? 'denied' : 'granted'))
  if (camera) await context.addInitScript(reads(camera))
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('pageerror', ({ message }) => complaints.push(message))
  page.on('console', (message) => {
    // What the API refuses stands in the log of the browser, whoever handles it.
    const refused = message.text().startsWith('Failed to load resource')
    if (['error', 'warning'].includes(message.type()) && !refused) complaints.push(message.text())
  })
  const devtools = await context.newCDPSession(page)
  await devtools.send('WebAuthn.enable')
  const addLock = async () => {
    const { authenticatorId } = await devtools.send('WebAuthn.addVirtualAuthenticator', {
      options: {
        protocol: 'ctap2',
        transport: 'internal',
        hasResidentKey: true,
        hasUserVerification: true,
        isUserVerified: true,
        automaticPresenceSimulation: true,
      },
    })
    return authenticatorId
  }
  const authenticatorId = lock ? await addLock() : ''
  const press = (name: string | RegExp) => page.getByRole('button', { name, exact: true }).click()
  const title = async (name: string) => {
    await page.getByRole('heading', { level: 1, name, exact: true }).waitFor()
  }

  return {
    page,
    context,
    devtools,
    complaints,
    addLock,
    press,
    title,
    text: () => page.locator('main').innerText(),
    /** The finger is the right one, or not. */
    recognise: (isUserVerified: boolean) =>
      devtools.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified }),
    open: async (fragment = '') => {
      await page.goto(api.app + fragment)
      await page.getByRole('heading', { level: 1 }).waitFor()
    },
    /** From an invitation to the number, in whatever language the buttons are. */
    enrol: async (account: string, fragment = `#e=${api.invite(account)}`) => {
      await page.goto('about:blank')
      await page.goto(api.app + fragment)
      await page.locator('button[form=next]').click()
      await page.locator('.actions .primary').click()
      await page.locator('.big-number').waitFor()
      const device = api.deviceOf(account)
      if (!device) throw new Error('no device was added')
      return device
    },
    number: (typed: string) => page.fill('#number', typed),
    picture: (name: string) => picture(page, name),
    look: (name: string) => look(page, name),
  }
}

export type Phone = Awaited<ReturnType<typeof startPhone>>

/** Kept where `SHOTS` names a folder. */
const picture = async (page: Page, name: string): Promise<void> => {
  const folder = process.env['SHOTS']
  if (!folder) return
  await page.mouse.move(0, 0)
  await page.screenshot({ path: join(folder, `${name}.png`) })
}

/** Nothing to object to for axe, in both colour schemes, on a narrow screen, and for a thumb. */
const look = async (page: Page, name: string): Promise<void> => {
  await picture(page, name)
  const viewport = page.viewportSize() ?? { width: 390, height: 844 }
  await page.setViewportSize({ width: 320, height: 640 })
  deepEqual(await objections(page), [])
  await page.setViewportSize(viewport)
}
