import type { IncomingMessage, ServerResponse } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import { Provider } from 'oidc-provider'
import { Gauge, Registry } from 'prom-client'
import { type AccountPages, createAccountPages } from './account/account-pages.ts'
import { passingAttempts } from './attempts/attempts.ts'
import { createTrail } from './audit/trail.ts'
import { endSignIns } from './challenge/sign-ins.ts'
import { type Clock, systemClock } from './clock.ts'
import { ladderOf } from './config/policy-rules.ts'
import type { Config } from './config/schema.ts'
import { noPlaces, openPlaces } from './context/place.ts'
import { createSightings } from './context/sighting.ts'
import { createCookieSigner } from './crypto/cookie-signer.ts'
import { type RandomBytes, systemRandom } from './crypto/random.ts'
import { createSealer } from './crypto/sealing.ts'
import type { MailDelivery, TextDelivery } from './delivery/delivery.ts'
import { createNotifier } from './delivery/notifier.ts'
import type { Credential, Directory } from './directory/directory.ts'
import { sealedDirectory } from './directory/sealed.ts'
import { migrate as migrateDatabase } from './directory/sql/migrate.ts'
import { sqlDirectory } from './directory/sql/sql-directory.ts'
import { DuepassiError } from './errors.ts'
import type { Factor } from './factors/factor.ts'
import { recoveryCodes } from './factors/recovery-code/recovery-code.ts'
import { totp } from './factors/totp/totp.ts'
import { describeCredential } from './factors/webauthn/credential.ts'
import { webauthn } from './factors/webauthn/webauthn.ts'
import { createPasswordPages, interactionArea } from './interaction/password-pages.ts'
import { createRequestMemory } from './interaction/requests.ts'
import { currentRequestId, type Log, silentLog } from './log.ts'
import { createPages } from './pages/render.ts'
import { createHasher, type Hasher } from './passwords/hashing.ts'
import { secondFactor } from './plugin/second-factor.ts'
import { scopeOf } from './provider/claims.ts'
import { createConfiguration } from './provider/configuration.ts'
import { messageFactors } from './provider/message-factors.ts'
import { createOwnPages } from './provider/pages.ts'
import { tokenFactor } from './provider/token-factor.ts'
import { tokenLengths } from './provider/token-lengths.ts'
import {
  relatedOriginsFile,
  relatedOriginsPath,
  rpIdOf,
  webauthnOptions,
} from './provider/webauthn-options.ts'
import { embeddedStore } from './stores/embedded/embedded-store.ts'
import { revokeAccount, storeAdapter } from './stores/oidc-adapter.ts'
import { redisStore } from './stores/redis/redis-store.ts'
import type { Store } from './stores/store.ts'

export interface Duepassi {
  handler(req: IncomingMessage, res: ServerResponse): void
  provider: Provider
  directory: Directory
  store: Store
  hasher: Hasher
  registry: Registry
  /** Asks the stores, for `/health/ready`. */
  ready(): Promise<Record<'store' | 'directory', 'ok' | 'down'>>
  close(): Promise<void>
}

/** What tests, the demo and the benchmark put in the place of the real thing. */
export interface Parts {
  clock?: Clock
  random?: RandomBytes
  log?: Log
  hasher?: Hasher
  mail?: MailDelivery
  texts?: TextDelivery
  /** Put between the stores and all that use them. */
  wrapStore?: (store: Store) => Store
  wrapDirectory?: (directory: Directory) => Directory
}

const asIs = <Kind>(given: Kind): Kind => given

/** The stores that a configuration names, for one process or one command. */
export const openStore = (
  config: Config,
  { clock = systemClock, log = silentLog }: Pick<Parts, 'clock' | 'log'> = {},
): Store => (config.redis ? redisStore(config.redis, log) : embeddedStore({ file: config.store.file, clock }))

const openUnsealed = (config: Config, log: Log): Promise<Directory> =>
  sqlDirectory({ url: config.database.url, pool: config.database.pool, log })

export const openDirectory = async (
  config: Config,
  { random = systemRandom, log = silentLog }: Pick<Parts, 'random' | 'log'> = {},
): Promise<Directory> =>
  sealedDirectory(await openUnsealed(config, log), createSealer(config.keys.sealing ?? [], random))

/** The mail server that a configuration names, if any; loaded only then, as the library takes memory and time. */
export const openMail = async ({ mail, brand }: Config): Promise<MailDelivery | undefined> => {
  if (!mail.url || !mail.from) return undefined
  const { smtpDelivery } = await import('./delivery/smtp/smtp.ts')
  return smtpDelivery({ url: mail.url, from: mail.from, name: brand.name })
}

