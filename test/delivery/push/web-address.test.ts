import { equal, ok } from 'node:assert/strict'
import { systemClock } from '../../../src/clock.ts'
import { pushDelivery } from '../../../src/delivery/push/push-delivery.ts'
import { newVapidKey } from '../../support/push-endpoint.ts'

const point = (({ x, y }) =>
  Buffer.concat([Buffer.of(4), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]))(newVapidKey())
const keys = { p256dh: point.toString('base64url'), auth: Buffer.alloc(16, 7).toString('base64url') }
const endpoint = 'https://fcm.googleapis.com/fcm/send/abc:def'

describe('the address of a browser', () => {
  const { readAddress } = pushDelivery({
    issuer: 'https://idp.example',
    transports: {
      web: {
        vapid: newVapidKey(),
        contact: 'mailto:a@idp.example',
        hosts: ['up.example', 'up.example:8443'],
      },
    },
    fetch: globalThis.fetch,
    clock: systemClock,
  })
  const read = (more: object) => readAddress({ kind: 'web', endpoint, keys, ...more })

  it('is kept in one spelling', () => {
    const kept = JSON.stringify({ kind: 'web', endpoint, keys })
    equal(read({}), kept)
    equal(
      read({ endpoint: 'HTTPS://FCM.googleapis.com:443/fcm/send/abc:def', expirationTime: null, more: 1 }),
      kept,
    )
    equal(
      readAddress({ keys: { auth: keys.auth, more: 1, p256dh: keys.p256dh }, endpoint, kind: 'web' }),
      kept,
    )
    equal(readAddress(JSON.parse(kept)), kept)
  })

  for (const good of [
    'https://updates.push.services.mozilla.com/wpush/v2/gAAAA',
    'https://web.push.apple.com/QGu1',
    'https://wns2-db5p.notify.windows.com/w/?token=BQYAAA%3d%3d',
    'https://up.example/UP?x',
    'https://up.example:8443/UP',
  ])
    it(`may be ${good}`, () => ok(read({ endpoint: good })))

  for (const bad of [
    '',
    'not a url',
    'http://fcm.googleapis.com/fcm/send/x',
    'http://fcm.googleapis.com:443/fcm/send/x',
    'http://up.example:8443/UP',
    'ftp://fcm.googleapis.com/x',
    'https://evil.example/fcm/send/x',
    'https://fcm.googleapis.com.evil.example/x',
    'https://evil-fcm.googleapis.com/x',
    'https://xpush.apple.com/x',
    'https://push.apple.com/x',
    'https://fcm.googleapis.com./x',
    'https://fcm.googleapis.com@evil.example/x',
    'https://user:word@fcm.googleapis.com/x',
    'https://user@fcm.googleapis.com/x',
    'https://fcm.googleapis.com:8443/x',
    'https://fcm.googleapis.com:80/x',
    'https://fcm.googleapis.com/x#fragment',
    'https://localhost/x',
    'https://127.0.0.1/x',
    'https://10.0.0.1/x',
    'https://192.168.1.1/x',
    'https://169.254.169.254/latest/meta-data/',
    'https://2852039166/',
    'https://[::1]/x',
    'https://[::ffff:127.0.0.1]/x',
    `https://fcm.googleapis.com/${'x'.repeat(2_100)}`,
    null,
    7,
    ['https://fcm.googleapis.com/x'],
  ])
    it(`is not ${String(bad).slice(0, 60)}`, () => equal(read({ endpoint: bad }), undefined))

  it('has a point on the curve, uncompressed', () => {
    const off = Buffer.from(point)
    off.writeUInt8(off.readUInt8(64) ^ 1, 64)
    const infinity = Buffer.alloc(65)
    const zero = Buffer.concat([Buffer.of(4), Buffer.alloc(64)])
    const compressed = Buffer.concat([Buffer.of(2 + (point.readUInt8(64) & 1)), point.subarray(1, 33)])
    const hybrid = Buffer.concat([Buffer.of(6 + (point.readUInt8(64) & 1)), point.subarray(1)])
    for (const bad of [
      off,
      infinity,
      zero,
      compressed,
      hybrid,
      point.subarray(0, 64),
      Buffer.concat([point, point]),
    ])
      equal(read({ keys: { ...keys, p256dh: bad.toString('base64url') } }), undefined)
  })

  it('has a secret of 16 bytes', () => {
    for (const size of [0, 15, 17, 32])
      equal(read({ keys: { ...keys, auth: Buffer.alloc(size).toString('base64url') } }), undefined)
  })

  it('has keys in base64url, in their only spelling', () => {
    for (const auth of [
      `${keys.auth}=`,
      `${keys.auth.slice(0, -1)}x`,
      `${keys.auth} `,
      'é'.repeat(22),
      7,
      null,
    ])
      equal(read({ keys: { ...keys, auth } }), undefined)
    equal(read({ keys: { ...keys, p256dh: `${keys.p256dh}=` } }), undefined)
    equal(read({ keys: null }), undefined)
    equal(read({ keys: {} }), undefined)
  })

  it('is of a kind that is delivered to', () => {
    for (const kind of ['fcm', 'apns', 'ntfy', 'webhook', '', null, '__proto__', 'constructor'])
      equal(read({ kind, token: 'x'.repeat(64), topic: 'x'.repeat(32) }), undefined)
    for (const given of [
      undefined,
      null,
      'web',
      7,
      [],
      [{ kind: 'web', endpoint, keys }],
      JSON.stringify({ kind: 'web', endpoint, keys }),
    ])
      equal(readAddress(given), undefined)
  })

  it('is none where nothing is delivered', async () => {
    const none = pushDelivery({
      issuer: 'https://idp.example',
      transports: {},
      fetch: globalThis.fetch,
      clock: systemClock,
    })
    equal(none.applicationServerKey, null)
    equal(none.readAddress({ kind: 'web', endpoint, keys }), undefined)
    const notice = { id: 'x', expiresAt: systemClock.now() + 60_000, language: 'it' } as const
    equal(await none.send(JSON.stringify({ kind: 'web', endpoint, keys }), notice), 'failed')
    await none.close()
  })
})
