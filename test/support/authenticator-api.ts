/**
 * A server for the authenticator app alone: the device API over memory, which verifies every signature, hash, assertion
 * and time as the contract says, and takes the place of the computer on which one signs in.
 */
import { createHash, randomBytes, randomInt } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import {
  type AuthenticationResponseJSON,
  generateRegistrationOptions,
  type RegistrationResponseJSON,
  verifyAuthenticationResponse,
  verifyRegistrationResponse,
  type WebAuthnCredential,
} from '@simplewebauthn/server'
import {
  type CryptoKey,
  calculateJwkThumbprint,
  decodeProtectedHeader,
  importJWK,
  type JWK,
  jwtVerify,
} from 'jose'
import { serveAuthenticatorFiles } from './authenticator-files.ts'
import { freePort } from './machine.ts'

const brand = 'Duepassi'
/** An uncompressed point of P-256, as VAPID keys are. */
const applicationServerKey =
  'BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4'

export interface FakeDevice {
  thumbprint: string
  account: string
  key: CryptoKey
  credential: WebAuthnCredential
  label: string
  platform: string
  address: { endpoint?: string } | null
  state: 'confirming' | 'testing' | 'active'
  number: string
  offlineSecret: string
  stale: boolean
}

export interface Shown {
  app: { name: string; logo?: string }
  account: string
  at: number
  address: string | null
  city: string | null
  country: string | null
  browser: string | null
  system: string | null
  bindingMessage?: string
}

export interface FakeRequest {
  id: string
  nonce: string
  account: string
  digits: number
  number: string
  expiresAt: number
  kind: 'sign-in' | 'step-up' | 'test' | 'backchannel'
  shown: string
  seen: boolean
  outcome?: string
}

class Refusal extends Error {
  readonly status: number
  readonly seconds: number | undefined
  constructor(status: number, error: string, seconds?: number) {
    super(error)
    this.status = status
    this.seconds = seconds
  }
}

