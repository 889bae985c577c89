import assert from 'node:assert/strict'
import { decodeJwt } from 'jose'
import * as oidc from 'openid-client'
import { Browser } from '../support/browser.ts'
import { password, startProvider } from '../support/provider.ts'
import { addDevice, approve, decide, enterCode, fieldOf } from './devices-without-keyboard.ts'

const quick = { protocol: { device: { interval: 1 } } } as const

describe('a device without a keyboard', function () {
  this.timeout(60_000)

  it('is signed in by somebody who proves both factors on another, and goes on by itself', async () => {
    await using op = await startProvider({ config: quick })
    const { secret } = await op.enrol()
    const device = await addDevice(op)
    const begun = await device.begin()
    assert.match(begun.user_code, /^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$/)
    assert.equal(begun.verification_uri, `${op.issuer}/device`)
    assert.equal(begun.interval, 1)
    assert.equal(begun.expires_in, 600)
    const waiting = oidc.pollDeviceAuthorizationGrant(device.config, begun)
    const page = await approve(op, begun.user_code, { secret })
    assert.match(page.body, /Your device is connected/)
    const tokens = await waiting
    const { sub, amr, acr } = decodeJwt(String(tokens.id_token))
    assert.deepEqual([sub, amr, acr], [op.maria.id, ['pwd', 'otp', 'mfa'], 'https://refeds.org/profile/mfa'])
    const claims = await oidc.fetchUserInfo(device.config, tokens.access_token, op.maria.id)
    assert.equal(claims['preferred_username'], 'maria')
    const renewed = await oidc.refreshTokenGrant(device.config, String(tokens.refresh_token))
    assert.ok(renewed.access_token)
  })

  it('asks a live session as well: nothing is confirmed by a code in the address', async () => {
    await using op = await startProvider({ config: quick })
    const { browser } = await op.enrol()
    const device = await addDevice(op)
    const begun = await device.begin()
    const page = await browser.get(String(begun.verification_uri_complete))
    assert.equal(page.status, 200)
    assert.equal(fieldOf(page, 'xsrf').length, 48)
    assert.match(page.body, new RegExp(`name="user_code" type="text" value="${begun.user_code}"`))
    assert.equal((await device.ask(begun.device_code)).body['error'], 'authorization_pending')
    const asked = await browser.post(page.url, { xsrf: fieldOf(page, 'xsrf'), user_code: begun.user_code })
    assert.match(asked.body, /Sign in to Living room on another device\?/)
    assert.match(asked.body, /You are signed in as maria\./)
    assert.match(asked.body, new RegExp(`<code>${begun.user_code}</code>`))
    assert.match(asked.body, /in the same network as you/)
    assert.equal((await decide(op, asked, 'confirm', browser)).status, 200)
    assert.equal((await device.ask(begun.device_code)).status, 200)
    const events = (await op.audit()).map(({ type, clientId }) => [type, clientId])
    assert.ok(events.some(([type, id]) => type === 'device-code.approved' && id === device.clientId))
  })

  it('is told of a refusal, by either page', async () => {
    await using op = await startProvider({ config: quick })
    const device = await addDevice(op)
    const browser = new Browser()
    const [first, second] = [await device.begin(), await device.begin()]
    const page = await decide(op, await enterCode(op, first.user_code, browser), 'abort', browser)
    assert.equal(page.status, 200)
    assert.match(page.body, /The device was refused/)
    assert.equal((await device.ask(first.device_code)).body['error'], 'access_denied')

    const asked = await enterCode(op, second.user_code, browser)
    const login = await decide(op, asked, 'confirm', browser)
    const enrolling = await browser.post(login.url, { intent: 'sign-in', username: 'maria', password })
    const over = await browser.post(enrolling.url, { intent: 'give-up' })
    assert.match(over.body, /The device was refused/)
    assert.match(over.body, /Living room/)
    assert.equal((await device.ask(second.device_code)).body['error'], 'access_denied')
    const used = await enterCode(op, second.user_code, browser)
    assert.equal(used.status, 400)
    assert.match(used.body, /This code was already used/)
  })

  it('loses nothing by a sign-in that was begun and left, in this browser or another', async () => {
    await using op = await startProvider({ config: quick })
    const { secret } = await op.enrol()
    const device = await addDevice(op)
    const begun = await device.begin()
    const left = new Browser()
    const login = await decide(op, await enterCode(op, begun.user_code, left), 'confirm', left)
    assert.match(login.body, /name="password"/)
    const second = await decide(op, await enterCode(op, begun.user_code, left), 'confirm', left)
    assert.match(second.body, /name="password"/)
    const done = await approve(op, begun.user_code, { secret })
    assert.match(done.body, /Your device is connected/)

    // The one that was left goes on too late: somebody else would be put in the first one’s place.
    const page = await left.post(second.url, { intent: 'sign-in', username: 'maria', password })
    op.clock.advance(30)
    const late = await left.post(page.url, { intent: 'answer', code: op.nextCode(secret) })
    assert.match(late.body, /This code was already used/)
    const { status, body } = await device.ask(begun.device_code)
    assert.equal(status, 200, JSON.stringify(body))
  })

  it('begins again where the page of a sign-in has expired', async () => {
    await using op = await startProvider({ config: quick })
    const device = await addDevice(op)
    const begun = await device.begin()
    const browser = new Browser()
    const login = await decide(op, await enterCode(op, begun.user_code, browser), 'confirm', browser)
    op.clock.advance(1000)
    const expired = await browser.get(login.url)
    assert.match(expired.body, /href="\/device"/)
    assert.equal((await browser.get(`${op.issuer}/device`)).status, 200)
  })

  it('is told that its code has expired, and so is whoever enters it', async () => {
    await using op = await startProvider({ config: quick })
    const device = await addDevice(op)
    const begun = await device.begin()
    op.clock.advance(601)
    assert.equal((await device.ask(begun.device_code)).body['error'], 'expired_token')
    const page = await enterCode(op, begun.user_code, new Browser())
    assert.match(page.body, /This code has expired/)
    op.clock.advance(301)
    assert.equal((await device.ask(begun.device_code)).body['error'], 'invalid_grant')
  })

  it('is told to slow down when it asks too often, and still gets its tokens', async () => {
    await using op = await startProvider({ config: { protocol: { device: { interval: 5 } } } })
    const { secret } = await op.enrol()
    const device = await addDevice(op)
    const begun = await device.begin()
    const ask = async (later = 0) => {
      op.clock.advance(later)
      return (await device.ask(begun.device_code)).body['error']
    }
    assert.deepEqual(
      [await ask(), await ask(5), await ask(3), await ask(6), await ask(15), await ask(20)],
      [
        'authorization_pending',
        'authorization_pending',
        'slow_down',
        'slow_down',
        'authorization_pending',
        'authorization_pending',
      ],
    )
    const many = await Promise.all(Array.from({ length: 10 }, () => ask()))
    assert.deepEqual([...new Set(many)], ['slow_down'])
    await approve(op, begun.user_code, { secret })
    assert.equal((await device.ask(begun.device_code)).status, 200)
  })

  it('understands a code in small letters and without its dash', async () => {
    await using op = await startProvider({ config: quick })
    const device = await addDevice(op)
    const begun = await device.begin()
    const typed = ` ${begun.user_code.toLowerCase().replace('-', ' ')} `
    const page = await enterCode(op, typed, new Browser())
    assert.match(page.body, new RegExp(`<code>${begun.user_code}</code>`))
  })

  it('speaks the language of the browser', async () => {
    await using op = await startProvider({ config: quick })
    const device = await addDevice(op)
    const page = await enterCode(op, (await device.begin()).user_code, new Browser('it'))
    assert.match(page.body, /Vuoi accedere a Living room su un altro dispositivo\?/)
    assert.match(page.headers.get('content-security-policy') ?? '', /script-src 'nonce-/)
  })

  it('asks for consent where the application is not the organisation’s own', async () => {
    await using op = await startProvider({ config: quick })
    const { browser } = await op.enrol()
    const device = await addDevice(op, { require_consent: true })
    const begun = await device.begin()
    const page = await decide(op, await enterCode(op, begun.user_code, browser), 'confirm', browser)
    assert.match(page.body, /Allow Living room\?/)
    assert.equal((await device.ask(begun.device_code)).body['error'], 'authorization_pending')
    const done = await browser.post(page.url, { intent: 'allow' })
    assert.match(done.body, /Your device is connected/)
    assert.equal((await device.ask(begun.device_code)).status, 200)
  })

  it('does not exist where it is switched off', async () => {
    await using op = await startProvider({ config: { protocol: { device: { enabled: false } } } })
    const found = (await (await fetch(`${op.issuer}/.well-known/openid-configuration`)).json()) as object
    assert.equal(Object.hasOwn(found, 'device_authorization_endpoint'), false)
    assert.equal((await fetch(`${op.issuer}/device`)).status, 404)
  })
})
