import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import { join } from 'node:path'
import { exportJWK, generateKeyPair } from 'jose'
import type { z } from 'zod'
import type { AuditEvent } from '../../src/audit/events.ts'
import { compose, type Duepassi, migrate, type Parts } from '../../src/compose.ts'
import { type Config, schema } from '../../src/config/schema.ts'
import type { Mail, MailDelivery } from '../../src/delivery/delivery.ts'
import type { Account, ClientMetadata, Directory } from '../../src/directory/directory.ts'
import { type Listening, listen } from '../../src/http/server.ts'
import { createLog } from '../../src/log.ts'
import type { Hasher } from '../../src/passwords/hashing.ts'
import { type Answer, Browser } from './browser.ts'
import type { MovableClock } from './clock.ts'
import { freePort, temporaryFolder } from './machine.ts'
import { codeOf, discoverRelyingParty, errorOf, type RelyingParty, testClient } from './relying-party.ts'
import { choose, codeNow, enrol } from './steps.ts'

export const password = 'due passi avanti'
export const [sfa, mfa] = ['https://refeds.org/profile/sfa', 'https://refeds.org/profile/mfa'] as const

export interface Settings {
  /** Without it the embedded store. */
  redis?: string
  /** Without it a SQLite file. */
  database?: string
  config?: Partial<z.input<typeof schema>>
  /** Two share one Redis and one PostgreSQL behind one issuer, and answer in turn. */
  nodes?: 1 | 2
  parts?: Parts
  client?: Partial<ClientMetadata>
}

type Request = Awaited<ReturnType<RelyingParty['begin']>>

/** A page of a sign-in, with the request that led there. */
export interface AtPage {
  browser: Browser
  page: Answer
  request: Request
}

/** A sign-in that came back to the relying party. */
export interface SignedIn extends AtPage {
  tokens: Awaited<ReturnType<Request['finish']>>
}

export interface Enrolled extends SignedIn {
  secret: string
  codes: string[]
}

/** The ready provider on a free port: an account `maria`, the test client, and what tests do with them. */
export interface TestProvider {
  issuer: string
  config: Config
  clock: MovableClock
  mails: Mail[]
  /** Lines of the log, from every level unless a log was given. */
  logged: string[]
  /** The first node; `nodes` has all. */
  readonly duepassi: Duepassi
  readonly nodes: Duepassi[]
  rp: RelyingParty
  maria: Account
  addPerson(username: string, over?: Partial<Account>): Promise<Account>
  addClient(metadata: Partial<ClientMetadata> & { client_id: string }): Promise<RelyingParty>
  /** From the relying party to wherever the provider leads. */
  begin(parameters?: Record<string, string>, browser?: Browser, rp?: RelyingParty): Promise<AtPage>
  typePassword(at: AtPage, typed?: { username?: string; password?: string }): Promise<AtPage>
  /** With the password done. */
  atSecondStep(parameters?: Record<string, string>, browser?: Browser, rp?: RelyingParty): Promise<AtPage>
  submit(at: AtPage, fields: Record<string, string>): Promise<AtPage>
  /** Past the page on which a person chooses what to set up. */
  choose(at: AtPage, factor?: string): Promise<AtPage>
  redeem(at: AtPage): Promise<SignedIn>
  /** A first sign-in, with an authenticator set up and recovery codes saved. */
  enrol(browser?: Browser, parameters?: Record<string, string>): Promise<Enrolled>
  /** The same for a person who is added first. */
  enrolOther(username: string, parameters?: Record<string, string>): Promise<Enrolled & { account: Account }>
  /** The next code that was not shown before: the clock moves on by one step. */
  nextCode(secret: string): string
  /** A whole sign-in with password and code. */
  signIn(secret: string, parameters?: Record<string, string>, browser?: Browser): Promise<SignedIn>
  audit(accountId?: string): Promise<AuditEvent[]>
  /** Composes anew on the same files, as a new process would. */
  restart(): Promise<void>
  close(): Promise<void>
  /** `await using op = …` closes it when the test ends, however it ends. */
  [Symbol.asyncDispose](): Promise<void>
}