const base64url = (size: number) => randomBytes(size).toString('base64url')
const sha256 = (text: string) => createHash('sha256').update(text).digest()
const base32 = (bytes: Buffer) => {
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('')
  return (bits.match(/.{5}/g) ?? [])
    .map((five) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'[parseInt(five, 2)])
    .join('')
}

/** @param base the path at which the issuer is mounted */
export const startAuthenticatorApi = async (base = '/sso') => {
  const port = await freePort()
  const origin = `http://localhost:${port}`
  const issuer = origin + base
  const app = `${issuer}/authenticator/`
  const files = serveAuthenticatorFiles(brand)
  const invitations = new Map<
    string,
    { account: string; used: boolean; expiresAt: number; challenge?: string }
  >()
  const devices = new Map<string, FakeDevice>()
  const requests = new Map<string, FakeRequest>()
  const spent = new Set<string>()
  /** What was refused, and why: tests that expect no refusal look here. */
  const refusals: string[] = []
  /** The next answers to `METHOD path`, whatever is asked. */
  const planned: { call: string; refusal: Refusal }[] = []
  /** Milliseconds by which this server's clock is ahead of the machine's. */
  const clock = { ahead: 0 }
  const now = () => Date.now() + clock.ahead

  const spend = (jti: unknown) => {
    if (typeof jti !== 'string' || jti.length < 20 || spent.has(jti)) throw new Refusal(401, 'device_unknown')
    spent.add(jti)
  }
  const payloadOf = async (jws: string, key: CryptoKey, typ: string) => {
    const { payload } = await jwtVerify(jws, key, {
      typ,
      audience: issuer,
      algorithms: ['ES256'],
      requiredClaims: ['iat', 'jti'],
      currentDate: new Date(now()),
    })
    if (Math.abs((payload.iat ?? 0) * 1000 - now()) > 60_000) throw new Refusal(401, 'device_unknown')
    spend(payload.jti)
    return payload
  }

  const invitationOf = (token: unknown) => {
    const name = String(token).length === 43 ? String(token) : String(token).toUpperCase()
    const invitation = invitations.get(name)
    if (!invitation || invitation.expiresAt < now()) throw new Refusal(404, 'invitation_unknown')
    if (invitation.used) throw new Refusal(409, 'invitation_used')
    return invitation
  }

  const readInvitation = async ({ token }: { token?: unknown }) => {
    const invitation = invitationOf(token)
    const options = await generateRegistrationOptions({
      rpName: brand,
      rpID: 'localhost',
      userName: invitation.account,
      attestationType: 'none',
      authenticatorSelection: {
        authenticatorAttachment: 'platform',
        residentKey: 'discouraged',
        userVerification: 'required',
      },
      supportedAlgorithmIDs: [-7, -257],
    })
    invitation.challenge = options.challenge
    const { account, expiresAt } = invitation
    const accountTag = sha256(account).toString('base64url').slice(0, 16)
    return {
      issuer,
      brand,
      account,
      accountTag,
      rpId: 'localhost',
      options,
      expiresAt,
      applicationServerKey,
      offline: true,
    }
  }

  interface NewDevice {
    token: string
    jws: string
    registration: RegistrationResponseJSON
    address: FakeDevice['address']
    label: string
    platform: string
  }
  const addDevice = async ({ token, jws, registration, address, label, platform }: NewDevice) => {
    const invitation = invitationOf(token)
    const { jwk, kid } = decodeProtectedHeader(jws)
    if (!jwk || kid || Object.keys(jwk).sort().join() !== 'crv,kty,x,y') throw new Refusal(422, 'malformed')
    const key = await importJWK(jwk as JWK, 'ES256')
    if (key instanceof Uint8Array) throw new Refusal(422, 'malformed')
    const payload = await payloadOf(jws, key, 'push-enrol+jwt')
    if (payload['token'] !== token) throw new Refusal(422, 'wrong')
    const { registrationInfo, verified } = await verifyRegistrationResponse({
      response: registration,
      expectedChallenge: invitation.challenge ?? '',
      expectedOrigin: origin,
      expectedRPID: 'localhost',
      requireUserVerification: true,
    })
    if (!verified) throw new Refusal(422, 'unverified')
    invitation.used = true
    const device: FakeDevice = {
      thumbprint: await calculateJwkThumbprint(jwk as JWK),
      account: invitation.account,
      key,
      credential: registrationInfo.credential,
      label,
      platform,
      address,
      state: 'confirming',
      number: String(randomInt(10_000)).padStart(4, '0'),
      offlineSecret: base32(randomBytes(20)),
      stale: false,
    }
    devices.set(device.thumbprint, device)
    const { number, thumbprint, offlineSecret } = device
    return { number, thumbprint, offlineSecret }
  }

  const deviceOf = async (req: IncomingMessage): Promise<FakeDevice> => {
    const jws = /^Device (\S+)$/.exec(req.headers.authorization ?? '')?.[1] ?? ''
    const device = devices.get(jws && (decodeProtectedHeader(jws).kid ?? ''))
    if (!device) throw new Refusal(401, 'device_unknown')
    const { htm, htu } = await payloadOf(jws, device.key, 'device-call+jwt')
    if (htm !== req.method || htu !== origin + req.url) throw new Refusal(401, 'device_unknown')
    return device
  }

  const isOpen = ({ outcome, expiresAt }: FakeRequest) => outcome === undefined && expiresAt > now()
  const isMissed = ({ outcome, expiresAt, kind }: FakeRequest) =>
    kind !== 'test' && outcome === undefined && expiresAt <= now()
  const requestsOf = (device: FakeDevice) => {
    const own = [...requests.values()].filter(({ account }) => account === device.account)
    const told = ({ id, nonce, digits, expiresAt, kind, shown }: FakeRequest) => {
      return { id, nonce, digits, expiresAt, kind, shown }
    }
    const open = own.filter(isOpen)
    for (const request of open) request.seen = true
    return { requests: open.map(told), missed: own.filter(isMissed).map(told), now: now() }
  }

  const decide = async (
    device: FakeDevice,
    id: string,
    { jws, assertion }: { jws: string; assertion?: AuthenticationResponseJSON },
  ) => {
    const request = requests.get(id)
    const late = request !== undefined && isMissed(request)
    if (!request || request.account !== device.account || !(late || isOpen(request)))
      throw new Refusal(404, 'request_gone')
    if (decodeProtectedHeader(jws).kid !== device.thumbprint) throw new Refusal(422, 'malformed')
    const { txn, nonce, decision, num, ctx } = await payloadOf(jws, device.key, 'push-decision+jwt')
    if (txn !== id || nonce !== request.nonce || ctx !== sha256(request.shown).toString('base64url'))
      throw new Refusal(422, 'malformed')
    const end = (outcome: string) => {
      request.outcome = outcome
    }
    if (decision === 'deny' || decision === 'report') {
      if (assertion || num !== undefined) throw new Refusal(422, 'malformed')
      end(decision === 'deny' ? 'denied' : 'reported')
      return { outcome: request.outcome }
    }
    if (decision !== 'approve' || !assertion) throw new Refusal(422, 'malformed')
    if (late) throw new Refusal(404, 'request_gone')
    end('failed')
    if (request.digits > 0 ? num !== request.number : num !== undefined) throw new Refusal(422, 'wrong')
    const { verified } = await verifyAuthenticationResponse({
      response: assertion,
      expectedChallenge: sha256(jws).toString('base64url'),
      expectedOrigin: origin,
      expectedRPID: 'localhost',
      credential: device.credential,
      requireUserVerification: true,
    })
    if (!verified) throw new Refusal(422, 'unverified')
    end('approved')
    if (request.kind === 'test') device.state = 'active'
    return { outcome: 'approved' }
  }

  const answerDevice = async (req: IncomingMessage, device: FakeDevice, body: Record<string, unknown>) => {
    if (req.method === 'GET') {
      const { state, account, label, stale } = device
      return { state, account, label, stale, applicationServerKey }
    }
    if (req.method === 'PUT') {
      device.address = (body['address'] ?? null) as FakeDevice['address']
      device.stale = false
    } else devices.delete(device.thumbprint)
    return undefined
  }

  const answer = async (req: IncomingMessage, path: string): Promise<[number, unknown]> => {
    const chunks: Buffer[] = []
    for await (const chunk of req) chunks.push(chunk)
    const body = chunks.length > 0 ? JSON.parse(String(Buffer.concat(chunks))) : {}
    const call = `${req.method} ${path}`
    const plan = planned.findIndex((each) => each.call === call)
    if (plan >= 0) throw planned.splice(plan, 1)[0]?.refusal
    if (req.headers['sec-fetch-site'] !== 'same-origin') throw new Refusal(403, 'cross_site')
    if (call === 'POST invitations') return [200, await readInvitation(body)]
    if (call === 'POST devices') return [201, await addDevice(body)]
    const device = await deviceOf(req)
    if (path === 'device') return [req.method === 'GET' ? 200 : 204, await answerDevice(req, device, body)]
    if (call === 'GET requests') return [200, requestsOf(device)]
    const id = /^POST requests\/([\w-]+)\/decision$/.exec(call)?.[1]
    if (id) return [200, await decide(device, id, body)]
    throw new Refusal(404, 'not_found')
  }

  const handle = async (req: IncomingMessage, res: ServerResponse) => {
    res.setHeader('date', new Date(now()).toUTCString())
    const path = new URL(req.url ?? '', origin).pathname
    const inApp = path.startsWith(`${base}/authenticator/`) ? path.slice(base.length + 15) : undefined
    if (inApp === undefined) return res.writeHead(404).end()
    if (!inApp.startsWith('api/')) return files.serve(req, res, inApp)
    res.setHeader('cache-control', 'no-store')
    res.setHeader('content-type', 'application/json')
    try {
      const [status, content] = await answer(req, inApp.slice(4))
      return res.writeHead(status).end(content && JSON.stringify(content))
    } catch (error) {
      const { status, message, seconds } =
        error instanceof Refusal ? error : new Refusal(422, `malformed: ${error}`)
      refusals.push(`${req.method} ${inApp.slice(4)}: ${status} ${message}`)
      return res.writeHead(status).end(JSON.stringify({ error: message, seconds }))
    }
  }

  const server = createServer((req, res) => void handle(req, res))
  await new Promise<void>((resolve) => server.listen(port, 'localhost', resolve))

  return {
    origin,
    issuer,
    app,
    devices,
    requests,
    refusals,
    clock,
    files: files.state,
    /** As the computer shows it. @param typed ten characters instead of a link's token */
    invite(account: string, typed?: string): string {
      const token = typed?.replaceAll('-', '') ?? base64url(32)
      invitations.set(token, { account, used: false, expiresAt: now() + 300_000 })
      return token
    },
    deviceOf: (account: string) => [...devices.values()].findLast((device) => device.account === account),
    /** As the person types it on the computer; true where it was right. */
    typeNumber(account: string, number: string): boolean {
      const device = this.deviceOf(account)
      if (!device || device.number !== number) return false
      device.state = 'testing'
      return true
    },
    ask(
      account: string,
      more: Partial<Omit<FakeRequest, 'shown'>> & { shown?: Partial<Shown> } = {},
    ): FakeRequest {
      const { shown, ...settings } = more
      const digits = settings.digits ?? 2
      const request: FakeRequest = {
        id: base64url(16),
        nonce: base64url(32),
        account,
        digits,
        number: digits > 0 ? String(randomInt(10 ** digits)).padStart(digits, '0') : '',
        expiresAt: now() + 60_000,
        kind: 'sign-in',
        seen: false,
        ...settings,
        shown: JSON.stringify({
          app: { name: 'Bottega Aurora' },
          account,
          at: now() - 4000,
          address: '93.46.210.7',
          city: 'Bologna',
          country: 'IT',
          browser: 'Firefox',
          system: 'Windows',
          ...shown,
        }),
      }
      requests.set(request.id, request)
      return request
    },
    /** The next such call fails so, whatever it says. */
    refuse(call: string, status: number, error: string, seconds?: number) {
      planned.push({ call, refusal: new Refusal(status, error, seconds) })
    },
    close: () =>
      new Promise<void>((resolve) => {
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  }
}

export type AuthenticatorApi = Awaited<ReturnType<typeof startAuthenticatorApi>>
