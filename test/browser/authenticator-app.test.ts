import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { maria, type Phone, useAuthenticator } from './authenticator-scene.ts'

/** The app against a server that verifies all it signs; the issuer is mounted beneath a path. */
describe('the authenticator app, adding an account', function () {
  this.timeout(60_000)
  const app = useAuthenticator()
  let phone: Phone

  describe('without an account', () => {
    it('says what it is for, and can be installed', async () => {
      phone = await app.take()
      await phone.open()
      await phone.title('Approve sign-ins from this phone')
      await phone.look('welcome')
      const { errors } = await phone.devtools.send('Page.getAppManifest')
      deepEqual(errors, [])
      const { installabilityErrors } = await phone.devtools.send('Page.getInstallabilityErrors')
      // Playwright's contexts are private windows, which install nothing.
      deepEqual(
        installabilityErrors.map(({ errorId }) => errorId).filter((id) => id !== 'in-incognito'),
        [],
      )
    })
    it('adds one by the code that was typed, up to the number', async () => {
      phone = await app.take()
      await phone.open()
      await phone.press('Add an account')
      await phone.look('add')
      app.api.invite(maria, 'K7QP-2M9X-RT')
      await phone.page.fill('#code', 'k7qp2m9')
      await phone.press('Continue')
      match(await phone.text(), /not a whole code/)
      await phone.picture('add-malformed')
      await phone.page.fill('#code', 'k7qp 2m9xrt')
      equal(await phone.page.inputValue('#code'), 'K7QP-2M9X-RT')
      await phone.press('Continue')
      await phone.title('Is this your account?')
      match(await phone.text(), /Step 1 of 2\n[\s\S]*maria\.rossi@example\.org\n\s*Duepassi/)
      await phone.look('invitation')
      await phone.page.fill('#label', 'Blue phone')
      await phone.press('Continue')
      await phone.title('Confirm with your screen lock')
      await phone.look('screen-lock')
      await phone.press('Make the keys')
      await phone.title('Type this number on the computer')
      const device = app.api.deviceOf(maria)
      equal(
        await phone.page.locator('.big-number').getAttribute('aria-label'),
        device?.number.split('').join(' '),
      )
      equal(device?.label, 'Blue phone')
      deepEqual(device?.address, {
        kind: 'web',
        endpoint: 'https://push.example/phone',
        keys: { p256dh: 'p', auth: 'a' },
      })
      await phone.look('number')
      deepEqual(app.api.refusals, [])
    })
    it('adds one by its link, keeps the secret out of the address, and ends with a test', async () => {
      phone = await app.take()
      const device = await phone.enrol(maria)
      equal(phone.page.url(), app.api.app)
      await phone.page.reload()
      await phone.title('Type this number on the computer')
      ok(app.api.typeNumber(maria, device.number))
      await phone.title('The number is right')
      await phone.look('test')
      const request = app.api.ask(maria, { kind: 'test', digits: 3, shown: { app: { name: 'Duepassi' } } })
      await phone.title('Try it out')
      equal(await phone.page.getByRole('button', { name: 'It was not me' }).count(), 0)
      await phone.number(request.number)
      await phone.look('test-request')
      await phone.press('Approve')
      await phone.title('This phone is set up')
      await phone.picture('ready')
      equal(device.state, 'active')
      deepEqual(app.api.refusals, [])
    })
    it('reads the picture with the camera', async () => {
      phone = await app.take({ camera: `${app.api.app}#e=${app.api.invite(maria)}` })
      await phone.open()
      await phone.press('Add an account')
      await phone.press('Scan the picture')
      await phone.title('Is this your account?')
    })
    it('keeps its keys where nothing can take them out', async () => {
      phone = await app.take()
      await phone.enrol(maria)
      const exported = await phone.page.evaluate(`(async () => {
        const [device] = await duepassiAuthenticator.list()
        const attempts = [
          crypto.subtle.exportKey('jwk', device.keys.privateKey),
          crypto.subtle.exportKey('raw', device.offline.key),
        ]
        return (await Promise.allSettled(attempts)).map(({ status, reason }) => reason?.name ?? status)
      })()`)
      deepEqual(exported, ['InvalidAccessError', 'InvalidAccessError'])
    })
  })

  describe('when something is missing to add an account', () => {
    it('asks for a screen lock first, and goes on when there is one', async () => {
      phone = await app.take({ lock: false })
      await phone.open(`#e=${app.api.invite(maria)}`)
      await phone.title('This phone needs a screen lock')
      await phone.look('no-lock')
      await phone.addLock()
      await phone.press('I have set it up')
      await phone.title('Is this your account?')
    })
    it('asks for notifications in a gesture, and takes them', async () => {
      phone = await app.take({ notifications: 'unasked' })
      await phone.open(`#e=${app.api.invite(maria)}`)
      await phone.press('Continue')
      await phone.title('Let the phone tell you')
      await phone.look('notifications')
      equal(await phone.page.evaluate('globalThis.askedInGesture'), undefined)
      await phone.press('Allow notifications')
      await phone.title('Confirm with your screen lock')
      match(await phone.text(), /Step 3 of 3/)
      equal(await phone.page.evaluate('globalThis.askedInGesture'), true)
    })
    it('says how to allow notifications that are blocked, and goes on without', async () => {
      phone = await app.take({ notifications: 'denied' })
      await phone.open(`#e=${app.api.invite(maria)}`)
      await phone.press('Continue')
      await phone.press('Allow notifications')
      await phone.title('Notifications are blocked')
      match(await phone.text(), /sign to the left of the address[\s\S]*open this app yourself/)
      await phone.look('notifications-denied')
      await phone.press('Go on without')
      await phone.press('Make the keys')
      await phone.title('Type this number on the computer')
      equal(app.api.deviceOf(maria)?.address, null)
    })
    it('sends iPhones to the Home Screen first, with the code for there', async () => {
      const userAgent =
        'Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1'
      phone = await app.take({ userAgent })
      await phone.open(`#e=${app.api.invite(maria)}`)
      await phone.title('First add the app to your Home Screen')
      match(await phone.text(), /Share[\s\S]*type the code that is on the computer/)
      await phone.look('install-ios')
      await phone.press('Go on here, without notifications')
      await phone.title('Is this your account?')
    })
    it('adds nothing when the finger is not recognised, and can be tried again', async () => {
      phone = await app.take()
      await phone.open(`#e=${app.api.invite(maria)}`)
      await phone.press('Continue')
      await phone.recognise(false)
      await phone.press('Make the keys')
      await phone.page.getByText('Nothing was added').waitFor()
      equal(app.api.devices.size, 0)
      await phone.recognise(true)
      await phone.press('Make the keys')
      await phone.title('Type this number on the computer')
    })
    for (const [status, code, title] of [
      [404, 'invitation_unknown', 'This code is not valid, or no longer'],
      [409, 'invitation_used', 'This code was used already'],
      [429, 'wait', 'Too many attempts in a short time'],
      [500, 'boom', 'Something went wrong'],
    ] as const) {
      it(`says what to do: ${code}`, async () => {
        phone = await app.take()
        app.api.refuse('POST invitations', status, code, 30)
        await phone.open(`#e=${app.api.invite(maria)}`)
        await phone.title(title)
        await phone.picture(`invitation-${code}`)
      })
    }
    for (const [status, code, title] of [
      [409, 'invitation_used', 'This code was used already'],
      [422, 'untrusted', 'Your organisation does not accept this phone'],
    ] as const) {
      it(`says what to do at the end: ${code}`, async () => {
        phone = await app.take()
        await phone.open(`#e=${app.api.invite(maria)}`)
        await phone.press('Continue')
        app.api.refuse('POST devices', status, code)
        await phone.press('Make the keys')
        await phone.title(title)
        equal(await phone.page.evaluate('duepassiAuthenticator.list().then((all) => all.length)'), 0)
      })
    }
    it('forgets the account when the number was not typed in time', async () => {
      phone = await app.take()
      const { thumbprint } = await phone.enrol(maria)
      app.api.devices.delete(thumbprint)
      await phone.title('The time is over')
      await phone.picture('number-over')
    })
  })
})
