import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { program } from '../support/machine.ts'
import { anna, maria, type Phone, useAuthenticator } from './authenticator-scene.ts'

const run = promisify(execFile)

describe('the authenticator app', function () {
  this.timeout(60_000)
  const app = useAuthenticator()
  let phone: Phone

  describe('accounts', () => {
    it('are several, each with its own requests', async () => {
      phone = await app.ready([maria, anna])
      const first = app.api.ask(maria)
      const second = await app.ask(anna, { shown: { app: { name: 'Wiki' } } })
      await phone.page.locator('.urgent').nth(1).waitFor()
      await phone.look('home-two-requests')
      await phone.page.locator('.urgent', { hasText: 'Wiki' }).click()
      await phone.title('Are you signing in?')
      await phone.number(second.number)
      await phone.press('Approve')
      await phone.title('Approved')
      await phone.press('Done')
      await phone.title('Are you signing in?')
      await phone.number(first.number)
      await phone.press('Approve')
      await phone.title('Approved')
      await phone.press('Done')
      await phone.look('home')
      deepEqual([first.outcome, second.outcome, app.api.refusals], ['approved', 'approved', []])
    })
    it('are renamed here only', async () => {
      phone = await app.ready()
      await phone.page.locator('.accounts button').click()
      await phone.look('account')
      await phone.press('Change the name')
      await phone.page.fill('#name', 'Work')
      await phone.look('rename')
      await phone.press('Save')
      await phone.title('Work')
      equal(app.api.deviceOf(maria)?.account, maria)
    })
    it('are removed here and there', async () => {
      phone = await app.ready()
      await phone.page.locator('.accounts button').click()
      await phone.press('Remove from this phone')
      await phone.look('remove')
      await phone.press('Remove')
      await phone.title('Approve sign-ins from this phone')
      equal(app.api.devices.size, 0)
    })
    it('are removed here only where the server cannot be reached', async () => {
      phone = await app.ready()
      await phone.page.locator('.accounts button').click()
      await phone.press('Remove from this phone')
      await phone.context.setOffline(true)
      await phone.press('Remove')
      await phone.press('Remove it here only')
      await phone.title('Approve sign-ins from this phone')
      equal(app.api.devices.size, 1)
    })
    it('that were removed on the security page are said to be so', async () => {
      phone = await app.ready()
      app.api.devices.clear()
      await phone.page.getByText('No longer connected').waitFor()
      await phone.look('home-forgotten')
      await phone.page.locator('.accounts button').click()
      await phone.picture('account-forgotten')
      await phone.press('Remove it from this phone')
      await phone.title('Approve sign-ins from this phone')
    })
    it('tell the server their address at every start, and mend it', async () => {
      phone = await app.ready()
      const device = app.api.deviceOf(maria)
      ok(device)
      Object.assign(device, { address: null, stale: true })
      await phone.open()
      await phone.page.getByText('Notifications on').waitFor()
      equal(device.address?.endpoint, 'https://push.example/phone')
      await phone.context.addInitScript('globalThis.noPushService = true')
      await phone.open()
      await phone.page.getByText('Notifications off').waitFor()
      await phone.page.locator('.accounts button').click()
      await phone.page.getByText('Allowed, but not connected').waitFor()
      await phone.look('account-unreached')
      await phone.page.evaluate('globalThis.noPushService = false')
      await phone.press('Connect again')
      await phone.page.getByText('On: this phone is told').waitFor()
    })
  })

  describe('without network', () => {
    it('opens, and shows the code of an account after PIN, finger or face', async () => {
      phone = await app.ready()
      await phone.page.evaluate('navigator.serviceWorker.ready.then(() => 0)')
      await phone.page.waitForFunction('navigator.serviceWorker.controller')
      await phone.context.setOffline(true)
      await phone.page.reload()
      // After a reload the offline mode of the tools no longer reaches `navigator.onLine`.
      await phone.page.getByText(/You are offline|cannot be reached/).waitFor()
      await phone.look('home-offline')
      await phone.page.locator('.accounts button').click()
      await phone.recognise(false)
      await phone.press('Show the code')
      await phone.page.getByText('The code was not shown').waitFor()
      await phone.recognise(true)
      const secret = app.api.deviceOf(maria)?.offlineSecret ?? ''
      const oathtool = await program('oathtool')
      const expected = async () => (await run(oathtool, ['--totp', '--base32', secret])).stdout.trim()
      const before = await expected()
      await phone.press('Show the code')
      await phone.page.locator('.totp span').first().waitFor()
      const shown = (await phone.page.locator('.totp').innerText()).replaceAll(/\D/g, '')
      ok([before, await expected()].includes(shown), shown)
      await phone.look('code')
      await phone.press('Hide the code')
      equal(await phone.page.locator('.totp').count(), 0)
    })
    it('keeps its files and no answer of the API, and changes to a new version', async () => {
      phone = await app.ready()
      await phone.page.evaluate('navigator.serviceWorker.ready.then(() => 0)')
      const kept = async () =>
        (await phone.page.evaluate(`(async () => {
          const names = await caches.keys()
          const all = await Promise.all(names.map(async (name) => (await (await caches.open(name)).keys()).map(({ url }) => url)))
          return { names, urls: all.flat() }
        })()`)) as { names: string[]; urls: string[] }
      const { urls, names } = await kept()
      deepEqual(names, [`duepassi-authenticator /sso/authenticator/ ${app.api.files.version}`])
      for (const file of ['', 'app.js', 'keys.js', 'it.json', 'app.css'])
        ok(urls.includes(app.api.app + file), file)
      ok(!urls.some((url) => url.includes('/api/')))
      app.api.files.version = 'next'
      await phone.page.reload()
      await phone.page.waitForFunction(
        "caches.keys().then((names) => names.length === 1 && names[0].endsWith(' next'))",
      )
    })
  })

  describe('the worker', () => {
    const wake = async () => {
      const { page, devtools } = phone
      await page.evaluate('navigator.serviceWorker.ready.then(() => 0)')
      const versions = new Promise<string>((resolve) =>
        devtools.on('ServiceWorker.workerRegistrationUpdated', ({ registrations }) => {
          const [first] = registrations
          if (first) resolve(first.registrationId)
        }),
      )
      await devtools.send('ServiceWorker.enable')
      const registrationId = await versions
      return (data: string) =>
        devtools.send('ServiceWorker.deliverPushMessage', { origin: app.api.origin, registrationId, data })
    }
    const notifications = () =>
      phone.page.evaluate(`navigator.serviceWorker.ready
        .then((registration) => registration.getNotifications())
        .then((all) => all.map(({ title, body, tag, data }) => ({ title, body, tag, id: data.id ?? null })))`)
    const push = (id: string, exp: number) =>
      JSON.stringify({
        web_push: 8030,
        mutable: true,
        notification: { title: 'Title', body: 'Body', navigate: `${app.api.app}#r=${id}`, tag: 'request' },
        id,
        exp,
      })

    it('shows each message in the language of the app, even one that it cannot read', async () => {
      phone = await app.ready([maria], { locale: 'it-IT' })
      const deliver = await wake()
      const soon = Math.floor(Date.now() / 1000) + 60
      await deliver(push('abc', soon))
      await phone.page.waitForTimeout(300)
      const generic = {
        title: 'Una richiesta ti aspetta',
        body: 'Aprila per vedere chi la fa, e rispondi.',
        tag: 'request',
      }
      deepEqual(await notifications(), [{ ...generic, id: 'abc' }])
      await deliver('not json')
      await phone.page.waitForTimeout(300)
      deepEqual(await notifications(), [{ ...generic, id: null }])
      await deliver(push('late', soon - 90))
      await phone.page.waitForTimeout(300)
      match(JSON.stringify(await notifications()), /arrivata tardi/)
    })
    it('leads from a notification to its request, in the window that is open', async () => {
      phone = await app.ready([maria, anna])
      await phone.page.evaluate('navigator.serviceWorker.ready.then(() => 0)')
      const [worker] = phone.context.serviceWorkers()
      ok(worker)
      // Two requests, so that neither comes up by itself.
      const request = app.api.ask(maria, { shown: { app: { name: 'First' } } })
      await app.ask(anna)
      await phone.page.locator('.urgent').nth(1).waitFor()
      await worker.evaluate(`registration.showNotification('x', { tag: 'request', data: { id: '${request.id}' } })
        .then(() => registration.getNotifications())
        .then(([notification]) => { dispatchEvent(new NotificationEvent('notificationclick', { notification })) })`)
      await phone.title('Are you signing in?')
      match(await phone.text(), /First/)
    })
    it('tells every account’s new address when the browser changes it', async () => {
      phone = await app.ready([maria, anna])
      const [worker] = phone.context.serviceWorkers()
      ok(worker)
      await worker.evaluate(`(() => {
        PushManager.prototype.subscribe = async ({ applicationServerKey: { length }, userVisibleOnly }) => ({
          toJSON: () => ({ endpoint: 'https://push.example/' + length + userVisibleOnly, keys: { p256dh: 'p', auth: 'a' } }),
        })
        dispatchEvent(new ExtendableEvent('pushsubscriptionchange'))
      })()`)
      const addresses = () => [maria, anna].map((account) => app.api.deviceOf(account)?.address?.endpoint)
      for (let i = 0; i < 30 && addresses()[1] !== 'https://push.example/65true'; i++)
        await phone.page.waitForTimeout(100)
      deepEqual(addresses(), ['https://push.example/65true', 'https://push.example/65true'])
    })
  })

  describe('languages', () => {
    it('speaks Italian to Italian browsers', async () => {
      phone = await app.ready([maria], { locale: 'it-IT' })
      await phone.title('I tuoi account')
      await phone.look('it-home')
      const request = await app.ask(maria, { digits: 6 })
      await phone.title('Stai accedendo?')
      match(
        await phone.text(),
        /Adesso[\s\S]*Bologna, Italia[\s\S]*Firefox su Windows[\s\S]*Numero sul computer/,
      )
      await phone.number(request.number)
      await phone.look('it-request')
      await phone.press('Non ero io')
      await phone.title('Non eri tu?')
      await phone.look('it-report')
      equal(await phone.page.evaluate('document.documentElement.lang'), 'it')
    })
    it('are changed in the settings, and stay', async () => {
      phone = await app.ready()
      await phone.press('Settings')
      await phone.look('settings')
      await phone.page.getByRole('radio', { name: 'Italiano' }).check()
      await phone.title('Impostazioni')
      await phone.open()
      await phone.title('Impostazioni')
      await phone.press('Indietro')
      await phone.title('I tuoi account')
    })
  })
})
