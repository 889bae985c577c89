import { deepEqual, doesNotMatch, equal, match, notEqual, ok, throws } from 'node:assert/strict'
import { webcrypto } from 'node:crypto'
import type { PushDelivery } from '../../../src/delivery/delivery.ts'
import { type PushOptions, pushDelivery } from '../../../src/delivery/push/push-delivery.ts'
import { createLog } from '../../../src/log.ts'
import { createGuardedFetch } from '../../../src/outbound/guarded-fetch.ts'
import { movableClock } from '../../support/clock.ts'
import { type Gateway, startGateway } from '../../support/gateway.ts'

const topic = 'dp-Yf3dPq0LhX2mN8sT5vB1wA'
const secret = 'a secret of sixteen or more'

describe('push by ntfy and by webhook', () => {
  let gateway: Gateway
  let delivery: PushDelivery
  let lines: string[]
  const clock = movableClock()
  const ntfy = { url: 'https://ntfy.example/', token: 'tk_hidden' }
  const webhook = { url: 'https://hook.example/push?tenant=hidden', secret }

  before(async () => {
    gateway = await startGateway()
  })
  after(() => gateway.close())
  const open = (more: Partial<PushOptions> = {}) =>
    pushDelivery({
      issuer: 'https://idp.example',
      transports: { ntfy, webhook },
      fetch: gateway.fetch,
      clock,
      log: createLog('trace', { write: (line) => lines.push(line) }),
      pause: 4,
      ...more,
    })
  beforeEach(() => {
    lines = []
    gateway.requests.length = 0
    gateway.answer = () => undefined
    delivery = open()
  })
  afterEach(() => delivery.close())
  const notice = () => ({ id: 'request-1', expiresAt: clock.now() + 60_000, language: 'en' }) as const
  const toNtfy = () => delivery.readAddress({ kind: 'ntfy', topic, server: 'https://evil.example' }) ?? ''
  const toHook = (token = 'device token=1') =>
    delivery.readAddress({ kind: 'webhook', token: token.replaceAll(' ', '-') }) ?? ''

  it('posts JSON to the ntfy server that is configured', async () => {
    equal(toNtfy(), JSON.stringify({ kind: 'ntfy', topic }))
    equal(await delivery.send(toNtfy(), notice()), 'sent')
    const [request] = gateway.requests
    deepEqual([request?.url, request?.headers.authorization], [ntfy.url, `Bearer ${ntfy.token}`])
    deepEqual(JSON.parse(request?.body ?? ''), {
      topic,
      title: 'A request is waiting',
      message: 'Open the authenticator to review it.',
      click: 'https://idp.example/authenticator/#r=request-1',
      priority: 4,
    })
    await open({ transports: { ntfy: { url: ntfy.url } } }).send(toNtfy(), notice())
    equal(gateway.requests[1]?.headers.authorization, undefined)
  })

  it('never takes a topic of ntfy for gone', async () => {
    for (const status of [404, 410, 403, 413]) {
      gateway.answer = () => ({ status })
      equal(await delivery.send(toNtfy(), notice()), 'failed')
    }
    equal(gateway.requests.length, 4)
  })

  for (const bad of [
    '',
    'short',
    'x'.repeat(65),
    `${topic}/json`,
    `../${topic}`,
    `${topic}?x`,
    `${topic},other-topic`,
    `${topic}\n`,
    7,
  ])
    it(`refuses the topic ${JSON.stringify(bad).slice(0, 40)}`, () =>
      equal(delivery.readAddress({ kind: 'ntfy', topic: bad }), undefined))

  it('posts a signed message to the webhook', async () => {
    const given = notice()
    equal(await delivery.send(toHook(), given), 'sent')
    const [request] = gateway.requests
    ok(request)
    equal(request.url, webhook.url)
    deepEqual(JSON.parse(request.body), {
      token: 'device-token=1',
      id: 'request-1',
      exp: Math.floor(given.expiresAt / 1000),
      title: 'A request is waiting',
      body: 'Open the authenticator to review it.',
      navigate: 'https://idp.example/authenticator/#r=request-1',
    })
    const { headers, body } = request
    const algorithm = { name: 'HMAC', hash: 'SHA-256' }
    const key = await webcrypto.subtle.importKey('raw', Buffer.from(secret), algorithm, false, ['verify'])
    const signature = Buffer.from(String(headers['duepassi-signature']).slice(3), 'hex')
    const signed = Buffer.from(`${headers['duepassi-timestamp']}.${body}`)
    ok(await webcrypto.subtle.verify('HMAC', key, signature, signed))
    ok(Math.abs(Number(headers['duepassi-timestamp']) - clock.now() / 1000) < 5)
  })

  it('gives each message a key of its own, the same for both tries', async () => {
    const statuses = [503, 204, 204]
    gateway.answer = () => ({ status: statuses.shift() ?? 500 })
    equal(await delivery.send(toHook('one'), notice()), 'sent')
    equal(await delivery.send(toHook('two'), notice()), 'sent')
    const [first, again, other] = gateway.requests.map(({ headers }) => headers['idempotency-key'])
    match(String(first), /^[\w-]{22}$/)
    equal(first, again)
    notEqual(first, other)
  })

  it('takes 410 of the webhook for gone, and no other', async () => {
    gateway.answer = () => ({ status: 410 })
    equal(await delivery.send(toHook(), notice()), 'gone')
    for (const status of [400, 401, 404]) {
      gateway.answer = () => ({ status })
      equal(await delivery.send(toHook(), notice()), 'failed')
    }
  })

  for (const bad of ['', 'x'.repeat(513), 'a b', 'a\r\nb', 'é', 7, null])
    it(`refuses the token ${JSON.stringify(bad)?.slice(0, 20)} for the webhook`, () =>
      equal(delivery.readAddress({ kind: 'webhook', token: bad }), undefined))

  it('logs no address, no secret and no token', async () => {
    gateway.answer = () => ({ status: 400 })
    await delivery.send(toNtfy(), notice())
    await delivery.send(toHook(), notice())
    equal(lines.length, 2)
    doesNotMatch(lines.join(''), /hidden|sixteen|Yf3dPq0L|device-token|request-1/)
  })

  it('refuses private addresses and short secrets, unless it is told otherwise', () => {
    const url = 'https://10.0.0.1/'
    throws(() => open({ transports: { ntfy: { url } } }), /private/)
    throws(() => open({ transports: { webhook: { url, secret } } }), /private/)
    throws(() => open({ transports: { webhook: { url: webhook.url, secret: 'short' } } }), /too short/)
    throws(() => open({ transports: { ntfy: { url: 'http://ntfy.example/' } } }), /https/)
    open({ transports: { ntfy: { url, allowPrivate: true }, webhook: { url, secret, allowPrivate: true } } })
  })

  it('reaches what the administrator chose by another way than what devices choose', async () => {
    const outside = createGuardedFetch()
    const inside = createGuardedFetch({ allowPrivate: true })
    const transports = { ntfy: { url: gateway.origin } }
    const given = toNtfy()
    equal(await open({ transports, fetch: outside }).send(given, notice()), 'failed')
    equal(gateway.requests.length, 0)
    equal(await open({ transports, fetch: outside, gatewayFetch: inside }).send(given, notice()), 'sent')
    equal(gateway.requests.length, 1)
    await Promise.all([outside.close(), inside.close()])
  })
})
