import assert from 'node:assert/strict'
import { createECDH } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { buildPushPayload, type PushSubscription, type VapidKeys } from '@block65/webcrypto-web-push'
import { base64url, SignJWT } from 'jose'
import { chromium, type Page } from 'playwright-core'
import { systemClock } from '../../src/clock.ts'
import { pushDelivery } from '../../src/delivery/push/push-delivery.ts'
import { type ChromiumPushService, pushHosts, startChromiumPushService } from '../support/chromium-push.ts'
import { launchPhone, type Phone } from '../support/chromium-push-phone.ts'
import { program, temporaryFolder } from '../support/machine.ts'

const newKeys = (): VapidKeys & { publicKey: string; privateKey: string } => {
  const pair = createECDH('prime256v1')
  pair.generateKeys()
  return {
    subject: 'mailto:push@example.org',
    publicKey: pair.getPublicKey('base64url'),
    privateKey: pair.getPrivateKey('base64url').padStart(43, 'A'),
  }
}

const worker = `
  addEventListener('push', (event) => event.waitUntil((async () => {
    const { id, text = id, tag = 'request' } = event.data.json()
    await fetch('/beacon', { method: 'POST', body: text })
    await registration.showNotification('Sign-in request', { body: text, tag, data: { navigate: '/app/#r=' + tag } })
  })()))
  addEventListener('notificationclick', (event) => {
    event.notification.close()
    event.waitUntil((async () => {
      const [open] = await clients.matchAll({ type: 'window' })
      await (open ? open.focus() : clients.openWindow(event.notification.data.navigate))
    })())
  })`

