import { deepEqual, doesNotMatch, equal, match, ok, throws } from 'node:assert/strict'
import { createECDH } from 'node:crypto'
import { encryptNotification } from '@block65/webcrypto-web-push'
import { decodeJwt } from 'jose'
import type { PushDelivery, PushNotice } from '../../../src/delivery/delivery.ts'
import { type PushOptions, pushDelivery } from '../../../src/delivery/push/push-delivery.ts'
import { createLog } from '../../../src/log.ts'
import { createGuardedFetch, type OutboundFetch } from '../../../src/outbound/guarded-fetch.ts'
import { movableClock } from '../../support/clock.ts'
import { decryptPush, newVapidKey, type PushService, startPushService } from '../../support/push-endpoint.ts'

const vapid = newVapidKey()
const contact = 'mailto:admin@idp.example'

/** RFC 8291 appendix A. */
const appendix = {
  plaintext: 'When I grow up, I want to be a watermelon',
  sender: {
    d: 'yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw',
    point: 'BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8',
  },
  receiver: {
    d: 'q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94',
    point: 'BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4',
  },
  salt: 'DGv6ra1nlYgDCS1FRnbzlw',
  auth: 'BTBZMqHH6r4Tts7J_aSIgg',
  message:
    'DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN',
}

describe('web push', () => {
  let service: PushService
  let lines: string[] = []
  const clock = movableClock()
  const open: PushDelivery[] = []

  before(async () => {
    service = await startPushService(clock.now)
  })
  beforeEach(() => {
    lines = []
    service.script.length = 0
    service.statuses.length = 0
  })
  afterEach(() => Promise.all(open.splice(0).map((delivery) => delivery.close())))
  after(() => service.close())

  const deliveryWith = (more: Partial<PushOptions> = {}): PushDelivery => {
    const delivery = pushDelivery({
      issuer: 'https://idp.example',
      transports: { web: { vapid, contact, hosts: [service.host] } },
      fetch: service.fetch,
      clock,
      log: createLog('trace', { write: (line) => lines.push(line) }),
      pause: 4,
      ...more,
    })
    open.push(delivery)
    return delivery
  }
  const notice = (seconds = 60): PushNotice => ({
    id: 'Yf3dPq0LhX2mN8sT5vB1wA',
    expiresAt: clock.now() + seconds * 1000,
    language: 'en',
  })
  const subscribed = (delivery: PushDelivery) => {
    const subscription = service.subscribe(delivery.applicationServerKey ?? '')
    const address = delivery.readAddress(subscription.address)
    ok(address)
    return { ...subscription, address }
  }

  it('tells the browser the key that it signs with', () => {
    const point = Buffer.from(deliveryWith().applicationServerKey ?? '', 'base64url')
    equal(point.length, 65)
    const parts = [Buffer.of(4), Buffer.from(vapid.x, 'base64url'), Buffer.from(vapid.y, 'base64url')]
    deepEqual(point, Buffer.concat(parts))
  })

  it('delivers ids and generic words, and nothing else', async () => {
    const delivery = deliveryWith()
    const { address, pushes } = subscribed(delivery)
    const given = notice()
    equal(await delivery.send(address, given), 'sent')
    equal(await delivery.send(address, { ...given, language: 'it' }), 'sent')
    const [english, italian] = pushes.map(({ text }) => JSON.parse(text))
    deepEqual(english, {
      web_push: 8030,
      mutable: true,
      notification: {
        title: 'A request is waiting',
        body: 'Open the authenticator to review it.',
        navigate: `https://idp.example/authenticator/#r=${given.id}`,
        tag: 'request',
      },
      id: given.id,
      exp: Math.floor(given.expiresAt / 1000),
    })
    equal(italian.notification.title, 'Una richiesta ti aspetta')
    const headers = pushes[0]?.headers ?? {}
    deepEqual(
      [headers['ttl'], headers['urgency'], headers['topic'], headers['content-encoding']],
      ['60', 'high', 'request', 'aes128gcm'],
    )
  })

  it('is always of one length', async () => {
    for (const title of ['', 'x'.repeat(900)]) {
      const text = { title, body: 'b' }
      const delivery = deliveryWith({ texts: { en: text, it: text } })
      const { address, pushes } = subscribed(delivery)
      await delivery.send(address, notice())
      deepEqual(
        pushes.map(({ length }) => length),
        [4_096],
      )
    }
  })

  it('signs for the push service alone, and for an hour', async () => {
    const delivery = deliveryWith()
    const { address, pushes } = subscribed(delivery)
    await delivery.send(address, notice())
    const [, token = ''] = /^vapid t=([^,]+),/.exec(pushes[0]?.headers.authorization ?? '') ?? []
    const { aud, exp = 0, sub, ...more } = decodeJwt(token)
    deepEqual([aud, sub, more], [service.origin, contact, {}])
    ok(Math.abs(exp - clock.now() / 1000 - 3_600) < 5)
    clock.advance(86_400)
    equal(await delivery.send(address, notice()), 'sent')
  })

  it('is refused with another key, or for another origin', async () => {
    const delivery = deliveryWith()
    const other = service.subscribe(
      deliveryWith({ transports: { web: { vapid: newVapidKey(), contact } } }).applicationServerKey ?? '',
    )
    equal(await delivery.send(JSON.stringify(other.address), notice()), 'failed')
    deepEqual(service.statuses, [403])
    const elsewhere = { ...subscribed(delivery) }
    const address = elsewhere.address.replace('push.duepassi.test', 'other.duepassi.test')
    const hosts = [service.host.replace('push.', 'other.')]
    const misled: OutboundFetch = (url, init) => service.fetch(String(url).replace('other.', 'push.'), init)
    const misleading = deliveryWith({ transports: { web: { vapid, contact, hosts } }, fetch: misled })
    equal(await misleading.send(address, notice()), 'failed')
    deepEqual(service.statuses, [403, 403])
    deepEqual(elsewhere.pushes, [])
  })

  it('knows when a browser has unsubscribed, or never was', async () => {
    const delivery = deliveryWith()
    const { address, pushes, unsubscribe } = subscribed(delivery)
    unsubscribe()
    equal(await delivery.send(address, notice()), 'gone')
    equal(await delivery.send(address.replace('/push/', '/push/x'), notice()), 'gone')
    deepEqual([service.statuses, pushes], [[410, 404], []])
  })

  for (const status of [400, 401, 403, 405, 406, 413, 422])
    it(`has failed at ${status}, at once`, async () => {
      const delivery = deliveryWith()
      const { address } = subscribed(delivery)
      service.script.push({ status })
      equal(await delivery.send(address, notice()), 'failed')
      deepEqual(service.statuses, [status])
      match(lines.join(''), new RegExp(`"transport":"web","status":${status}`))
    })

  for (const status of [429, 500, 502, 503])
    it(`tries once more after ${status}`, async () => {
      const delivery = deliveryWith()
      const { address, pushes } = subscribed(delivery)
      service.script.push({ status })
      equal(await delivery.send(address, notice()), 'sent')
      service.script.push({ status }, { status })
      equal(await delivery.send(address, notice()), 'failed')
      deepEqual(service.statuses, [status, 201, status, status])
      equal(pushes.length, 1)
    })

  it('tries once more when the connection breaks', async () => {
    const delivery = deliveryWith()
    const { address } = subscribed(delivery)
    service.script.push('hang up')
    equal(await delivery.send(address, notice()), 'sent')
    service.script.push('hang up', 'hang up')
    equal(await delivery.send(address, notice()), 'failed')
  })

  it('waits as long as it is asked, if that is short', async () => {
    const delivery = deliveryWith({ pause: 60_000 })
    const { address } = subscribed(delivery)
    const began = performance.now()
    service.script.push({ status: 429, headers: { 'retry-after': '1' } })
    equal(await delivery.send(address, notice()), 'sent')
    ok(performance.now() - began >= 990)
    const past = new Date(clock.now() - 5_000).toUTCString()
    service.script.push({ status: 503, headers: { 'retry-after': past } })
    equal(await delivery.send(address, notice()), 'sent')
    for (const after of ['6', '86400', new Date(clock.now() + 60_000).toUTCString()]) {
      service.script.push({ status: 429, headers: { 'retry-after': after } })
      equal(await delivery.send(address, notice(100_000)), 'failed')
    }
    equal(service.statuses.length, 7)
  })

  it('does not try again what will be too late, nor send what is', async () => {
    const delivery = deliveryWith()
    const { address } = subscribed(delivery)
    service.script.push({ status: 429, headers: { 'retry-after': '3' } })
    const began = performance.now()
    equal(await delivery.send(address, notice(2)), 'failed')
    ok(performance.now() - began < 1_500)
    equal(await delivery.send(address, notice(0)), 'failed')
    equal(await delivery.send(address, notice(-60)), 'failed')
    deepEqual(service.statuses, [429])
  })

  it('has failed where nobody answers in time, and does not wait again', async () => {
    const silent = deliveryWith({
      fetch: (url, init) => service.fetch(url, { ...init, signal: AbortSignal.timeout(100) }),
    })
    const { address } = subscribed(silent)
    service.script.push('silence')
    equal(await silent.send(address, notice()), 'failed')
    equal(service.script.length, 0)
    deepEqual(service.statuses, [])
  })

  it('is not led by a redirect', async () => {
    const delivery = deliveryWith()
    const { address } = subscribed(delivery)
    const elsewhere = service.subscribe(delivery.applicationServerKey ?? '')
    for (const status of [301, 302, 307, 308]) {
      const redirect = { status, headers: { location: elsewhere.address.endpoint } }
      service.script.push(redirect, redirect)
      equal(await delivery.send(address, notice()), 'failed')
    }
    deepEqual(elsewhere.pushes, [])
  })

  it('is refused by the guard where a listed name is inside the network, and is not tried again', async () => {
    let lookups = 0
    const guarded = createGuardedFetch({
      lookup: async () => {
        lookups += 1
        return [{ address: '127.0.0.1', family: 4 }]
      },
    })
    const delivery = deliveryWith({ fetch: guarded })
    const { keys } = service.subscribe('').address
    const address = delivery.readAddress({
      kind: 'web',
      endpoint: 'https://fcm.googleapis.com/fcm/send/x',
      keys,
    })
    equal(await delivery.send(address ?? '', notice()), 'failed')
    deepEqual([lookups, service.statuses], [1, []])
    await guarded.close()
  })

  it('sends nothing to a host that is not listed any more', async () => {
    const { address } = subscribed(deliveryWith())
    const asked: unknown[] = []
    const fetch: OutboundFetch = async (url) => {
      asked.push(url)
      return new Response()
    }
    const delivery = deliveryWith({ transports: { web: { vapid, contact } }, fetch })
    equal(await delivery.send(address, notice()), 'failed')
    for (const text of ['', 'null', '{}', '{"kind":"web"}', '{"kind":"fcm","token":"x"}'])
      equal(await delivery.send(text, notice()), 'failed')
    deepEqual(asked, [])
  })

  it('logs neither address nor keys nor ids', async () => {
    const delivery = deliveryWith()
    const { address } = subscribed(delivery)
    const { endpoint, keys } = JSON.parse(address)
    service.script.push({ status: 400 }, 'hang up', 'hang up')
    await delivery.send(address, notice())
    await delivery.send(address, notice())
    await deliveryWith({ transports: {} }).send(address, notice())
    const all = lines.join('')
    equal(all.match(/"level":"warn"/g)?.length, 3)
    for (const secret of [new URL(endpoint).pathname.slice(6), keys.auth, keys.p256dh, vapid.d, notice().id])
      ok(!all.includes(secret), secret)
    doesNotMatch(all, /vapid t=/)
  })

  it('takes nothing more when it is closed, and ends a pause', async () => {
    const delivery = deliveryWith({ pause: 60_000 })
    const { address } = subscribed(delivery)
    service.script.push({ status: 503 })
    const sending = delivery.send(address, notice(100_000))
    while (service.statuses.length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
    await delivery.close()
    equal(await sending, 'failed')
    equal(await delivery.send(address, notice()), 'failed')
    deepEqual(service.statuses, [503])
  })

  it('takes only keys that are a pair, and whom one can turn to', () => {
    const other = newVapidKey()
    const openWith = (key: object, whom = contact) =>
      deliveryWith({ transports: { web: { vapid: { ...vapid, ...key }, contact: whom } } })
    for (const bad of [
      { d: other.d },
      { x: other.x },
      { crv: 'P-384' },
      { d: '' },
      { kty: 'RSA' },
      { d: 'A'.repeat(43) },
    ])
      throws(
        () => openWith(bad),
        ({ message }: Error) => /vapid key/.test(message) && !message.includes(vapid.d),
      )
    openWith({}, 'https://idp.example/contact')
    for (const bad of ['', 'admin@idp.example', 'http://idp.example', 'mailto:', 'javascript:x'])
      throws(() => openWith({}, bad), /contact/)
    throws(() => deliveryWith({ transports: { web: { vapid, contact, hosts: ['*.com'] } } }), /listed/)
  })

  describe('RFC 8291 appendix A', () => {
    const { sender, receiver } = appendix
    const auth = Buffer.from(appendix.auth, 'base64url')
    const browser = createECDH('prime256v1')
    browser.setPrivateKey(receiver.d, 'base64url')

    it('is read by the browser of these tests', () => {
      equal(browser.getPublicKey('base64url'), receiver.point)
      const message = Buffer.from(appendix.message, 'base64url')
      equal(decryptPush(message, browser, auth).toString(), appendix.plaintext)
      message.writeUInt8(message.readUInt8(140) ^ 1, 140)
      throws(() => decryptPush(message, browser, auth))
      throws(() => decryptPush(Buffer.from(appendix.message, 'base64url'), browser, Buffer.alloc(16)))
    })

    it('is what the library writes with the same salt and key', async () => {
      const { subtle } = crypto
      const point = Buffer.from(sender.point, 'base64url')
      const [x, y] = [point.subarray(1, 33), point.subarray(33)].map((part) => part.toString('base64url'))
      const curve = { name: 'ECDH', namedCurve: 'P-256' }
      const jwk = { kty: 'EC', crv: 'P-256', x: x ?? '', y: y ?? '' }
      const pair = {
        publicKey: await subtle.importKey('jwk', jwk, curve, true, []),
        privateKey: await subtle.importKey('jwk', { ...jwk, d: sender.d }, curve, false, ['deriveBits']),
      }
      Object.defineProperty(subtle, 'generateKey', { value: async () => pair, configurable: true })
      Object.defineProperty(crypto, 'getRandomValues', {
        value: () => new Uint8Array(Buffer.from(appendix.salt, 'base64url')),
        configurable: true,
      })
      try {
        const keys = { p256dh: receiver.point, auth: appendix.auth }
        const to = { endpoint: 'https://push.example/', expirationTime: null, keys }
        const plaintext = new TextEncoder().encode(appendix.plaintext)
        const written = await encryptNotification(to, plaintext, { pad: false })
        equal(Buffer.from(written).toString('base64url'), appendix.message)
        const padded = Buffer.from(await encryptNotification(to, plaintext))
        equal(padded.length, 4_096)
        equal(decryptPush(padded, browser, auth).toString(), appendix.plaintext)
      } finally {
        Reflect.deleteProperty(subtle, 'generateKey')
        Reflect.deleteProperty(crypto, 'getRandomValues')
      }
    })
  })
})
