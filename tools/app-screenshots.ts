/**
 * The pictures of the authenticator app in the README: `node tools/app-screenshots.ts docs/images`. Taken of the real app
 * and the real provider, with Chromium for phone and computer; the person and the place are made up.
 */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Page } from 'playwright-core'
import { approve, numberOn, openPushScene, press } from '../test/browser/push-scene.ts'
import { stopServices } from '../test/support/machine.ts'

const [folder] = process.argv.slice(2)
if (!folder) throw new Error('usage: node tools/app-screenshots.ts <folder>')
await mkdir(folder, { recursive: true })

const windows =
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/146.0.0.0 Safari/537.36'
const android =
  'Mozilla/5.0 (Linux; Android 16; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/146.0.0.0 Mobile Safari/537.36'
const [person, other] = ['maria.rossi', 'segreteria']

const scene = await openPushScene({
  config: {
    proxy: true,
    // An address for documentation (RFC 5737), which lies in Milan there.
    places: { file: fileURLToPath(new URL('../test/support/places.mmdb', import.meta.url)) },
  },
  client: { client_name: 'Bottega Aurora' },
  phone: { userAgent: android, deviceScaleFactor: 1.25, colorScheme: 'light' },
})
const take = async (page: Page, name: string, fullPage = false): Promise<void> => {
  await page.mouse.move(0, 0)
  const path = join(folder, `authenticator-${name}.png`)
  await page.screenshot({ path, animations: 'disabled', fullPage })
}

try {
  for (const username of [person, other]) await scene.op.addPerson(username)
  const computer = await scene.openComputer({
    userAgent: windows,
    extraHTTPHeaders: { 'x-forwarded-for': '198.51.100.7' },
  })

  const first = await scene.signIn(computer, { username: person })
  const accepted = await scene.accept(first)
  await take(accepted.app, 'number')
  await scene.enrol(first, accepted)
  await scene.signOut(computer)
  await scene.enrol(await scene.signIn(computer, { username: other }))
  await scene.signOut(computer)

  const desk = await scene.signIn(computer, { username: person })
  const app = await scene.tapNotification()
  const number = await numberOn(desk.page)
  await app.fill('#number', number)
  await take(app, 'request')
  await desk.page.getByText('The request is open on your phone').waitFor()
  await take(desk.page, 'computer', true)
  await approve(app, number)
  await press(app, 'Done')
  await app.getByText('Notifications on').nth(1).waitFor()
  await take(app, 'accounts')
  await app.locator('.accounts button', { hasText: person }).click()
  await press(app, 'Show the code')
  await app.locator('.totp').waitFor()
  await take(app, 'code')
} finally {
  await scene.close()
  await stopServices()
}
process.exit(0)