/** The service for text messages that a configuration names, if any. */
export const openTexts = async (
  { sms: { webhook, smpp } }: Config,
  { clock, log }: { clock: Clock; log: Log },
): Promise<TextDelivery | undefined> => {
  if (webhook.url && webhook.secret) {
    const { webhookDelivery } = await import('./delivery/sms-webhook/sms-webhook.ts')
    return webhookDelivery({ url: webhook.url, secret: webhook.secret, fetch: globalThis.fetch, clock, log })
  }
  if (!smpp.url || !smpp.from) return undefined
  const { smppDelivery } = await import('./delivery/smpp/smpp.ts')
  return smppDelivery({ url: smpp.url, from: smpp.from, log })
}

/**
 * The factors that a configuration offers, best first: what cannot be phished, codes that are typed, what is sent, and what
 * is left when all else is lost.
 */
export const openFactors = async (
  config: Config,
  parts: {
    clock: Clock
    hasher: Hasher
    directory: Pick<Directory, 'accountById' | 'tokens' | 'tokenBySerial' | 'assignToken'>
    mail: MailDelivery | undefined
    texts: TextDelivery | undefined
  },
): Promise<Factor[]> => [
  webauthn(await webauthnOptions(config, parts.clock)),
  totp({ window: config.totp.window as 0 | 1 }),
  ...(config.tokens.enabled ? [tokenFactor(config.tokens, parts.directory)] : []),
  ...messageFactors({ config, ...parts }),
  recoveryCodes({ hasher: parts.hasher }),
]

/** Brings the database up to date, under a lock; answers the names of the migrations that ran. */
export const migrate = (config: Config): Promise<string[]> => migrateDatabase(config.database.url)

/** The only place that sees every implementation: the ready provider, from its configuration. */
export const compose = async (config: Config, parts: Parts = {}): Promise<Duepassi> => {
  const { clock = systemClock, random = systemRandom, log = silentLog } = parts
  const { cookies, sealing } = config.keys
  if (!cookies || !sealing || !config.keys.signing)
    throw new DuepassiError('not_configured', 'keys.signing, keys.cookies and keys.sealing are needed')
  const sealer = createSealer(sealing, random)
  const { wrapStore = asIs, wrapDirectory = asIs } = parts
  const store = wrapStore(openStore(config, { clock, log }))
  const unsealed = wrapDirectory(await openUnsealed(config, log))
  const directory = sealedDirectory(unsealed, sealer)
  const hasher = parts.hasher ?? createHasher({ ...config.passwords.hashing, random })
  const pages = createPages({
    brand: config.brand,
    secure: config.issuer.startsWith('https:'),
    random,
    clock,
  })
  const requests = createRequestMemory({ store, log })
  const record = createTrail({ directory, clock, random, requestId: currentRequestId })
  const mail = parts.mail ?? (await openMail(config))
  const texts = parts.texts ?? (await openTexts(config, { clock, log }))
  const accountName = createAccountNames(directory)

  const ladder = ladderOf(config)
  const mfa = secondFactor({
    directory: unsealed,
    store,
    sealer,
    factors: await openFactors(config, { clock, hasher, directory, mail, texts }),
    messages: config.messages,
    policy: { ...config.policy, ladder },
    sightingOf: createSightings({
      places: config.places.file === undefined ? noPlaces : await openPlaces(config.places.file),
      proxy: config.proxy,
    }),
    groups: async (id) => (await directory.accountById(id))?.groups ?? [],
    attempts: config.attempts,
    brand: config.brand,
    accountName,
    notify: createNotifier({ directory, mail, clock, brand: config.brand, issuer: config.issuer }),
    signInSeconds: config.lifetimes.interaction,
    pages,
    clock,
    random,
    log,
    requestId: currentRequestId,
  })

  const provider = new Provider(
    config.issuer,
    mfa.configure(
      createConfiguration({
        config,
        clock,
        directory,
        adapter: storeAdapter({
          store,
          clock,
          clients: { find: (id) => directory.clientById(id) },
          lengths: tokenLengths,
        }),
        cookieSigner: createCookieSigner(cookies.map((key) => Buffer.from(key, 'base64'))),
        pages: createOwnPages({ pages, requests, log }),
      }),
    ),
  )
  mfa.attach(provider)
  provider.proxy = config.proxy
  const passwordPages = createPasswordPages({
    provider: () => provider,
    directory,
    hasher,
    attempts: passingAttempts({ store, clock, limits: config.passwords }),
    record,
    pages,
    requests,
    log,
    requestId: currentRequestId,
    maxLength: config.passwords.maxLength,
    accountName,
    scopeOf,
    primarySucceeded: mfa.primarySucceeded,
    ...(config.policy.trustedDevices.kind === 'bound' && { boundTo: config.issuer }),
    ...(config.webauthn.passkeys && {
      passkeys: { rpId: rpIdOf(config), question: mfa.passkeyQuestion, signIn: mfa.signInWithPasskey },
    }),
  })
  const protocol = provider.callback()
  const accountPages = createAccountPages({
    issuer: config.issuer,
    handler: protocol,
    store,
    sealer,
    clock,
    random,
    log,
    requestId: currentRequestId,
    pages,
    account: (id) => directory.accountById(id),
    changes: mfa.changes,
    devices: mfa.devices,
    policyOf: mfa.policyOf,
    async endOtherSessions(accountId, accessToken) {
      const token = await provider.AccessToken.find(accessToken)
      await endSignIns(store, accountId)
      await revokeAccount(store, accountId, clock, token?.sessionUid)
    },
    strongAcrs: ladder.filter(({ asks }) => asks !== 'one-factor').map(({ acr }) => acr),
    describe: describeMethod,
    rpId: rpIdOf(config),
  })
  const handler = createHandler({
    protocol,
    accountPages,
    secondStep: mfa.routes(),
    passwordPages,
    relatedOrigins: relatedOriginsFile(config),
    log,
  })

  return {
    handler,
    provider,
    directory,
    store,
    hasher,
    registry: createRegistry(hasher),
    async ready() {
      const [storeAnswer, directoryAnswer] = await Promise.all([
        answers(store.ping()),
        answers(directory.ping()),
      ])
      return { store: storeAnswer, directory: directoryAnswer }
    },
    async close() {
      await Promise.allSettled([store.close(), directory.close(), mail?.close(), texts?.close()])
    },
  }
}

