import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { maria, type Phone, useAuthenticator } from './authenticator-scene.ts'

describe('the authenticator app, answering', function () {
  this.timeout(60_000)
  const app = useAuthenticator()
  let phone: Phone
  const another = (right: string) => right.replace(/./, (first) => String((Number(first) + 1) % 10))

  describe('a request', () => {
    it('shows who asks, from where and when, and is approved with the number', async () => {
      phone = await app.ready()
      const request = await app.ask(maria, { digits: 6 })
      await phone.title('Are you signing in?')
      const text = await phone.text()
      for (const shown of [
        'Bottega Aurora',
        maria,
        'Just now',
        'Bologna, Italy',
        '93.46.210.7',
        'Firefox on Windows',
      ])
        ok(text.includes(shown), shown)
      await phone.picture('request-empty')
      const approve = phone.page.getByRole('button', { name: 'Approve' })
      equal(await approve.isDisabled(), true)
      await phone.number(request.number.slice(0, 5))
      equal(await approve.isDisabled(), true)
      await phone.number(request.number)
      await phone.look('request')
      await phone.press('Approve')
      await phone.title('Approved')
      await phone.picture('approved')
      equal(request.outcome, 'approved')
      deepEqual(app.api.refusals, [])
    })
    it('keeps its number and its answers in sight when the keyboard is open', async () => {
      phone = await app.ready()
      const request = await app.ask(maria, { digits: 6 })
      await phone.page.locator('#number').focus()
      await phone.page.setViewportSize({ width: 390, height: 430 })
      await phone.page.keyboard.type(request.number)
      await phone.picture('request-keyboard')
      const boxes = ['.boxes', '.answers .plain', '.answers .primary'].map((part) =>
        phone.page.locator(part).boundingBox(),
      )
      for (const box of await Promise.all(boxes)) ok(box && box.y >= 0 && box.y + box.height <= 430)
    })
    it('is found from its notification', async () => {
      phone = await app.ready()
      const request = await app.ask(maria, { kind: 'step-up' })
      await phone.page.goto('about:blank')
      await phone.open(`#r=${request.id}`)
      await phone.title('Is this you?')
      equal(phone.page.url(), app.api.app)
    })
    it('is over after a wrong number', async () => {
      phone = await app.ready()
      const request = await app.ask(maria)
      await phone.title('Are you signing in?')
      await phone.number(another(request.number))
      await phone.press('Approve')
      await phone.title('That was not the number')
      await phone.picture('wrong-number')
      equal(request.outcome, 'failed')
    })
    it('stays open when the finger is not recognised', async () => {
      phone = await app.ready()
      const request = await app.ask(maria)
      await phone.title('Are you signing in?')
      await phone.number(request.number)
      await phone.recognise(false)
      await phone.press('Approve')
      await phone.page.getByText('Not approved yet').waitFor()
      await phone.look('not-recognised')
      equal(request.outcome, undefined)
      await phone.recognise(true)
      await phone.press('Approve')
      await phone.title('Approved')
    })
    it('is denied without a number or a finger', async () => {
      phone = await app.ready()
      await phone.recognise(false)
      const request = await app.ask(maria)
      await phone.title('Are you signing in?')
      await phone.press('Deny')
      await phone.title('Denied')
      await phone.picture('denied')
      equal(request.outcome, 'denied')
    })
    it('is reported once the consequences were read', async () => {
      phone = await app.ready()
      const request = await app.ask(maria)
      await phone.title('Are you signing in?')
      await phone.press('It was not me')
      await phone.title('It was not you?')
      await phone.look('report')
      equal(request.outcome, undefined)
      await phone.press('Yes, it was not me')
      await phone.title('Thank you for saying so')
      await phone.picture('reported')
      equal(request.outcome, 'reported')
      deepEqual(app.api.refusals, [])
    })
    it('shows the message of the other side verbatim, and asks for no number where there is none', async () => {
      phone = await app.ready()
      const bindingMessage = 'Pay 48.90 € <b>to</b> Bottega Aurora, order A-17'
      const request = await app.ask(maria, { kind: 'backchannel', digits: 0, shown: { bindingMessage } })
      await phone.title('Do you approve this?')
      equal(await phone.page.locator('blockquote').innerText(), bindingMessage)
      equal(await phone.page.locator('#number').count(), 0)
      await phone.look('backchannel')
      await phone.press('Approve')
      await phone.title('Approved')
      equal(request.outcome, 'approved')
    })
    it('says what is not known', async () => {
      phone = await app.ready()
      const unknown = { city: null, country: null, address: null, browser: null, system: null }
      await app.ask(maria, { shown: unknown })
      await phone.title('Are you signing in?')
      match(await phone.text(), /Unknown place[\s\S]*Unknown browser/)
    })
    it('is over when it was answered elsewhere, replaced, or its time is up', async () => {
      phone = await app.ready()
      const first = await app.ask(maria)
      await phone.title('Are you signing in?')
      first.outcome = 'superseded'
      const second = await app.ask(maria, { shown: { app: { name: 'Second' } } })
      await phone.title('This request is over')
      await phone.picture('superseded')
      await phone.press('See the newer request')
      await phone.page.getByText('Second').waitFor()
      second.outcome = 'elsewhere'
      await phone.title('This request is over')
      await phone.picture('gone')
    })
    it('that nobody answered in time: it was me, and it is asked no more', async () => {
      phone = await app.ready()
      const request = await app.ask(maria)
      await phone.title('Are you signing in?')
      request.expiresAt = Date.now()
      await phone.title('You did not answer this in time')
      match(await phone.text(), /Bottega Aurora[\s\S]*Bologna, Italy[\s\S]*Firefox on Windows/)
      equal(await phone.page.locator('#number').count(), 0)
      await phone.look('missed')
      await phone.press('It was me')
      await phone.title('Your accounts')
      equal(request.outcome, 'denied')
      equal(await phone.page.locator('.missed').count(), 0)
    })
    it('that nobody answered in time: it was not me, from the list', async () => {
      phone = await app.ready()
      const request = await app.ask(maria, { expiresAt: Date.now() - 60_000 })
      await phone.page.getByText('Nobody answered').waitFor()
      await phone.look('home-missed')
      await phone.page.locator('.missed button').click()
      await phone.title('You did not answer this in time')
      await phone.press('It was not me')
      await phone.title('It was not you?')
      match(await phone.text(), /on all devices/)
      await phone.look('report-missed')
      await phone.press('Yes, it was not me')
      await phone.title('Thank you for saying so')
      match(await phone.text(), /on all devices/)
      equal(request.outcome, 'reported')
    })
    it('that nobody answered in time is found from its notification', async () => {
      phone = await app.ready()
      const request = await app.ask(maria, { expiresAt: Date.now() - 60_000 })
      await phone.page.goto('about:blank')
      await phone.open(`#r=${request.id}`)
      await phone.title('You did not answer this in time')
    })
    for (const [status, code, title] of [
      [423, 'locked', 'Your account is locked'],
      [422, 'unverified', 'Your fingerprint, face or PIN was not accepted'],
      [422, 'malformed', 'The answer was not understood'],
      [401, 'device_unknown', 'This account no longer knows this phone'],
    ] as const) {
      it(`says what to do: ${code}`, async () => {
        phone = await app.ready()
        const request = await app.ask(maria)
        await phone.title('Are you signing in?')
        await phone.number(request.number)
        app.api.refuse(`POST requests/${request.id}/decision`, status, code)
        await phone.press('Approve')
        await phone.title(title)
        await phone.picture(`decision-${code}`)
      })
    }
    for (const [status, code, text] of [
      [429, 'wait', /Too many answers[\s\S]*Wait 7 seconds/],
      [500, 'boom', /Something went wrong/],
    ] as const) {
      it(`can be answered again after ${code}`, async () => {
        phone = await app.ready()
        const request = await app.ask(maria)
        await phone.title('Are you signing in?')
        await phone.number(request.number)
        app.api.refuse(`POST requests/${request.id}/decision`, status, code, 7)
        await phone.press('Approve')
        await phone.page.locator('.told .notice').waitFor()
        match(await phone.text(), text)
        await phone.press('Approve')
        await phone.title('Approved')
      })
    }
    it('is signed with the time of the server on a phone whose clock is wrong', async () => {
      phone = await app.ready()
      app.api.clock.ahead = 600_000
      const request = await app.ask(maria)
      await phone.title('Are you signing in?')
      await phone.number(request.number)
      await phone.press('Approve')
      await phone.title('Approved')
      equal(request.outcome, 'approved')
    })
    it('is answered on other pages by the same keys', async () => {
      phone = await app.ready()
      const { id, nonce, shown, outcome } = await app.ask(maria, { digits: 0 })
      equal(outcome, undefined)
      const answered = await phone.page.evaluate(
        `(async ({ id, nonce, shown, url }) => {
          const keys = duepassiAuthenticator
          const [device] = await keys.list()
          const request = { issuer: device.issuer, id, nonce, shown, decision: 'approve' }
          const response = await fetch(url, {
            method: 'POST',
            headers: { authorization: await keys.authorize(device, 'POST', url) },
            body: await keys.decide(device, request),
          })
          return { status: response.status, tags: await keys.accountTags(device.issuer), none: await keys.accountTags('x') }
        })(${JSON.stringify({ id, nonce, shown, url: `${app.api.app}api/requests/${id}/decision` })})`,
      )
      const { accountTag } = (await phone.page.evaluate(
        'duepassiAuthenticator.list().then(([first]) => ({ ...first, keys: 0, offline: 0 }))',
      )) as { accountTag: string }
      deepEqual(answered, { status: 200, tags: [accountTag], none: [] })
    })
  })
})
