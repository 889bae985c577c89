import { deepEqual, doesNotMatch, equal, ok, throws } from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { jwtVerify } from 'jose'
import type { PushDelivery } from '../../../src/delivery/delivery.ts'
import { type PushOptions, pushDelivery } from '../../../src/delivery/push/push-delivery.ts'
import { createLog } from '../../../src/log.ts'
import { movableClock } from '../../support/clock.ts'
import { type Gateway, startGateway } from '../../support/gateway.ts'

const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const account = {
  type: 'service_account',
  project_id: 'duepassi-test',
  private_key_id: 'key-1',
  private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  client_email: 'push@duepassi-test.iam.gserviceaccount.com',
  token_uri: 'https://oauth2.googleapis.com/token',
}
const sendUrl = 'https://fcm.googleapis.com/v1/projects/duepassi-test/messages:send'
const fcmError = (status: number, errorCode: string) => ({
  status,
  json: {
    error: {
      code: status,
      status: 'SOMETHING',
      message: 'about-the-device',
      details: [
        { '@type': 'type.googleapis.com/google.rpc.BadRequest' },
        { '@type': 'type.googleapis.com/google.firebase.fcm.v1.FcmError', errorCode },
      ],
    },
  },
})
const device = `dXyz-1:APA91b${'A_'.repeat(60)}`

