import type { IncomingMessage, ServerResponse } from 'node:http'
import { Provider } from 'oidc-provider'
import type { Registry } from 'prom-client'
import { createAccountPages } from './account/account-pages.ts'
import { passingAttempts } from './attempts/attempts.ts'
import { createTrail } from './audit/trail.ts'
import { createAuthenticatorPages } from './authenticator/authenticator-pages.ts'
import { type Clock, systemClock } from './clock.ts'
import { ladderOf } from './config/policy-rules.ts'
import type { Config } from './config/schema.ts'
import { clientAddress } from './context/address.ts'
import { noPlaces, openPlaces } from './context/place.ts'
import { createSightings } from './context/sighting.ts'
import { createCookieSigner } from './crypto/cookie-signer.ts'
import { type RandomBytes, systemRandom } from './crypto/random.ts'
import { createSealer } from './crypto/sealing.ts'
import type { MailDelivery, PushDelivery, TextDelivery } from './delivery/delivery.ts'
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
import { createHandler } from './http/handler.ts'
import { createRegistry } from './http/metrics.ts'
import { nameOwnHost } from './http/own-host.ts'
import { type Readiness, readinessOf } from './http/readiness.ts'
import { createPasswordPages } from './interaction/password-pages.ts'
import { createRequestMemory } from './interaction/requests.ts'
import { currentRequestId, type Log, silentLog } from './log.ts'
import { createGuardedFetch, type OutboundFetch } from './outbound/guarded-fetch.ts'
import { createPages } from './pages/render.ts'
import { createHasher, type Hasher } from './passwords/hashing.ts'
import { secondFactor } from './plugin/second-factor.ts'
import { createAccountNames } from './provider/account-names.ts'
import { detailWords } from './provider/authorization-details.ts'
import { scopeOf } from './provider/claims.ts'
import { openNames } from './provider/clients/mtls.ts'
import { createRegistrations, manageSelfRegistered } from './provider/clients/registrations.ts'
import { createConfiguration } from './provider/configuration.ts'
import { createDeviceFlow } from './provider/devices/device-flow.ts'
import { openKeyRing } from './provider/keys/key-ring.ts'
import { attachLogout } from './provider/logout/logout.ts'
import { createTelling, type TellClients } from './provider/logout/logout-tokens.ts'
import { createEndings, type Endings } from './provider/logout/session-endings.ts'
import { messageFactors } from './provider/message-factors.ts'
import { openOutbound } from './provider/outbound.ts'
import { createOwnSessions } from './provider/own-sessions.ts'
import { createOwnPages } from './provider/pages.ts'
import { pairwiseSubjects } from './provider/pairwise.ts'
import { pushFactor, pushTransports, requestLimitsOf } from './provider/push-factor.ts'
import { tokenFactor } from './provider/token-factor.ts'
import { tokenLengths } from './provider/token-lengths.ts'
import { relatedOriginsFile, rpIdOf, webauthnOptions } from './provider/webauthn-options.ts'
import { embeddedStore } from './stores/embedded/embedded-store.ts'
import { storeAdapter } from './stores/oidc-adapter.ts'
import { redisStore } from './stores/redis/redis-store.ts'
import type { Store } from './stores/store.ts'

