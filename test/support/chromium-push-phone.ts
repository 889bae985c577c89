/** A phone for tests: Chromium with a profile of its own, a screen lock, and pushes from the service of the tests. */
import { setTimeout as delay } from 'node:timers/promises'
import { type BrowserContext, chromium, type Page } from 'playwright-core'
import type { ChromiumPushService } from './chromium-push.ts'
import { type Credential, createScreenLock, type ScreenLock } from './chromium-push-lock.ts'
import {
  clickNotification,
  readNotifications,
  type ShownNotification,
} from './chromium-push-notifications.ts'
import { onStop, program } from './machine.ts'

type Persistent = NonNullable<Parameters<typeof chromium.launchPersistentContext>[1]>

export interface PhoneOptions extends Omit<Persistent, 'executablePath'> {
  service: ChromiumPushService
  /** Empty, or that of an earlier phone that was switched off. */
  userDataDir: string
  /** What the lock of that earlier phone held. */
  credentials?: readonly Credential[]
  /** Whose pages may do this, as long as the phone is on: Chromium does not keep what devtools granted. */
  origin: string
  /**
   * Default: notifications; all others are refused. Without them Chromium drops what was subscribed, some seconds after
   * its start.
   */
  permissions?: string[]
}

export interface Phone {
  readonly context: BrowserContext
  readonly lock: Pick<ScreenLock, 'passes' | 'credentials' | 'plugIn'>
  /** A page with the screen lock plugged in, at `url`. */
  open(url: string): Promise<Page>
  /** What is shown for an origin now, by all its workers. */
  notifications(origin: string): Promise<ShownNotification[]>
  /** The same, once there is one. @throws Error after `within` milliseconds. */
  whenNotified(origin: string, within?: number): Promise<ShownNotification[]>
  /**
   * Taps the notification of an origin: its worker gets `notificationclick`, and what it opens or focuses is
   * answered. Chromium lets a worker open a window after a real touch only; here the phone opens it.
   *
   * @throws Error where no worker has a notification, or it opens nothing.
   */
  tap(origin: string): Promise<Page>
  /** Puts all workers to sleep, as Chromium does with one that was idle for 30 seconds. */
  sleep(origin: string): Promise<void>
  /** Browser and pages end; the profile stays in its folder. */
  off(): Promise<void>
}

/** Outside the scope of every worker; the browser never asks the server for it. */
const peephole = '/.peephole'

export const launchPhone = async (options: PhoneOptions): Promise<Phone> => {
  const {
    service,
    userDataDir,
    origin,
    credentials = [],
    permissions = ['notifications'],
    args,
    ...given
  } = options
  const context = await chromium.launchPersistentContext(userDataDir, {
    viewport: { width: 390, height: 844 },
    isMobile: true,
    hasTouch: true,
    locale: 'en-GB',
    ...given,
    executablePath: await program('chromium'),
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-component-update',
      '--disable-sync',
      ...service.flags,
      ...(args ?? []),
    ],
  })
  onStop(() => context.close())
  await context.grantPermissions(permissions, { origin })
  const lock = createScreenLock(credentials)

  const open = async (url: string) => {
    const page = await context.newPage()
    await lock.plugIn(page)
    await page.goto(url)
    return page
  }
  const peep = async <Result>(origin: string, look: (page: Page) => Promise<Result>): Promise<Result> => {
    const page = await context.newPage()
    try {
      await page.route(`${origin}${peephole}`, (route) =>
        route.fulfill({ contentType: 'text/html', body: '' }),
      )
      await page.goto(`${origin}${peephole}`)
      return await look(page)
    } finally {
      await page.close()
    }
  }

  return {
    context,
    lock,
    open,
    notifications: (origin) => peep(origin, readNotifications),
    whenNotified: (origin, within = 10_000) =>
      peep(origin, async (page) => {
        for (const end = Date.now() + within; Date.now() < end; await delay(30)) {
          const shown = await readNotifications(page)
          if (shown.length > 0) return shown
        }
        throw new Error(`No notification of ${origin} within ${within} ms`)
      }),
    async tap(origin) {
      const workers = context.serviceWorkers().filter((worker) => worker.url().startsWith(`${origin}/`))
      for (const worker of workers) {
        const touched = await clickNotification(worker)
        if (touched === undefined) continue
        const focused = context.pages().find((page) => page.url() === touched.focused)
        if (touched.opened !== undefined) return open(touched.opened)
        if (focused === undefined) throw new Error('The worker opened no window')
        await focused.bringToFront()
        return focused
      }
      throw new Error(`None of ${workers.length} workers of ${origin} has a notification`)
    },
    sleep: (origin) =>
      peep(origin, async (page) => {
        const session = await context.newCDPSession(page)
        const running = new Map<string, string>()
        session.on('ServiceWorker.workerVersionUpdated', ({ versions }) => {
          for (const { versionId, runningStatus } of versions) running.set(versionId, runningStatus)
        })
        await session.send('ServiceWorker.enable')
        await session.send('ServiceWorker.stopAllWorkers')
        const awake = () => [...running.values()].some((status) => status !== 'stopped')
        for (const end = Date.now() + 5_000; awake() || running.size === 0; await delay(20))
          if (Date.now() > end) throw new Error(`Workers of ${origin} do not sleep: ${[...running.values()]}`)
      }),
    off: () => context.close(),
  }
}