const mostNames = 1_000

/** The user name of an account, which never changes, so that a sign-in asks for it once and not at every step. */
const createAccountNames = (directory: Pick<Directory, 'accountById'>) => {
  const names = new Map<string, string>()
  return async (id: string): Promise<string> => {
    const known = names.get(id) ?? (await directory.accountById(id))?.username
    if (known === undefined) return id
    if (names.size >= mostNames) names.clear()
    names.set(id, known)
    return known
  }
}

/** What the security page says of a credential beyond its record. */
const describeMethod = (credential: Credential): { synced?: boolean; userHandle?: string } => {
  if (credential.factor !== 'webauthn') return {}
  const { synced, userHandle } = describeCredential(credential)
  return { synced, userHandle }
}

/** oidc-provider adds the hashes of its own scripts (account switch, form_post) to this header. */
const policyOfProtocolPages = "default-src 'none'; script-src 'none'; base-uri 'none'; frame-ancestors 'none'"

/** The only addresses of oidc-provider that answer pages. */
const answersPages = (url: string): boolean => url.startsWith('/auth') || url.startsWith('/session')

/** Our pages and oidc-provider side by side: tokens are not asked whether they might be a page. */
const createHandler =
  (parts: {
    protocol: (req: IncomingMessage, res: ServerResponse) => Promise<void>
    secondStep: ReturnType<ReturnType<typeof secondFactor>['routes']>
    passwordPages: ReturnType<typeof createPasswordPages>
    accountPages: AccountPages
    /** The document at `/.well-known/webauthn`, if there is one. */
    relatedOrigins: string | undefined
    log: Log
  }): Duepassi['handler'] =>
  (req, res) => {
    const url = req.url ?? '/'
    if (url === relatedOriginsPath && parts.relatedOrigins !== undefined)
      return void res
        .writeHead(200, { 'content-type': 'application/json', 'cache-control': 'public, max-age=3600' })
        .end(req.method === 'HEAD' ? undefined : parts.relatedOrigins)
    const ofAccount = url.startsWith('/account')
    if (!url.startsWith(interactionArea) && !ofAccount) {
      if (answersPages(url)) res.setHeader('content-security-policy', policyOfProtocolPages)
      return void parts.protocol(req, res)
    }
    const answer = async () => {
      if (ofAccount) return void ((await parts.accountPages(req, res)) || parts.protocol(req, res))
      const next = async () => (await parts.passwordPages(req, res)) || parts.protocol(req, res)
      await parts.secondStep(req, res, next)
    }
    answer().catch((error: unknown) => {
      parts.log.error({ err: error }, 'a page could not be answered')
      if (!res.headersSent) res.writeHead(500, { 'content-type': 'text/plain' })
      res.end()
    })
  }

const createRegistry = (hasher: Hasher): Registry => {
  const registry = new Registry()
  new Gauge({
    name: 'duepassi_password_hashes_waiting',
    help: 'Sign-ins that wait for a password hash.',
    registers: [registry],
    collect() {
      this.set(hasher.gate.waiting)
    },
  })
  return registry
}

/** Milliseconds that a store has to answer; a probe asks again soon enough. */
const patience = 2_000

const answers = (ping: Promise<void>): Promise<'ok' | 'down'> =>
  Promise.race([ping.then(() => 'ok' as const), pause(patience, 'down' as const, { ref: false })]).catch(
    () => 'down' as const,
  )
