/** A push service (RFC 8030) with one machine behind it, and the browsers that subscribe there. */
import { createDecipheriv, createECDH, type ECDH, hkdfSync, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { importJWK, jwtVerify } from 'jose'
import type { VapidKey } from '../../src/delivery/push/vapid.ts'
import { createGuardedFetch, type GuardedFetch } from '../../src/outbound/guarded-fetch.ts'
import { issueAuthority, issueCertificate } from './certificates.ts'

export interface Push {
  headers: IncomingHttpHeaders
  /** Bytes, as they came. */
  length: number
  /** What the browser reads. */
  text: string
}

export interface TestSubscription {
  /** As `PushSubscription.toJSON()` gives it, and the kind that the device API asks for. */
  address: { kind: 'web'; endpoint: string; keys: { p256dh: string; auth: string } }
  pushes: Push[]
  /** As `PushSubscription.unsubscribe()`: 410 from now on. */
  unsubscribe(): void
}

export interface ScriptedAnswer {
  status: number
  headers?: Record<string, string>
}

export interface PushService {
  /** `https://push.duepassi.test:<port>` */
  origin: string
  /** For the list of hosts. */
  host: string
  /** Trusts this service, and finds it under any name. */
  fetch: GuardedFetch
  /** Given in this order, instead of what would be answered. */
  script: (ScriptedAnswer | 'hang up' | 'silence')[]
  /** What was answered, oldest first. */
  statuses: number[]
  subscribe(applicationServerKey: string): TestSubscription
  close(): Promise<void>
}

/** @param now milliseconds, by which signatures expire */
export async function startPushService(now: () => number = Date.now): Promise<PushService> {
  const authority = issueAuthority('Push authority')
  const name = 'push.duepassi.test'
  const certificate = issueCertificate({ commonName: name, dnsName: name, issuer: authority })
  const subscriptions = new Map<string, Subscription>()
  const script: PushService['script'] = []
  const statuses: number[] = []
  const key = certificate.privateKey.export({ type: 'pkcs8', format: 'pem' })
  const server = createServer({ key, cert: certificate.pem }, (req, res) => {
    void buffer(req).then(async (body) => {
      const scripted = script.shift()
      if (scripted === 'silence') return
      if (scripted === 'hang up') return req.socket.destroy()
      const answer = scripted ?? { status: await judge(req, body) }
      statuses.push(answer.status)
      const created = answer.status === 201 ? { location: `${origin}/messages/${statuses.length}` } : {}
      res.writeHead(answer.status, { ...created, ...answer.headers }).end()
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const host = `${name}:${(server.address() as AddressInfo).port}`
  const origin = `https://${host}`

  const judge = async ({ method, url = '', headers }: IncomingMessage, body: Buffer): Promise<number> => {
    const subscription = subscriptions.get(url)
    if (method !== 'POST') return 405
    if (!subscription) return 404
    if (subscription.over) return 410
    const refused = await checkVapid(headers.authorization, { origin, key: subscription.key, now: now() })
    if (refused) return refused
    if (!/^\d{1,9}$/.test(String(headers['ttl']))) return 400
    if (!/^(very-low|low|normal|high)$/.test(String(headers['urgency'] ?? 'normal'))) return 400
    if (!/^[\w-]{1,32}$/.test(String(headers['topic'] ?? 'none'))) return 400
    if (headers['content-encoding'] !== 'aes128gcm') return 400
    if (body.length > 4_096) return 413
    subscription.pushes.push({ headers, length: body.length, text: subscription.read(body) })
    return 201
  }

  const fetch = createGuardedFetch({
    allowPrivate: true,
    lookup: async () => [{ address: '127.0.0.1', family: 4 }],
    ca: [authority.pem],
    patience: 2_000,
  })
  return {
    origin,
    host,
    fetch,
    script,
    statuses,
    subscribe(applicationServerKey) {
      const path = `/push/${randomBytes(16).toString('base64url')}`
      const pair = createECDH('prime256v1')
      const auth = randomBytes(16)
      const keys = { p256dh: pair.generateKeys('base64url'), auth: auth.toString('base64url') }
      const subscription: Subscription = {
        key: applicationServerKey,
        over: false,
        pushes: [],
        read: (body) => decryptPush(body, pair, auth).toString(),
      }
      subscriptions.set(path, subscription)
      return {
        address: { kind: 'web', endpoint: origin + path, keys },
        pushes: subscription.pushes,
        unsubscribe() {
          subscription.over = true
        },
      }
    },
    async close() {
      await fetch.close()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

interface Subscription {
  key: string
  over: boolean
  pushes: Push[]
  read(body: Buffer): string
}

/** RFC 8292 §2 to §4: the status that it is refused with. */
async function checkVapid(
  header: string | undefined,
  { origin, key, now }: { origin: string; key: string; now: number },
): Promise<number | undefined> {
  const [, token = '', given] = /^vapid t=([\w.-]+), k=([\w-]+)$/.exec(header ?? '') ?? []
  if (given === undefined) return 401
  if (given !== key) return 403
  const point = Buffer.from(given, 'base64url')
  const [x, y] = [point.subarray(1, 33), point.subarray(33)].map((part) => part.toString('base64url'))
  const publicKey = await importJWK({ kty: 'EC', crv: 'P-256', x: x ?? '', y: y ?? '' }, 'ES256')
  const currentDate = new Date(now)
  const verified = await jwtVerify(token, publicKey, {
    algorithms: ['ES256'],
    audience: origin,
    currentDate,
  }).catch(() => undefined)
  if (!verified) return 403
  const { exp = 0, sub = '' } = verified.payload
  return exp > now / 1000 && exp <= now / 1000 + 86_400 && /^(mailto:|https:)/.test(sub) ? undefined : 403
}

/** What the browser does (RFC 8291 §3.4 and §4, RFC 8188 §2): one record, and the padding is gone. */
export function decryptPush(body: Buffer, receiver: ECDH, auth: Buffer): Buffer {
  const salt = body.subarray(0, 16)
  const recordSize = body.readUInt32BE(16)
  const sender = body.subarray(21, 21 + body.readUInt8(20))
  const record = body.subarray(21 + sender.length)
  if (record.length > recordSize) throw new Error('more than one record')
  const info = Buffer.concat([Buffer.from('WebPush: info\0'), receiver.getPublicKey(), sender])
  const secret = Buffer.from(hkdfSync('sha256', receiver.computeSecret(sender), auth, info, 32))
  const derive = (what: string, size: number) =>
    Buffer.from(hkdfSync('sha256', secret, salt, `Content-Encoding: ${what}\0`, size))
  const decipher = createDecipheriv('aes-128-gcm', derive('aes128gcm', 16), derive('nonce', 12))
  decipher.setAuthTag(record.subarray(-16))
  const padded = Buffer.concat([decipher.update(record.subarray(0, -16)), decipher.final()])
  const end = padded.findLastIndex((byte) => byte !== 0)
  if (padded[end] !== 2) throw new Error('this is not the last record')
  return padded.subarray(0, end)
}

/** A key of a provider, for push services to know it by. */
export function newVapidKey(): VapidKey {
  const pair = createECDH('prime256v1')
  const point = pair.generateKeys()
  const [x = '', y = '', d = ''] = [point.subarray(1, 33), point.subarray(33), pair.getPrivateKey()].map(
    (part) => Buffer.concat([Buffer.alloc(32 - part.length), part]).toString('base64url'),
  )
  return { kty: 'EC', crv: 'P-256', x, y, d }
}
