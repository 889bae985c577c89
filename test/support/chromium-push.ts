/**
 * A push service on 127.0.0.1 that an unmodified Chromium subscribes to: checkin, registration and the stream of
 * Google's service for the browser, RFC 8030 for who sends. Chromium finds it by flags that nobody promised to keep;
 * when it no longer does, `whenSubscribed` says how far it came.
 */
import { createHash, X509Certificate } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo, Server } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import { createSecureContext, createServer as createTlsServer, type TLSSocket } from 'node:tls'
import { Agent, fetch as fetchOver } from 'undici'
import { issueAuthority, issueCertificate } from './certificates.ts'
import { checkIn, register } from './chromium-push-google.ts'
import { Refusal, readHeaders, verifyVapid } from './chromium-push-message.ts'
import { type Registration, Registry } from './chromium-push-registry.ts'
import { serveStream } from './chromium-push-stream.ts'

/** Where Chromium says that its subscriptions are: in builds of Google, and in Debian's and other people's. */
export const pushHosts: readonly string[] = ['fcm.googleapis.com', 'jmt17.google.com']

export interface Posted {
  endpoint: string
  status: number
  /** Why it was refused. */
  reason?: string
  ttl?: number
  topic?: string | undefined
  urgency?: string
  /** Claim `sub` of its VAPID token. */
  sub?: string
  body: Uint8Array
}

export interface ChromiumPushService {
  /** For Chromium's command line. */
  readonly flags: readonly string[]
  /** Of HTTPS on 127.0.0.1: `/fcm/send/<token>`; the certificate is for `pushHosts`, by the TLS server name. */
  readonly port: number
  /** PEM: who trusts it may speak to the service over TLS by the names in `pushHosts`. */
  readonly authority: string
  /** `fetch` of a world in which `pushHosts` are this service and there is nothing else. */
  readonly fetchToService: typeof fetch
  /** POSTs a message to an endpoint that Chromium handed out. */
  deliver(
    endpoint: string,
    message: { headers: Record<string, string>; body: Uint8Array<ArrayBuffer> },
  ): Promise<Response>
  /** What was POSTed, with its answer; the latest last. */
  readonly posted: Posted[]
  /** Answers for the next POSTs, one each, whatever they say; then all is well again. */
  readonly nextAnswers: { status: number; headers?: Record<string, string> }[]
  /** The subscription is gone and the browser is not told: 410 from here on. */
  expire(endpoint: string): void
  subscriptions(): readonly Registration[]
  /** @throws Error which says how far Chromium came, after `within` milliseconds. */
  whenSubscribed(origin: string, within?: number): Promise<Registration>
  /** Browsers whose stream is open, and messages that wait for others. */
  connected(): number
  waiting(): number
  stop(): Promise<void>
}

const path = '/fcm/send/'
const tokenOf = (url: URL): string => decodeURIComponent(url.pathname.slice(path.length))

