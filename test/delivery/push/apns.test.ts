import { deepEqual, doesNotMatch, equal, match, notEqual, ok, throws } from 'node:assert/strict'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import {
  createSecureServer,
  type Http2SecureServer,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
} from 'node:http2'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { decodeProtectedHeader, jwtVerify } from 'jose'
import type { PushDelivery } from '../../../src/delivery/delivery.ts'
import type { ApnsOptions } from '../../../src/delivery/push/apns.ts'
import { pushDelivery } from '../../../src/delivery/push/push-delivery.ts'
import { createLog } from '../../../src/log.ts'
import { issueAuthority, issueCertificate } from '../../support/certificates.ts'
import { movableClock } from '../../support/clock.ts'

const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const authority = issueAuthority('Apple of these tests')
const certificate = issueCertificate({ commonName: 'localhost', dnsName: 'localhost', issuer: authority })
const pem = (key: typeof privateKey) => key.export({ type: 'pkcs8', format: 'pem' }).toString()
const device = randomBytes(32).toString('hex')

describe('apns', () => {
  let server: Http2SecureServer
  let sessions: ServerHttp2Session[] = []
  let requests: { headers: IncomingHttpHeaders; body: string }[] = []
  let answers: ({ status: number; reason?: string; headers?: object } | 'silence' | 'goaway' | 'hang up')[] =
    []
  let delivery: PushDelivery
  let lines: string[] = []
  const clock = movableClock()

  before(async () => {
    server = createSecureServer({ key: pem(certificate.privateKey), cert: certificate.pem })
    server.on('session', (session) => sessions.push(session))
    server.on('stream', (stream, headers) => {
      stream.on('error', () => {})
      void text(stream).then(
        (body) => {
          requests.push({ headers, body })
          const answer = answers.shift() ?? { status: 200 }
          if (answer === 'silence') return
          if (answer === 'hang up') return stream.session?.destroy()
          if (answer === 'goaway') stream.session?.goaway()
          const { status, reason, headers: more = {} } = answer === 'goaway' ? { status: 200 } : answer
          stream.respond({ ':status': status, 'apns-id': 'x', ...more })
          stream.end(reason === undefined ? '' : JSON.stringify({ reason }))
        },
        () => {},
      )
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
  })
  beforeEach(() => {
    sessions = []
    requests = []
    answers = []
    lines = []
    delivery = open()
  })
  afterEach(() => delivery.close())
  after(() => server.close())

  const open = (more: Partial<ApnsOptions> = {}) => {
    const origin = `https://localhost:${(server.address() as AddressInfo).port}`
    const apns = {
      teamId: 'TEAM123456',
      keyId: 'KEY1234567',
      key: pem(privateKey),
      topic: 'example.idp.authenticator',
      server: { origin, ca: authority.pem },
      patience: 1_000,
      ...more,
    }
    return pushDelivery({
      issuer: 'https://idp.example',
      transports: { apns },
      fetch: () => Promise.reject(new Error('not by fetch')),
      clock,
      log: createLog('trace', { write: (line) => lines.push(line) }),
      pause: 4,
    })
  }
  const address = () => delivery.readAddress({ kind: 'apns', token: device, more: 1 }) ?? ''
  const notice = () => ({ id: 'request-1', expiresAt: clock.now() + 60_000, language: 'en' }) as const
  const send = () => delivery.send(address(), notice())
  const tokens = () => requests.map(({ headers }) => String(headers.authorization).replace(/^bearer /, ''))

  it('sends ids and generic words, and nothing else', async () => {
    equal(address(), JSON.stringify({ kind: 'apns', token: device }))
    const given = notice()
    equal(await delivery.send(address(), given), 'sent')
    const [request] = requests
    ok(request)
    const exp = Math.floor(given.expiresAt / 1000)
    const named = [
      ':method',
      ':path',
      'apns-topic',
      'apns-push-type',
      'apns-expiration',
      'apns-collapse-id',
      'apns-priority',
    ]
    deepEqual(
      named.map((name) => request.headers[name]),
      ['POST', `/3/device/${device}`, 'example.idp.authenticator', 'alert', String(exp), 'request', '10'],
    )
    deepEqual(JSON.parse(request.body), {
      aps: {
        alert: { title: 'A request is waiting', body: 'Open the authenticator to review it.' },
        sound: 'default',
      },
      id: 'request-1',
      exp,
    })
  })

  it('signs as the provider, and renews that between 20 and 60 minutes', async () => {
    await send()
    clock.advance(30 * 60)
    await send()
    clock.advance(15 * 60)
    await send()
    const [first = '', second, third = ''] = tokens()
    equal(first, second)
    notEqual(first, third)
    for (const token of [first, third]) {
      deepEqual(decodeProtectedHeader(token), { alg: 'ES256', kid: 'KEY1234567' })
      const { payload } = await jwtVerify(token, publicKey, { algorithms: ['ES256'] })
      deepEqual(Object.keys(payload).sort(), ['iat', 'iss'])
      equal(payload.iss, 'TEAM123456')
    }
  })

  it('uses one connection for all', async () => {
    await Promise.all([send(), send(), send()])
    await send()
    deepEqual([requests.length, sessions.length, new Set(tokens()).size], [4, 1, 1])
  })

  for (const [status, reason] of [
    [410, 'Unregistered'],
    [410, 'ExpiredToken'],
    [410, undefined],
    [400, 'BadDeviceToken'],
  ] as const)
    it(`knows from ${status} ${reason ?? ''} that a device is gone`, async () => {
      answers = [{ status, ...(reason && { reason }) }]
      equal(await send(), 'gone')
      equal(requests.length, 1)
    })

  for (const [status, reason] of [
    [400, 'DeviceTokenNotForTopic'],
    [403, 'InvalidProviderToken'],
    [404, 'BadPath'],
    [413, 'PayloadTooLarge'],
  ] as const)
    it(`has failed at ${status} ${reason}, at once`, async () => {
      answers = [{ status, reason }]
      equal(await send(), 'failed')
      equal(requests.length, 1)
      match(lines.join(''), new RegExp(`"transport":"apns","status":${status},"reason":"${reason}"`))
    })

  it('makes another token after its own has expired, but not after it was wrong', async () => {
    answers = [
      { status: 403, reason: 'ExpiredProviderToken' },
      { status: 403, reason: 'InvalidProviderToken' },
    ]
    await send()
    await send()
    await send()
    const [first, second, third] = tokens()
    notEqual(first, second)
    equal(second, third)
  })

  it('tries once more when the service is busy, or hangs up', async () => {
    answers = [{ status: 503, reason: 'ServiceUnavailable' }]
    equal(await send(), 'sent')
    answers = [{ status: 429, reason: 'TooManyRequests', headers: { 'retry-after': '60' } }]
    equal(await send(), 'failed')
    answers = ['hang up']
    equal(await send(), 'sent')
    equal(requests.length, 5)
    equal(sessions.length, 2)
  })

  it('connects again after it was sent away', async () => {
    answers = ['goaway']
    equal(await send(), 'sent')
    equal(await send(), 'sent')
    equal(sessions.length, 2)
  })

  it('gives up a server that does not answer in time, and its connection', async () => {
    delivery = open({ patience: 300 })
    answers = ['silence']
    equal(await send(), 'failed')
    equal(await send(), 'sent')
    deepEqual([requests.length, sessions.length], [2, 2])
  })

  it('has failed where the certificate is another’s, or nobody listens', async () => {
    const { port } = server.address() as AddressInfo
    const stranger = issueAuthority('Somebody else').pem
    delivery = open({ server: { origin: `https://localhost:${port}`, ca: stranger } })
    equal(await send(), 'failed')
    delivery = open({ server: { origin: 'https://localhost:1', ca: authority.pem } })
    equal(await send(), 'failed')
    equal(requests.length, 0)
  })

  it('logs neither token nor key', async () => {
    answers = [{ status: 400, reason: 'BadTopic' }, 'hang up', 'hang up']
    await send()
    await send()
    equal(lines.length, 2)
    doesNotMatch(lines.join(''), new RegExp(`${device}|bearer|PRIVATE|eyJ|request-1`))
  })

  for (const token of [
    '',
    'abc',
    'g'.repeat(64),
    `${device}/x`,
    `../${device}`,
    `${device}\n`,
    'a'.repeat(201),
    7,
  ])
    it(`refuses the token ${JSON.stringify(token).slice(0, 20)}`, () =>
      equal(delivery.readAddress({ kind: 'apns', token }), undefined))

  it('takes only a P-256 key', () => {
    const other = generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey
    for (const key of ['', 'secret-word', pem(other)])
      throws(
        () => open({ key }),
        ({ message }: Error) => /P-256/.test(message) && !message.includes('secret-word'),
      )
  })

  it('ends its connection', async () => {
    await send()
    const [session] = sessions
    await delivery.close()
    if (!session?.closed) await once(session as ServerHttp2Session, 'close')
    equal(await send(), 'failed')
  })
})
