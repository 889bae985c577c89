import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import type { IncomingHttpHeaders } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import type { Account, ClientMetadata } from '../../src/directory/directory.ts'
import { createGuardedFetch } from '../../src/outbound/guarded-fetch.ts'
import { issueAuthority, issueCertificate } from '../support/certificates.ts'
import { type Asked, enrolPhone, type Phone } from '../support/phones.ts'
import { mfa, type TestProvider } from '../support/provider.ts'

export const cibaGrant = 'urn:openid:params:grant-type:ciba'

export interface Said {
  status: number
  body: Record<string, unknown>
}

/** An application that asks people on their phones (CIBA Core 1.0). */
export interface Application {
  clientId: string
  /** `POST /backchannel`. */
  ask(fields: Record<string, string>): Promise<Said>
  /** Asks, and answers the `auth_req_id`. */
  begin(fields: Record<string, string>): Promise<string>
  redeem(authReqId: string): Promise<Said>
  refresh(token: unknown): Promise<Said>
  post(path: string, fields: Record<string, string>): Promise<Said>
}

export const addApplication = async (
  op: TestProvider,
  metadata: Partial<ClientMetadata> = {},
): Promise<Application> => {
  const clientId = metadata.client_id ?? randomUUID()
  await op.addClient({
    client_id: clientId,
    client_name: 'The bank',
    grant_types: [cibaGrant, 'refresh_token'],
    response_types: [],
    redirect_uris: [],
    post_logout_redirect_uris: [],
    backchannel_token_delivery_mode: 'poll',
    ...metadata,
  })
  const isPublic = metadata['token_endpoint_auth_method'] === 'none'
  const post: Application['post'] = async (path, fields) => {
    const response = await fetch(`${op.issuer}${path}`, {
      method: 'POST',
      body: new URLSearchParams({
        client_id: clientId,
        ...(!isPublic && { client_secret: 'a secret of the relying party' }),
        ...fields,
      }),
    })
    return { status: response.status, body: (await response.json()) as Said['body'] }
  }
  const application: Application = {
    clientId,
    post,
    ask: (fields) => post('/backchannel', { scope: 'openid', binding_message: 'Order 4817', ...fields }),
    async begin(fields) {
      const { status, body } = await application.ask(fields)
      assert.equal(status, 200, JSON.stringify(body))
      return String(body['auth_req_id'])
    },
    redeem: (authReqId) => post('/token', { grant_type: cibaGrant, auth_req_id: authReqId }),
    refresh: (token) => post('/token', { grant_type: 'refresh_token', refresh_token: String(token) }),
  }
  return application
}

/** Somebody new whose only factor is a phone. */
export const somebodyWithPhone = async (
  op: TestProvider,
  { codes = 'saved' }: { codes?: 'saved' | 'unsaved' } = {},
): Promise<{ account: Account; phone: Phone }> => {
  const account = await op.addPerson(`p${randomUUID().slice(0, 8)}`)
  const at = await op.typePassword(await op.begin({ acr_values: mfa }), {
    username: account.username,
  })
  const { phone, at: shown } = await enrolPhone(op, at)
  if (codes === 'saved') await op.submit(shown, { intent: 'saved' })
  return { account, phone }
}

const until = async <Found>(look: () => Promise<Found | undefined>, what: string): Promise<Found> => {
  for (let looks = 0; looks < 250; looks++) {
    const found = await look()
    if (found !== undefined) return found
    await delay(20)
  }
  throw new Error(`not within five seconds: ${what}`)
}

/** What the phone is asked, once it is: the application has its answer before. */
export const nextOn = (phone: Phone, after?: Asked): Promise<Asked> =>
  until(async () => {
    const asked = await phone.asked()
    return asked?.id === after?.id ? undefined : asked
  }, 'a request on the phone')

/** What becomes of a request that nobody answers but the provider. */
export const outcomeOf = (application: Application, authReqId: string): Promise<Said> =>
  until(async () => {
    const said = await application.redeem(authReqId)
    return said.body['error'] === 'authorization_pending' ? undefined : said
  }, 'an outcome')

/** Where an application hears that somebody has decided. */
export const startPingReceiver = async () => {
  const authority = issueAuthority('Ping authority')
  const certificate = issueCertificate({
    commonName: 'bank.duepassi.test',
    dnsName: 'bank.duepassi.test',
    issuer: authority,
  })
  const pings: Array<{ headers: IncomingHttpHeaders; body: unknown }> = []
  /** `ready`: what it waits for until it answers. */
  const state = { status: 204, ready: Promise.resolve() }
  const key = certificate.privateKey.export({ type: 'pkcs8', format: 'pem' })
  const server = createServer({ key, cert: certificate.pem }, (req, res) => {
    void buffer(req).then(async (body) => {
      await state.ready
      pings.push({ headers: req.headers, body: JSON.parse(body.toString()) })
      res.writeHead(state.status).end()
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const guarded = (allowPrivate: boolean) =>
    createGuardedFetch({
      allowPrivate,
      ca: [authority.pem],
      lookup: async () => [{ address: '127.0.0.1', family: 4 }],
    })
  return {
    endpoint: `https://bank.duepassi.test:${port}/ciba`,
    pings,
    state,
    /** Finds the receiver, which is on this machine; `strict`: as in production, where that is refused. */
    fetch: guarded(true),
    strict: guarded(false),
    until: <Found>(look: () => Found | undefined) => until(async () => look(), 'a ping'),
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