/** @param now milliseconds since the Unix epoch; give the sender's clock where that is moved. */
export const startChromiumPushService = async ({
  now = Date.now,
}: {
  now?: () => number
} = {}): Promise<ChromiumPushService> => {
  const registry = new Registry(now)
  const authority = issueAuthority('Push service of the tests')
  const own = issueCertificate({
    commonName: 'localhost',
    unit: 'Push',
    issuer: authority,
    dnsName: 'localhost',
  })
  const pairOf = ({ pem, privateKey }: typeof own) => ({
    cert: pem,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
  })
  const contexts = new Map(
    pushHosts.map((host) => {
      const certificate = issueCertificate({
        commonName: host,
        unit: 'Push',
        issuer: authority,
        dnsName: host,
      })
      return [host, createSecureContext(pairOf(certificate))]
    }),
  )
  /** Chromium registers for itself too. */
  const ofPages = () => registry.registrations().filter(({ origin }) => origin !== '')
  const seen = { checkins: 0, logins: 0, refusedLogins: 0, registrations: 0 }
  const posted: Posted[] = []
  const nextAnswers: ChromiumPushService['nextAnswers'] = []

  const receive = async (req: IncomingMessage, res: ServerResponse, url: URL) => {
    const body = await buffer(req)
    const audience = `https://${(req.socket as TLSSocket).servername || 'localhost'}`
    const entry: Posted = { endpoint: `${audience}${url.pathname}`, status: 201, body }
    posted.push(entry)
    try {
      const scripted = nextAnswers.shift()
      if (scripted) {
        entry.status = scripted.status
        return res.writeHead(scripted.status, scripted.headers).end()
      }
      const registration = registry.find(tokenOf(url))
      if (!registration) throw new Refusal(410, 'push subscription has unsubscribed or expired')
      const { applicationServerKey } = registration
      const { authorization } = req.headers
      entry.sub = await verifyVapid(authorization, { audience, applicationServerKey, now: now() })
      const headers = readHeaders(req.headers, body)
      Object.assign(entry, headers)
      const id = registry.accept(registration, { body, ...headers })
      return res.writeHead(201, { location: `${audience}/message/${id}`, ttl: headers.ttl }).end()
    } catch (error) {
      entry.status = error instanceof Refusal ? error.status : 500
      entry.reason = String(error instanceof Error ? error.message : error)
      return res.writeHead(entry.status, { 'content-type': 'text/plain' }).end(entry.reason)
    }
  }

  const answer = async (req: IncomingMessage, res: ServerResponse) => {
    const url = new URL(req.url ?? '/', 'https://localhost')
    if (req.method !== 'POST') return res.writeHead(405).end()
    if (url.pathname.startsWith(path)) return receive(req, res, url)
    const body = await buffer(req)
    if (url.pathname === '/checkin') {
      seen.checkins += 1
      return res.setHeader('content-type', 'application/x-protobuf').end(checkIn(registry, body, Date.now()))
    }
    if (url.pathname === '/register') {
      seen.registrations += 1
      return register(registry, req, res, body)
    }
    return res.writeHead(404).end()
  }

  const http = createServer(
    {
      ...pairOf(own),
      SNICallback: (name, done) => done(null, contexts.get(name)),
    },
    (req, res) => void answer(req, res).catch(() => res.destroy()),
  )
  const streams = createTlsServer(pairOf(own), (socket) =>
    serveStream(socket, {
      login(device, secret) {
        const known = registry.isDevice(device, secret)
        if (known) seen.logins += 1
        else seen.refusedLogins += 1
        return known
      },
      open: (device, line, received) => registry.opened(device, line, received),
      acknowledged: (device, line, frame) => registry.acknowledged(device, line, frame),
      closed: (device, line) => registry.closed(device, line),
    }),
  )
  const listen = (server: Server) =>
    new Promise<number>((resolve, reject) => {
      server.once('error', reject)
      server.on('tlsClientError', () => {})
      server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port))
    })
  const [port, streamPort] = [await listen(http), await listen(streams)]

  const publicKey = new X509Certificate(own.pem).publicKey.export({ type: 'spki', format: 'der' })
  const agent = new Agent({
    connect: {
      ca: authority.pem,
      lookup: (_name, _options, done) => done(null, [{ address: '127.0.0.1', family: 4 }]),
    },
  })

  const fetchToService: typeof fetch = async (input, init) => {
    const request = new Request(input, init)
    const url = new URL(request.url)
    if (url.protocol !== 'https:' || url.port !== '' || !pushHosts.includes(url.hostname))
      throw new TypeError('fetch failed', { cause: new Error(`There is no ${url.origin} in this test.`) })
    url.port = String(port)
    const headers = Object.fromEntries(request.headers)
    delete headers['content-length']
    const { method, signal, redirect } = request
    const answered = await fetchOver(url.href, {
      method,
      headers,
      signal,
      redirect,
      body: method === 'GET' || method === 'HEAD' ? null : new Uint8Array(await request.arrayBuffer()),
      dispatcher: agent,
    })
    const text = await answered.text()
    return new Response(text === '' ? null : text, {
      status: answered.status,
      headers: [...answered.headers],
    })
  }

  return {
    port,
    authority: authority.pem,
    flags: [
      `--gcm-checkin-url=https://127.0.0.1:${port}/checkin`,
      `--gcm-registration-url=https://127.0.0.1:${port}/register`,
      `--gcm-mcs-endpoint=https://127.0.0.1:${streamPort}`,
      `--ignore-certificate-errors-spki-list=${createHash('sha256').update(publicKey).digest('base64')}`,
    ],
    fetchToService,
    deliver: (endpoint, { headers, body }) => fetchToService(endpoint, { method: 'POST', headers, body }),
    posted,
    nextAnswers,
    expire: (endpoint) => registry.forget(tokenOf(new URL(endpoint))),
    subscriptions: () => ofPages(),
    async whenSubscribed(origin, within = 20_000) {
      for (const end = Date.now() + within; Date.now() < end; await delay(20)) {
        const found = ofPages().find((registration) => registration.origin === origin)
        if (found) return found
      }
      throw new Error(
        `Chromium did not subscribe ${origin} within ${within} ms (${JSON.stringify(seen)}); where nothing was asked, ` +
          'its flags --gcm-* have changed, and CDP ServiceWorker.deliverPushMessage is what is left.',
      )
    },
    connected: () => registry.lines().size,
    waiting: () => registry.waiting(),
    async stop() {
      for (const line of [...registry.lines().values()]) line.cut()
      http.closeAllConnections()
      await Promise.all([
        agent.destroy(),
        ...[http, streams].map((server) => new Promise((resolve) => server.close(resolve))),
      ])
    },
  }
}
