/** Notifications of service workers: Chromium without a screen keeps them, and gives no way to touch them. */
import type { Page, Worker } from 'playwright-core'

export interface ShownNotification {
  title: string
  body: string
  tag: string
  data: unknown
  actions: { action: string; title: string }[]
}

/** Of all workers of the origin that the page is of. */
export const readNotifications = (page: Page): Promise<ShownNotification[]> =>
  page.evaluate(`(async () => {
    const registrations = await navigator.serviceWorker.getRegistrations()
    const shown = await Promise.all(registrations.map((registration) => registration.getNotifications()))
    return shown.flat().map(({ title, body, tag, data, actions }) =>
      ({ title, body, tag, data, actions: actions.map(({ action, title }) => ({ action, title })) }))
  })()`)

/**
 * Dispatches `notificationclick` for the latest notification of a worker, waits for what the handler waits for (at
 * most 5 seconds), and answers the address that it wanted to open or to focus; undefined where nothing is shown. An
 * event that no finger made may neither open nor focus (InvalidAccessError), so both are noted instead of done.
 */
export const clickNotification = (
  worker: Worker,
): Promise<{ opened?: string; focused?: string } | undefined> =>
  worker.evaluate(`(async () => {
    const notification = (await self.registration.getNotifications()).at(-1)
    if (notification === undefined) return undefined
    const touched = {}
    const { openWindow } = Clients.prototype
    const { focus } = WindowClient.prototype
    Clients.prototype.openWindow = async (url) => {
      touched.opened = new URL(url, self.location.href).href
      return null
    }
    WindowClient.prototype.focus = async function () {
      touched.focused = this.url
      return this
    }
    try {
      const event = new NotificationEvent('notificationclick', { notification })
      const waits = []
      event.waitUntil = (promise) => waits.push(promise)
      self.dispatchEvent(event)
      await Promise.race([Promise.all(waits), new Promise((resolve) => setTimeout(resolve, 5000))])
    } finally {
      Clients.prototype.openWindow = openWindow
      WindowClient.prototype.focus = focus
    }
    return touched
  })()`)
