import { deepEqual, doesNotMatch, equal, match, ok, rejects, throws } from 'node:assert/strict'
import { webcrypto } from 'node:crypto'
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type WebhookOptions, webhookDelivery } from '../../src/delivery/sms-webhook/sms-webhook.ts'
import { createLog } from '../../src/log.ts'
import { movableClock } from '../support/clock.ts'
import { freePort } from '../support/machine.ts'

const secret = 'a secret of sixteen or more'
const message = {
  id: 'Yf3dPq0LhX2mN8sT5vB1wA',
  to: '+393471234567',
  text: 'Il codice è 123456.\n\n@idp.example #123456',
}

/** As the README tells the gateway, with another implementation of HMAC. */
async function isSigned(headers: IncomingHttpHeaders, body: string, withSecret = secret): Promise<boolean> {
  const algorithm = { name: 'HMAC', hash: 'SHA-256' }
  const key = await webcrypto.subtle.importKey('raw', Buffer.from(withSecret), algorithm, false, ['verify'])
  const [, hex = ''] = /^v1=([0-9a-f]{64})$/.exec(String(headers['duepassi-signature'])) ?? []
  const signed = Buffer.from(`${headers['duepassi-timestamp']}.${body}`)
  return webcrypto.subtle.verify('HMAC', key, Buffer.from(hex, 'hex'), signed)
}

