import { randomBytes } from 'node:crypto'
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Configuration, Provider } from 'oidc-provider'
import {
  createSealer,
  embeddedStore,
  openDirectory,
  recoveryCodes,
  type SecondFactor,
  type SecondFactorOptions,
  secondFactor,
  totp,
} from '../../src/index.ts'
import { type MovableClock, movableClock } from './clock.ts'
import { testClient } from './relying-party.ts'

/** Somebody else's provider: own login page, own accounts, the second step plugged in. */
export interface ForeignHost {
  provider: Provider
  mfa: SecondFactor
  clock: MovableClock
  directory: Awaited<ReturnType<typeof openDirectory>>
  issuer: string
  server: Server
  close(): Promise<void>
}

interface Choices {
  configuration?: Partial<Configuration>
  options?: Partial<SecondFactorOptions>
  /** Puts the parts on the web; plain node:http when absent. */
  host?: (parts: {
    provider: Provider
    mfa: SecondFactor
    login: Login
  }) => RequestListener | Promise<RequestListener>
  /** Uses the configuration as it is, without the plugin. */
  bare?: boolean
}

/** The host's own login page, at `/login/<uid>`. Returns false for a request that is not its own. */
export type Login = (req: IncomingMessage, res: ServerResponse) => Promise<boolean>

const people: Record<string, string> = { maria: 'correct horse', luigi: 'battery staple' }

export const foreignConfiguration = (): Configuration => ({
  clients: [testClient],
  cookies: { keys: [randomBytes(32).toString('hex')] },
  features: {
    devInteractions: { enabled: false },
    introspection: { enabled: true, allowedPolicy: async () => true },
    revocation: { enabled: true },
    claimsParameter: { enabled: true },
  },
  findAccount: async (_ctx, sub) =>
    people[sub] ? { accountId: sub, claims: async () => ({ sub }) } : undefined,
  interactions: { url: (_ctx, interaction) => `/login/${interaction.uid}` },
  issueRefreshToken: async () => true,
  async loadExistingGrant(ctx) {
    const grant = new ctx.oidc.provider.Grant({
      accountId: ctx.oidc.account?.accountId ?? '',
      clientId: ctx.oidc.client?.clientId ?? '',
    })
    grant.addOIDCScope('openid profile email offline_access')
    await grant.save()
    return grant
  },
  pkce: { required: () => true },
  ttl: {
    AccessToken: 600,
    AuthorizationCode: 60,
    IdToken: 300,
    Interaction: 900,
    Session: 3600,
    Grant: 3600,
    RefreshToken: 3600,
  },
})

const readBody = async (req: IncomingMessage): Promise<URLSearchParams> => {
  const parsed = (req as { body?: Record<string, string> }).body
  if (parsed) return new URLSearchParams(parsed)
  let text = ''
  for await (const chunk of req) text += String(chunk)
  return new URLSearchParams(text)
}

const createLogin =
  (mfa: SecondFactor): Login =>
  async (req, res) => {
    if (!/^\/login\/[\w-]+$/.test(URL.parse(req.url ?? '', 'http://x')?.pathname ?? '')) return false
    if (req.method === 'POST') {
      const form = await readBody(req)
      const accountId = form.get('username') ?? ''
      if (people[accountId] && people[accountId] === form.get('password')) {
        await mfa.primarySucceeded(req, res, { accountId, amr: ['pwd'] })
        return true
      }
    }
    res
      .writeHead(200, { 'content-type': 'text/html' })
      .end('<form method="post"><input name="username"><input name="password"></form>')
    return true
  }

const onNode = ({
  provider,
  mfa,
  login,
}: {
  provider: Provider
  mfa: SecondFactor
  login: Login
}): RequestListener => {
  const routes = mfa.routes()
  const callback = provider.callback()
  return (req, res) => void login(req, res).then((done) => done || routes(req, res, () => callback(req, res)))
}

export const startForeignHost = async ({
  configuration = {},
  options = {},
  host = onNode,
  bare = false,
}: Choices = {}): Promise<ForeignHost> => {
  const clock = movableClock()
  const directory = await openDirectory('sqlite::memory:')
  const mfa = secondFactor({
    directory,
    store: embeddedStore(':memory:', clock),
    sealer: createSealer([{ id: 'k1', key: randomBytes(32).toString('base64') }]),
    factors: [totp(), recoveryCodes()],
    clock,
    ...options,
  })
  let listener: RequestListener = (_req, res) => res.writeHead(503).end()
  const server = createServer((req, res) => listener(req, res))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const given = { ...foreignConfiguration(), ...configuration }
  const provider = new Provider(issuer, bare ? given : mfa.configure(given))
  if (!bare) mfa.attach(provider)
  listener = await host({ provider, mfa, login: createLogin(mfa) })
  return {
    provider,
    mfa,
    clock,
    directory,
    issuer,
    server,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      await directory.close()
    },
  }
}