const realNow = Date.now
let ahead = 0
let providers = 0

/** Moves the time of the whole process: oidc-provider and openid-client ask no clock but Date.now. */
const worldClock: MovableClock = {
  now: () => Date.now(),
  advance(seconds) {
    ahead += seconds * 1000
    Date.now = () => realNow() + ahead
  },
}

const backToNow = () => {
  ahead = 0
  Date.now = realNow
}

let keys: Promise<NonNullable<z.input<typeof schema>['keys']>> | undefined

const generateKeys = async () => {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true })
  return {
    signing: [{ ...(await exportJWK(privateKey)), kty: 'EC', kid: 'test', use: 'sig', alg: 'ES256' }],
    cookies: [randomBytes(32).toString('base64')],
    sealing: [{ id: 'k1', key: randomBytes(32).toString('base64') }],
  }
}

/** The work of argon2 is tested elsewhere; here it would only make the tests slow. */
export const cheapHasher = (): Hasher => {
  const digest = (text: string, salt: string | Buffer) =>
    createHash('sha256').update(salt).update(text.normalize('NFC')).digest()
  return {
    hash: async (text) => `cheap:${digest(text, 'salt').toString('base64')}`,
    verify: async (phc, text) => phc === `cheap:${digest(text, 'salt').toString('base64')}`,
    derive: async (text, salt) => digest(text, salt),
    isOutdated: () => false,
    gate: { running: 0, waiting: 0 },
  }
}

const collectMails = (mails: Mail[]): MailDelivery => ({
  async send(mail) {
    mails.push(mail)
  },
  async close() {},
})

/** One port in front of the nodes, which answer in turn. */
const serveInTurn = async (nodes: Duepassi[], port: number): Promise<Server> => {
  let turn = 0
  const server = createServer((req, res) => nodes[turn++ % nodes.length]?.handler(req, res))
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  return server
}