describe('webhookDelivery', () => {
  const requests: { method: string; url: string; headers: IncomingHttpHeaders; body: string }[] = []
  let answers: (number | ((res: ServerResponse) => void))[] = []
  let lines: string[] = []
  let url: string
  const clock = movableClock()
  const server = createServer((req, res) => {
    const chunks: Buffer[] = []
    req.on('data', (chunk) => chunks.push(chunk))
    req.on('end', () => {
      const { method = '', url = '', headers } = req
      requests.push({ method, url, headers, body: Buffer.concat(chunks).toString() })
      const answer = answers.shift() ?? 204
      if (typeof answer === 'function') answer(res)
      else res.writeHead(answer).end()
    })
  })

  before(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/sms?tenant=1`
  })
  beforeEach(() => {
    requests.length = 0
    answers = []
    lines = []
  })
  after(() => {
    server.closeAllConnections()
    server.close()
  })

  const options = (more: Partial<WebhookOptions> = {}): WebhookOptions => ({
    url,
    secret,
    fetch: globalThis.fetch,
    clock,
    log: createLog('trace', { write: (line) => lines.push(line) }),
    timing: { pause: 4 },
    ...more,
  })
  const send = (more: Partial<WebhookOptions> = {}) => webhookDelivery(options(more)).send(message)

  it('posts the message, signed', async () => {
    await send()
    const [request] = requests
    ok(request && requests.length === 1)
    equal(`${request.method} ${request.url}`, 'POST /sms?tenant=1')
    deepEqual(JSON.parse(request.body), message)
    equal(request.headers['content-type'], 'application/json')
    equal(request.headers['idempotency-key'], message.id)
    const age = clock.now() / 1000 - Number(request.headers['duepassi-timestamp'])
    ok(age >= 0 && age < 10)
    ok(await isSigned(request.headers, request.body))
    ok(!(await isSigned(request.headers, `${request.body} `)))
    ok(!(await isSigned({ ...request.headers, 'duepassi-timestamp': '1' }, request.body)))
    ok(!(await isSigned(request.headers, request.body, 'another secret of sixteen')))
  })

  it('tries again with the same id and a fresh timestamp', async () => {
    answers = [
      (res) => {
        clock.advance(60)
        res.writeHead(503).end('x'.repeat(100_000))
      },
      429,
    ]
    await send()
    equal(requests.length, 3)
    deepEqual([...new Set(requests.map(({ headers }) => headers['idempotency-key']))], [message.id])
    equal(new Set(requests.map(({ body }) => body)).size, 1)
    const [first, second] = requests.map(({ headers }) => Number(headers['duepassi-timestamp']))
    ok((second ?? 0) - (first ?? 0) >= 60)
    for (const { headers, body } of requests) ok(await isSigned(headers, body))
  })

  it('gives up after the third try', async () => {
    answers = [500, 502, 503, 204]
    await rejects(send(), /answered 503/)
    equal(requests.length, 3)
  })

  for (const status of [300, 304, 400, 401, 404, 422])
    it(`takes ${status} as final`, async () => {
      answers = [status]
      await rejects(send(), new RegExp(`answered ${status}`))
      equal(requests.length, 1)
    })

  it('tries again when the connection breaks', async () => {
    answers = [(res) => res.destroy()]
    await send()
    equal(requests.length, 2)
  })

  it('rejects when nobody listens', async () =>
    rejects(send({ url: `http://127.0.0.1:${await freePort()}/` }), /did not answer/))

  it('rejects when no answer comes in time, after three tries', async () => {
    answers = [() => {}, () => {}, () => {}]
    await rejects(send({ timing: { patience: 50, pause: 4 } }), /did not answer/)
    equal(requests.length, 3)
  })

  it('does not wait for the end of an answer', async () => {
    answers = [(res) => res.writeHead(200).write('endless')]
    await send()
  })

  it('follows no redirect', async () => {
    const elsewhere: string[] = []
    const other = createServer((req, res) => {
      elsewhere.push(req.url ?? '')
      res.end()
    })
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
    const location = `http://127.0.0.1:${(other.address() as AddressInfo).port}/`
    for (const status of [301, 302, 303, 307, 308]) {
      const redirect = (res: ServerResponse) => res.writeHead(status, { location }).end()
      answers = [redirect, redirect, redirect]
      await rejects(send())
    }
    other.close()
    deepEqual(elsewhere, [])
  })

  it('logs tries, but neither number nor text nor secret nor address', async () => {
    answers = [503, (res) => res.destroy(), 500]
    await rejects(send({ url: `${url}&key=hidden-in-the-address` }))
    const all = lines.join('')
    match(all, /is tried again/)
    doesNotMatch(all, /3471234567|123456|codice|sixteen|hidden-in-the-address/)
  })

  it('says nothing of the message in its errors', async () => {
    answers = [400]
    const error = await send().catch((reason: Error) => reason)
    ok(error instanceof Error)
    doesNotMatch(`${error.message} ${error.stack} ${String(error.cause)}`, /3471234567|123456|codice|sixteen/)
  })

  it('spreads the pauses by chance, down to half', async () => {
    answers = [503, 503]
    const order: number[] = []
    const began = performance.now()
    const sent = async (byte: number) => {
      await send({ random: (size) => Buffer.alloc(size, byte), timing: { pause: 300 } })
      order.push(byte)
      return performance.now() - began
    }
    const [long, short] = await Promise.all([sent(255), sent(0)])
    deepEqual(order, [0, 255])
    ok(short >= 145 && long >= 290, `${short} ${long}`)
  })

  it('stops trying when it is closed, and takes nothing more', async () => {
    answers = [503]
    const delivery = webhookDelivery(options({ timing: { pause: 60_000 } }))
    const sending = delivery.send(message)
    const failed = rejects(sending, /answered 503/)
    while (lines.length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
    await delivery.close()
    await failed
    await rejects(delivery.send(message), /closed/)
    equal(requests.length, 1)
  })

  for (const bad of [
    'not a url',
    'ftp://gateway.example/',
    'http://gateway.example/sms',
    'http://localhost.example/sms',
    'http://127.0.0.1.example/',
    'http://10.0.0.1/',
    'https://user:secret-word@gateway.example/',
    'https://10.1.2.3/',
    'https://192.168.0.1/',
    'https://172.31.255.255/',
    'https://169.254.169.254/latest/meta-data',
    'https://2852039166/',
    'https://0xa9.0xfe.0xa9.0xfe/',
    'https://100.64.0.1/',
    'https://0.0.0.0/',
    'https://[::]/',
    'https://[fd00::1]/',
    'https://[fe80::1]/',
    'https://[::ffff:10.0.0.1]/',
  ])
    it(`refuses the address ${bad}`, () =>
      throws(
        () => webhookDelivery(options({ url: bad })),
        (error: Error) => !error.message.includes('secret-word') && !error.message.includes('meta-data'),
      ))

  it('takes https, http on this machine, and private addresses where they are allowed', () => {
    for (const good of [
      'https://gateway.example/',
      'http://localhost:1/',
      'http://[::1]/',
      'https://172.32.0.1/',
    ])
      webhookDelivery(options({ url: good }))
    webhookDelivery(options({ url: 'https://10.1.2.3/', allowPrivate: true }))
    throws(() => webhookDelivery(options({ url: 'http://10.1.2.3/', allowPrivate: true })), /https/)
  })

  it('refuses a short secret', () => throws(() => webhookDelivery(options({ secret: 'short' })), /too short/))
})