export interface Duepassi {
  handler(req: IncomingMessage, res: ServerResponse): void
  provider: Provider
  directory: Directory
  store: Store
  hasher: Hasher
  registry: Registry
  endings: Endings
  /** For sessions that somebody else has ended. */
  tell: TellClients
  /** Asks the stores, for `/health/ready`. */
  ready(): Promise<Readiness>
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
  push?: PushDelivery
  /** Outbound HTTP to addresses that others chose. */
  outbound?: OutboundFetch
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

/** What tells phones of requests; undefined where there is no authenticator app. */
export const openPush = async (
  config: Config,
  { clock, random, log, outbound }: { clock: Clock; random: RandomBytes; log: Log; outbound: OutboundFetch },
): Promise<PushDelivery | undefined> => {
  if (!config.push.enabled) return undefined
  const { pushDelivery } = await import('./delivery/push/push-delivery.ts')
  return pushDelivery({
    issuer: config.issuer,
    transports: await pushTransports(config),
    fetch: outbound,
    // These the administrator chose, and they may be next door.
    gatewayFetch: createGuardedFetch({ allowPrivate: true }),
    clock,
    random,
    log,
  })
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
    push: PushDelivery | undefined
  },
): Promise<Factor[]> => [
  webauthn(await webauthnOptions(config, parts.clock)),
  ...(parts.push ? [await pushFactor(config, parts.push, parts.clock)] : []),
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
  if (!config.keys.sealing) throw new DuepassiError('not_configured', 'keys.sealing is needed')
  const names = await openNames(config)
  const sealer = createSealer(config.keys.sealing, random)
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
  const ring = await openKeyRing({
    ...{ config, directory, record, clock, random, log },
    fetch: createGuardedFetch({ allowPrivate: true }),
  }).catch(async (error: unknown) => {
    await Promise.allSettled([store.close(), directory.close()])
    throw error
  })
  const mail = parts.mail ?? (await openMail(config))
  const texts = parts.texts ?? (await openTexts(config, { clock, log }))
  const outbound = parts.outbound ?? openOutbound(config)
  const push = parts.push ?? (await openPush(config, { clock, random, log, outbound }))
  const accountName = createAccountNames(directory)
  const notify = createNotifier({ directory, mail, clock, brand: config.brand, issuer: config.issuer })

  const sightingOf = createSightings({
    places: config.places.file === undefined ? noPlaces : await openPlaces(config.places.file),
    proxy: config.proxy,
  })
  const own = createOwnPages({ pages, requests, log })
  const device = createDeviceFlow({ config, store, clock, log, pages, own, record, accountName, sightingOf })

  const tell = createTelling({ provider: () => provider, log })
  const endings = createEndings({
    ...{ store, directory, clock, record, tell },
    seenOf: (session) => mfa.seenOf(session),
  })
  const ladder = ladderOf(config)
  const mfa = secondFactor({
    directory: unsealed,
    store,
    sealer,
    factors: await openFactors(config, { clock, hasher, directory, mail, texts, push }),
    messages: config.messages,
    requests: requestLimitsOf(config),
    async reported(id, late) {
      await directory.changeAccount(id, { passwordDue: clock.now() })
      if (late) await endings.account(id, { reason: 'reported', ...late })
    },
    async locked(id) {
      // Sign-ins under way are refused by the lock, and their pages say so.
      await endings.account(id, { reason: 'locked', exceptSignIn: 'all' })
    },
    async endSession(id, uid, exceptSignIn) {
      await endings.session(id, uid, { reason: 'reported', exceptSignIn })
    },
    policy: { ...config.policy, offer: config.policy.offer && config.push.enabled, ladder },
    sightingOf,
    groups: async (id) => (await directory.accountById(id))?.groups ?? [],
    attempts: config.attempts,
    brand: config.brand,
    accountName,
    notify,
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
        log,
        directory,
        ask: mfa.askInBackchannel,
        outbound,
        adapter: storeAdapter({
          store,
          clock,
          clients: createRegistrations({ config, clock, directory, store, record }),
          lengths: tokenLengths,
        }),
        jwks: ring.now().jwks,
        cookieSigner: createCookieSigner(() => ring.now().cookies),
        pages: own,
        device,
        names,
        pairwise: pairwiseSubjects({
          key: config.keys.pairwise,
          store,
          seconds: config.lifetimes.refreshToken,
        }),
      }),
    ),
  )
  mfa.attach(provider)
  manageSelfRegistered(provider)
  ring.serve(provider)
  attachLogout(provider, { pages, log })
  device.attach(provider)
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
    clock,
    minLength: config.passwords.minLength,
    maxLength: config.passwords.maxLength,
    notify(notice) {
      notify(notice).catch((error: unknown) =>
        log.error({ err: error, notice: notice.kind }, 'a person could not be told'),
      )
    },
    async endOthers(accountId, sessionUid) {
      await endings.account(accountId, { reason: 'password-changed', except: sessionUid })
    },
    accountName,
    scopeOf,
    wordsOf: detailWords(config),
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
    sessions: createOwnSessions({
      ...{ store, clock, directory, seenOf: mfa.seenOf, ladder, endings },
      sessionOfToken: async (token) => (await provider.AccessToken.find(token))?.sessionUid,
    }),
    strongAcrs: ladder.filter(({ asks }) => asks !== 'one-factor').map(({ acr }) => acr),
    describe: describeMethod,
    rpId: rpIdOf(config),
  })
  const authenticatorPages = config.push.enabled
    ? createAuthenticatorPages({
        issuer: config.issuer,
        brand: config.brand,
        authenticators: mfa.authenticators,
        addressOf: (req) => clientAddress(req, config.proxy),
        log,
      })
    : undefined
  const handler = createHandler({
    nameOwnHost: nameOwnHost({
      issuer: config.issuer,
      other: config.protocol.mtls.origin,
      proxy: config.proxy,
    }),
    fresh: ring.fresh,
    protocol,
    accountPages,
    authenticatorPages,
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
    endings,
    tell,
    ready: () => readinessOf({ store, directory }),
    async close() {
      await Promise.allSettled([ring.close(), endings.settled()])
      await Promise.allSettled([
        store.close(),
        directory.close(),
        mail?.close(),
        texts?.close(),
        push?.close(),
      ])
    },
  }
}

/** What the security page says of a credential beyond its record. */
const describeMethod = (credential: Credential): { synced?: boolean; userHandle?: string } => {
  if (credential.factor !== 'webauthn') return {}
  const { synced, userHandle } = describeCredential(credential)
  return { synced, userHandle }
}