export const startProvider = async (settings: Settings = {}): Promise<TestProvider> => {
  const clock = worldClock
  const mails: Mail[] = []
  const logged: string[] = []
  const folder = await temporaryFolder()
  const port = await freePort()
  const issuer = settings.config?.issuer ?? `http://127.0.0.1:${port}`
  keys ??= generateKeys()
  const config = schema.parse({
    mode: 'demo',
    listen: { port },
    database: { url: settings.database ?? `sqlite:${join(folder, 'duepassi.db')}`, pool: 30 },
    store: { file: join(folder, 'sessions.db') },
    ...(settings.redis && { redis: { url: settings.redis, prefix: `${randomBytes(6).toString('hex')}:` } }),
    keys: await keys,
    ...settings.config,
    issuer,
  })
  const parts: Parts = {
    clock,
    hasher: cheapHasher(),
    mail: collectMails(mails),
    log: createLog('trace', { write: (line) => void logged.push(line) }),
    ...settings.parts,
  }
  const log = parts.log ?? createLog('fatal')

  let nodes: Duepassi[] = []
  let end: () => Promise<void> = async () => {}
  const start = async () => {
    nodes = await Promise.all(Array.from({ length: settings.nodes ?? 1 }, () => compose(config, parts)))
    const [first] = nodes as [Duepassi]
    if (nodes.length === 1) {
      const listening: Listening = await listen(first, config, log, { patience: 500 })
      end = () => listening.drain()
    } else {
      const server = await serveInTurn(nodes, port)
      end = async () => {
        server.closeAllConnections()
        await new Promise((resolve) => server.close(resolve))
        await Promise.all(nodes.map((node) => node.close()))
      }
    }
  }
  await migrate(config)
  await start()
  // One that could not start is never closed either.
  providers += 1

  const directory = (): Directory => (nodes[0] as Duepassi).directory
  const addPerson = async (username: string, over: Partial<Account> = {}): Promise<Account> => {
    const account: Account = {
      id: randomUUID(),
      username,
      email: `${username}@example.org`,
      name: `${username} Rossi`,
      passwordHash: await (nodes[0] as Duepassi).hasher.hash(password),
      passwordDue: null,
      locale: null,
      claims: {},
      groups: [],
      minimum: null,
      disabledAt: null,
      createdAt: clock.now(),
      ...over,
    }
    await directory().addAccount(account)
    return account
  }
  const at = issuer.startsWith('http:') ? issuer : undefined
  const addClient: TestProvider['addClient'] = async (metadata) => {
    const client = { ...testClient, ...metadata }
    await directory().addClient(client)
    return at ? discoverRelyingParty(at, client) : (undefined as never)
  }
  const maria = await addPerson('maria')
  const rp = await addClient({ ...testClient, ...settings.client, client_id: testClient.client_id })

  let closed = false
  const provider: TestProvider = {
    [Symbol.asyncDispose]: () => provider.close(),
    issuer,
    config,
    clock,
    mails,
    logged,
    get duepassi() {
      return nodes[0] as Duepassi
    },
    get nodes() {
      return nodes
    },
    rp,
    maria,
    addPerson,
    addClient,
    async begin(parameters = {}, browser = new Browser(), at = rp) {
      const request = await at.begin(parameters)
      return { browser, request, page: await browser.get(request.url) }
    },
    typePassword: (at, typed = {}) =>
      provider.submit(at, { intent: 'sign-in', username: 'maria', password, ...typed }),
    async atSecondStep(parameters = {}, browser = new Browser(), at = rp) {
      return provider.typePassword(await provider.begin(parameters, browser, at))
    },
    async submit({ browser, page, request }, fields) {
      return { browser, request, page: await browser.post(page.url, fields) }
    },
    async choose(at, factor = 'totp') {
      return { ...at, page: await choose(at.browser, at.page, factor) }
    },
    async redeem(at) {
      if (codeOf(at.page) === null)
        throw new Error(
          `no code: ${errorOf(at.page) ?? at.page.status} ${at.page.url} ${at.page.body.slice(-1200)}`,
        )
      return { ...at, tokens: await at.request.finish(at.page.url) }
    },
    async enrol(browser = new Browser(), parameters = {}) {
      const at = await provider.atSecondStep(parameters, browser)
      const { secret, codes, last } = await enrol(browser, at.page, clock)
      return { ...(await provider.redeem({ ...at, page: last })), secret, codes }
    },
    async enrolOther(username, parameters = {}) {
      const account = await addPerson(username)
      const at = await provider.typePassword(await provider.begin(parameters), { username })
      const { secret, codes, last } = await enrol(at.browser, at.page, clock)
      return { ...(await provider.redeem({ ...at, page: last })), secret, codes, account }
    },
    nextCode(secret) {
      clock.advance(30)
      return codeNow(secret, clock)
    },
    async signIn(secret, parameters = {}, browser = new Browser()) {
      const code = provider.nextCode(secret)
      const at = await provider.atSecondStep(parameters, browser)
      return provider.redeem(await provider.submit(at, { intent: 'answer', code }))
    },
    audit: (accountId = maria.id) => directory().audit(accountId, 1000),
    async restart() {
      await end()
      await start()
    },
    async close() {
      if (closed) return
      closed = true
      try {
        await end()
      } finally {
        providers -= 1
        if (providers === 0) backToNow()
      }
    },
  }
  return provider
}

/** The address on a page that begins the same request again. */
export const restartUrlOn = ({ body, url }: Answer): URL | undefined => {
  const way = /href="([^"]*\/auth\?[^"]*)"/.exec(body)?.[1]
  return way === undefined ? undefined : new URL(way.replaceAll('&amp;', '&'), url)
}