describe('fcm', () => {
  let gateway: Gateway
  let delivery: PushDelivery
  let lines: string[]
  let granted: number
  let respond: Gateway['answer']
  const clock = movableClock()

  before(async () => {
    gateway = await startGateway()
  })
  after(() => gateway.close())
  const open = (more: Partial<PushOptions> = {}) =>
    pushDelivery({
      issuer: 'https://idp.example/',
      transports: { fcm: { account } },
      fetch: gateway.fetch,
      clock,
      log: createLog('trace', { write: (line) => lines.push(line) }),
      pause: 4,
      ...more,
    })
  beforeEach(() => {
    lines = []
    granted = 0
    gateway.requests.length = 0
    respond = () => ({ status: 200, json: { name: 'projects/duepassi-test/messages/1' } })
    gateway.answer = (request) => {
      if (request.url !== account.token_uri) return respond(request)
      granted += 1
      return {
        status: 200,
        json: { access_token: `ya29.granted-${granted}`, expires_in: 3599, token_type: 'Bearer' },
      }
    }
    delivery = open()
  })
  afterEach(() => delivery.close())

  const address = () => delivery.readAddress({ kind: 'fcm', token: device, more: 1 }) ?? ''
  const notice = (seconds = 60) =>
    ({ id: 'request-1', expiresAt: clock.now() + seconds * 1000, language: 'it' }) as const
  const sends = () => gateway.requests.filter(({ url }) => url === sendUrl)

  it('sends ids and generic words, and nothing else', async () => {
    equal(address(), JSON.stringify({ kind: 'fcm', token: device }))
    const given = notice(45)
    equal(await delivery.send(address(), given), 'sent')
    const [request] = sends()
    equal(request?.headers.authorization, 'Bearer ya29.granted-1')
    deepEqual(JSON.parse(request?.body ?? ''), {
      message: {
        token: device,
        notification: { title: 'Una richiesta ti aspetta', body: 'Apri l’app di verifica per esaminarla.' },
        data: { id: 'request-1', exp: String(Math.floor(given.expiresAt / 1000)) },
        android: { priority: 'HIGH', ttl: '45s', collapse_key: 'request', notification: { tag: 'request' } },
      },
    })
  })

  it('asks for its token as the service account, and keeps it until it expires', async () => {
    await Promise.all([delivery.send(address(), notice()), delivery.send(address(), notice())])
    equal(granted, 1)
    const form = new URLSearchParams(gateway.requests[0]?.body)
    equal(form.get('grant_type'), 'urn:ietf:params:oauth:grant-type:jwt-bearer')
    const { payload, protectedHeader } = await jwtVerify(form.get('assertion') ?? '', publicKey, {
      algorithms: ['RS256'],
      issuer: account.client_email,
      audience: account.token_uri,
    })
    deepEqual(protectedHeader, { alg: 'RS256', typ: 'JWT', kid: 'key-1' })
    equal(payload['scope'], 'https://www.googleapis.com/auth/firebase.messaging')
    equal((payload.exp ?? 0) - (payload.iat ?? 0), 3_600)
    clock.advance(3_500)
    equal(await delivery.send(address(), notice()), 'sent')
    equal(granted, 1)
    clock.advance(60)
    equal(await delivery.send(address(), notice()), 'sent')
    equal(granted, 2)
  })

  it('takes another token after one was refused', async () => {
    respond = () => ({ status: 401 })
    equal(await delivery.send(address(), notice()), 'failed')
    respond = () => ({ status: 200 })
    equal(await delivery.send(address(), notice()), 'sent')
    deepEqual(
      sends().map(({ headers }) => headers.authorization),
      ['Bearer ya29.granted-1', 'Bearer ya29.granted-2'],
    )
  })

  it('knows when a device is gone, from when the project is wrong', async () => {
    respond = () => fcmError(404, 'UNREGISTERED')
    equal(await delivery.send(address(), notice()), 'gone')
    for (const answer of [
      { status: 404 },
      fcmError(404, 'SENDER_ID_MISMATCH'),
      fcmError(400, 'INVALID_ARGUMENT'),
      { status: 403, json: { error: 7 } },
    ]) {
      respond = () => answer
      equal(await delivery.send(address(), notice()), 'failed')
    }
    equal(sends().length, 5)
  })

  it('tries once more when the service, or the token endpoint, is busy', async () => {
    const statuses = [503, 200, 429, 429]
    respond = () => ({ status: statuses.shift() ?? 500 })
    equal(await delivery.send(address(), notice()), 'sent')
    equal(await delivery.send(address(), notice()), 'failed')
    equal(sends().length, 4)
    const grants = gateway.answer
    let busy = 1
    gateway.answer = (request) =>
      request.url === account.token_uri && busy-- > 0 ? { status: 503 } : grants(request)
    respond = () => ({ status: 200 })
    equal(await open().send(address(), notice()), 'sent')
  })

  it('has failed where no token is given', async () => {
    for (const answer of [
      { status: 400, json: { error: 'invalid_grant' } },
      { status: 200 },
      { status: 200, json: { access_token: 7 } },
    ]) {
      gateway.answer = () => answer
      equal(await delivery.send(address(), notice()), 'failed')
    }
    equal(sends().length, 0)
  })

  it('logs neither token nor key', async () => {
    respond = () => fcmError(400, 'INVALID_ARGUMENT')
    await delivery.send(address(), notice())
    gateway.answer = () => ({ status: 400, json: { error: 'hidden' } })
    await open().send(address(), notice())
    const all = lines.join('')
    ok(all.includes('INVALID_ARGUMENT') && all.includes('the token endpoint answered 400'))
    doesNotMatch(all, /APA91b|ya29|PRIVATE|about-the-device|hidden|request-1/)
  })

  for (const token of [
    '',
    'short',
    'x'.repeat(1_025),
    `${device}/../x`,
    `${device} `,
    `${device}\n`,
    7,
    null,
  ])
    it(`refuses the token ${JSON.stringify(token)?.slice(0, 20)}`, () =>
      equal(delivery.readAddress({ kind: 'fcm', token }), undefined))

  it('takes only the file of a service account', () => {
    for (const bad of [
      {},
      { private_key: 'secret-word' },
      { project_id: 'a/../b' },
      { token_uri: 'http://evil.example/' },
    ])
      throws(
        () =>
          open({
            transports: {
              fcm: { account: { ...account, ...(Object.keys(bad).length ? bad : { client_email: '' }) } },
            },
          }),
        ({ message }: Error) => /service account/.test(message) && !message.includes('secret-word'),
      )
  })
})