/** That the doubles are true: an unmodified Chromium subscribes, decrypts and shows, with nothing of ours inside. */
describe('a push to Chromium over the push service of the tests', function () {
  this.timeout(120_000)
  let site: Server
  let origin: string
  let service: ChromiumPushService
  let userDataDir: string
  let phone: Phone
  let subscription: PushSubscription
  /** What the worker decrypted, in order. */
  const beacons: string[] = []
  const keys = newKeys()

  /** In the page, as an app does it. */
  const subscribe = (page: Page, key = keys.publicKey): Promise<PushSubscription> =>
    page.evaluate(`(async () => {
      const registration = await navigator.serviceWorker.register('/app/worker.js')
      await navigator.serviceWorker.ready
      const options = { userVisibleOnly: true, applicationServerKey: '${key}' }
      return (await registration.pushManager.subscribe(options)).toJSON()
    })()`)
  const unsubscribe = (page: Page): Promise<boolean> =>
    page.evaluate(`(async () => {
      const { pushManager } = await navigator.serviceWorker.ready
      return (await pushManager.getSubscription()).unsubscribe()
    })()`)
  const messageOf = async (
    text: string,
    { to = subscription, vapid = keys, tag = 'request', ttl = 60 } = {},
  ) => {
    const options = { ttl, topic: tag, urgency: 'high' as const }
    const { headers, body } = await buildPushPayload({ data: { text, tag }, options }, to, vapid)
    return { headers: { ...headers } as Record<string, string>, body }
  }
  const push = async (text: string, options: Parameters<typeof messageOf>[1] = {}): Promise<Response> =>
    service.deliver((options.to ?? subscription).endpoint, await messageOf(text, options))
  const until = async (what: string, holds: () => boolean, within = 15_000) => {
    for (const end = Date.now() + within; !holds(); await delay(20))
      if (Date.now() > end) throw new Error(`${what}: not within ${within} ms`)
  }
  const arrival = (text: string) => until(`the worker told of "${text}"`, () => beacons.includes(text))

  const post = async (
    headers: Record<string, string | undefined>,
    change?: (body: Uint8Array) => Uint8Array,
  ) => {
    const message = await messageOf('refused')
    const all = Object.entries({ ...message.headers, ...headers }).filter(([, value]) => value !== undefined)
    const body = change ? new Uint8Array(change(message.body)) : message.body
    return service.deliver(subscription.endpoint, { headers: Object.fromEntries(all) as never, body })
  }
  const vapid = async (claims: Record<string, unknown>, signedBy = keys) => {
    const point = base64url.decode(signedBy.publicKey)
    const [x, y] = [point.slice(1, 33), point.slice(33)].map((one) => base64url.encode(one)) as [
      string,
      string,
    ]
    const token = await new SignJWT({
      aud: new URL(subscription.endpoint).origin,
      exp: Math.floor(Date.now() / 1000) + 600,
      sub: 'mailto:push@example.org',
      ...claims,
    })
      .setProtectedHeader({ alg: 'ES256', typ: 'JWT' })
      .sign({ kty: 'EC', crv: 'P-256', x, y, d: signedBy.privateKey })
    return { authorization: `vapid t=${token}, k=${keys.publicKey}` }
  }

  before(async function () {
    this.timeout(180_000)
    await program('chromium')
    site = createServer((req, res) => {
      if (req.url === '/app/worker.js')
        return void res.setHeader('content-type', 'text/javascript').end(worker)
      if (req.method === 'POST') {
        let text = ''
        req.on('data', (chunk) => {
          text += String(chunk)
        })
        return void req.on('end', () => {
          beacons.push(text)
          res.end()
        })
      }
      res.setHeader('content-type', 'text/html').end('<!doctype html><title>App</title><p>App')
    })
    await new Promise<void>((resolve) => site.listen(0, '127.0.0.1', resolve))
    origin = `http://localhost:${(site.address() as AddressInfo).port}`
    service = await startChromiumPushService()
    userDataDir = await temporaryFolder()
    phone = await launchPhone({ service, origin, userDataDir })
  })
  after(async () => {
    await phone?.off()
    await service?.stop()
    site?.closeAllConnections()
    site?.close()
  })

  it('lets the browser subscribe with our key', async () => {
    const page = await phone.open(`${origin}/app/`)
    const [given, registered] = await Promise.all([subscribe(page), service.whenSubscribed(origin)])
    subscription = given
    assert.match(subscription.endpoint, /^https:\/\/(fcm\.googleapis|jmt17\.google)\.com\/fcm\/send\/./)
    assert.ok(subscription.endpoint.endsWith(registered.token))
    assert.equal(registered.applicationServerKey, keys.publicKey)
    await until('the stream is open', () => service.connected() === 1)
    await page.close()
  })

  it('reaches the worker although no page is open', async () => {
    for (const page of phone.context.pages()) await page.close()
    const answer = await push('closed')
    assert.equal(answer.status, 201)
    assert.match(answer.headers.get('location') ?? '', /^https:\/\/.+\/message\/.+/)
    await arrival('closed')
    assert.deepEqual(phone.context.pages(), [])
    const [shown, ...others] = await phone.whenNotified(origin)
    assert.equal(others.length, 0)
    assert.deepEqual(shown, {
      title: 'Sign-in request',
      body: 'closed',
      tag: 'request',
      data: { navigate: '/app/#r=request' },
      actions: [],
    })
    assert.deepEqual(
      service.posted.map(({ status, ttl, urgency, topic, sub }) => ({ status, ttl, urgency, topic, sub })),
      [{ status: 201, ttl: 60, urgency: 'high', topic: 'request', sub: keys.subject }],
    )
  })

  it('wakes a worker that sleeps', async () => {
    await phone.sleep(origin)
    await push('asleep')
    await arrival('asleep')
  })

  it('opens the app by a tap on the notification, and then focuses it', async () => {
    assert.equal((await phone.whenNotified(origin)).length, 1)
    const page = await phone.tap(origin)
    assert.equal(page.url(), `${origin}/app/#r=request`)
    assert.deepEqual(await phone.notifications(origin), [])
    await push('open')
    await phone.whenNotified(origin)
    assert.equal(await phone.tap(origin), page)
    await page.close()
    await assert.rejects(phone.tap(origin), /has a notification/)
  })

  it('is fetched as the product would', async () => {
    const { headers, body } = await messageOf('fetched')
    const init = {
      method: 'POST',
      headers,
      body,
      redirect: 'error',
      signal: AbortSignal.timeout(5_000),
    } as const
    const answer = await service.fetchToService(new URL(subscription.endpoint), init)
    assert.equal(answer.status, 201)
    await arrival('fetched')
    await assert.rejects(service.fetchToService('https://push.example.org/x', init), TypeError)
    await assert.rejects(
      service.fetchToService(subscription.endpoint.replace('https', 'http'), init),
      TypeError,
    )
  })

  it('carries what the delivery of the product sends', async () => {
    const [d, point] = [keys.privateKey, base64url.decode(keys.publicKey)]
    const [x, y] = [base64url.encode(point.slice(1, 33)), base64url.encode(point.slice(33))]
    const delivery = pushDelivery({
      issuer: origin,
      transports: {
        web: {
          vapid: { kty: 'EC', crv: 'P-256', x, y, d },
          contact: 'mailto:push@example.org',
          hosts: pushHosts,
        },
      },
      fetch: service.fetchToService,
      clock: systemClock,
    })
    const address = delivery.readAddress({ kind: 'web', ...subscription })
    assert.ok(address)
    const notice = { id: 'of-the-product', expiresAt: Date.now() + 60_000, language: 'en' as const }
    assert.equal(await delivery.send(address, notice), 'sent')
    await arrival('of-the-product')
    await delivery.close()
  })

  it('answers as it was told to, once', async () => {
    service.nextAnswers.push({ status: 429, headers: { 'retry-after': '7' } })
    const answer = await push('too many')
    assert.deepEqual([answer.status, answer.headers.get('retry-after')], [429, '7'])
    assert.equal((await push('few')).status, 201)
    await arrival('few')
    assert.ok(!beacons.includes('too many'))
  })

  it('refuses another key than the one of the subscription', async () => {
    assert.equal((await push('refused', { vapid: newKeys() })).status, 403)
    assert.match(service.posted.at(-1)?.reason ?? '', /subscribed with/)
  })

  it('refuses a token that is for another, too old, too long, nobody’s or not signed by its key', async () => {
    const seconds = Math.floor(Date.now() / 1000)
    assert.equal((await post(await vapid({ aud: 'https://push.example.org' }))).status, 403)
    assert.equal((await post(await vapid({ exp: seconds - 1 }))).status, 403)
    assert.equal((await post(await vapid({ exp: seconds + 2 * 86_400 }))).status, 403)
    assert.equal((await post(await vapid({ exp: undefined }))).status, 403)
    assert.equal((await post(await vapid({ sub: undefined }))).status, 403)
    assert.equal((await post(await vapid({ sub: 'push@example.org' }))).status, 403)
    assert.equal((await post(await vapid({}, newKeys()))).status, 403)
    assert.equal((await post({ authorization: undefined })).status, 401)
    assert.equal((await post({ authorization: 'Bearer x' })).status, 401)
  })

  it('refuses a message without a lifetime, in another encoding, too long, or not encrypted', async () => {
    assert.equal((await post({ ttl: undefined })).status, 400)
    assert.equal((await post({ urgency: 'urgent' })).status, 400)
    assert.equal((await post({ topic: 'not a topic' })).status, 400)
    assert.equal((await post({ 'content-encoding': 'aesgcm' })).status, 400)
    assert.equal((await post({ 'content-encoding': undefined })).status, 400)
    assert.equal((await post({}, () => Buffer.from('hello'))).status, 400)
    assert.equal((await post({}, (body) => Buffer.concat([body, Buffer.alloc(1)]))).status, 413)
  })

  it('gives the browser what came while it was off, and nothing twice', async () => {
    await phone.off()
    await until('the stream is closed', () => service.connected() === 0)
    for (const message of [
      await push('off: first'),
      await push('off: replaced', { tag: 'other' }),
      await push('off: replacing', { tag: 'other' }),
    ])
      assert.equal(message.status, 201)
    assert.equal(service.waiting(), 2)
    phone = await launchPhone({ service, origin, userDataDir })
    await arrival('off: first')
    await arrival('off: replacing')
    assert.ok(!beacons.includes('off: replaced'))
    assert.deepEqual(beacons, [...new Set(beacons)])
    assert.equal(service.waiting(), 0)
  })

  it('says that a subscription is gone: expired, or given up by the page or by the person', async () => {
    service.expire(subscription.endpoint)
    assert.equal((await push('expired')).status, 410)

    const page = await phone.open(`${origin}/app/`)
    await unsubscribe(page)
    const next = await subscribe(page)
    assert.notEqual(next.endpoint, subscription.endpoint)
    assert.equal((await push('subscribed again', { to: next })).status, 201)
    await arrival('subscribed again')
    await unsubscribe(page)
    await until('the service was told', () => service.subscriptions().length === 0)
    assert.equal((await push('given up', { to: next })).status, 410)

    const last = await subscribe(page)
    await phone.context.clearPermissions()
    assert.equal((await push('no longer allowed', { to: last })).status, 201)
    await until('the service was told', () => service.subscriptions().length === 0)
    assert.equal((await push('not allowed at all', { to: last })).status, 410)
    assert.ok(!beacons.includes('no longer allowed'))
    await assert.rejects(subscribe(page), /permission denied/)
    await page.close()
  })

  it('has a screen lock whose keys are the phone’s, not the page’s', async () => {
    const ask = async (page: Page, options: string): Promise<string> => {
      await page.bringToFront()
      return page.evaluate(`navigator.credentials.${options}.then(({ id }) => id, ({ name }) => name)`)
    }
    const challenge = 'challenge: new Uint8Array(32)'
    const first = await phone.open(`${origin}/app/`)
    const beside = await phone.open(`${origin}/app/`)
    const id = await ask(
      first,
      `create({ publicKey: { ${challenge}, rp: { name: 'App' }, user: { id: new Uint8Array(8), name: 'm', displayName: 'm' },
        pubKeyCredParams: [{ type: 'public-key', alg: -7 }],
        authenticatorSelection: { residentKey: 'discouraged', userVerification: 'required' } } })`,
    )
    await until('the lock holds the key', () => phone.lock.credentials().length === 1)
    const get = `get({ publicKey: { ${challenge}, userVerification: 'required', timeout: 3000,
      allowCredentials: [{ type: 'public-key', id: Uint8Array.fromBase64('${id}', { alphabet: 'base64url' }) }] } })`
    const count = () => phone.lock.credentials()[0]?.signCount ?? 0
    for (const page of [first, beside, first]) {
      const counted = count()
      assert.equal(await ask(page, get), id)
      await until('the lock counts', () => count() === counted + 1)
    }
    await phone.lock.passes(false)
    assert.equal(await ask(beside, get), 'NotAllowedError')
    await first.close()
    await beside.close()
    const later = await phone.open(`${origin}/app/`)
    assert.equal(await ask(later, get), 'NotAllowedError')
    await phone.lock.passes(true)
    assert.equal(await ask(later, get), id)
    const another = await phone.open(`${origin}/app/`)
    await later.evaluate(
      `PublicKeyCredential.signalUnknownCredential({ rpId: 'localhost', credentialId: '${id}' })`,
    )
    await until('the lock forgot the key', () => phone.lock.credentials().length === 0)
    for (const page of [later, another]) {
      assert.equal(await ask(page, get), 'NotAllowedError')
      await page.close()
    }
  })

  it('runs beside a computer and a second phone, each with its own subscription', async () => {
    const computer = await chromium.launch({
      executablePath: await program('chromium'),
      args: ['--no-sandbox', '--disable-gpu'],
    })
    const second = await launchPhone({ service, origin, userDataDir: await temporaryFolder() })
    try {
      const desk = await (await computer.newContext()).newPage()
      await desk.goto(`${origin}/app/`)
      await phone.context.grantPermissions(['notifications'], { origin })
      const mine = await subscribe(await phone.open(`${origin}/app/`))
      const theirs = await subscribe(await second.open(`${origin}/app/`))
      await until('both streams are open', () => service.connected() === 2)
      await push('theirs', { to: theirs })
      await arrival('theirs')
      assert.equal((await second.whenNotified(origin))[0]?.body, 'theirs')
      await push('mine', { to: mine })
      await arrival('mine')
      assert.equal((await phone.whenNotified(origin)).at(-1)?.body, 'mine')
      assert.equal(await desk.title(), 'App')
    } finally {
      await second.off()
      await computer.close()
    }
  })

  it('says how far Chromium came when it does not subscribe', async () => {
    await assert.rejects(service.whenSubscribed('http://localhost:1', 50), /flags --gcm-\* have changed/)
  })
})
