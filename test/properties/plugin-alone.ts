import type { IncomingMessage, ServerResponse } from 'node:http'
import { exportJWK, generateKeyPair } from 'jose'
import { type Configuration, errors, type KoaContextWithOIDC, Provider } from 'oidc-provider'
import type { Clock } from '../../src/clock.ts'
import type { RandomBytes } from '../../src/crypto/random.ts'
import type { Sealer } from '../../src/crypto/sealing.ts'
import type { SecondFactorDirectory, Sighting } from '../../src/directory/directory.ts'
import { recoveryCodes } from '../../src/factors/recovery-code/recovery-code.ts'
import { createLog } from '../../src/log.ts'
import type { Pages } from '../../src/pages/pages.ts'
import { type SecondFactor, secondFactor } from '../../src/plugin/second-factor.ts'
import type { Ladder, Strength } from '../../src/policy/acr.ts'
import type { Store } from '../../src/stores/store.ts'
import { cheapHasher } from '../support/provider.ts'
import { scriptedKeys, totpWithoutDrawing } from './quick-factors.ts'
import type { Client, RunPolicy } from './what-is-demanded.ts'

export const issuer = 'https://op.example'

/** What oidc-provider keeps of a browser that is signed in (its `Session`). */
export interface Session {
  uid: string
  accountId?: string
  acr?: string
  amr?: string[]
  loginTs?: number
}

/** What waits for a person (its `Interaction`). */
export interface Interaction {
  uid: string
  prompt: { name: string }
  params: Record<string, unknown>
  session?: Required<Pick<Session, 'accountId' | 'uid' | 'acr' | 'amr'>>
  lastSubmission?: Record<string, unknown> | undefined
  returnTo: string
  /** Milliseconds until which it lives. */
  until: number
  result?: Record<string, unknown>
  persist(): Promise<string>
}

export interface Request {
  method: 'GET' | 'POST'
  url: string
  headers: Record<string, string>
  body?: Record<string, string>
  socket: { remoteAddress: string }
  interaction: Interaction
  sighting: Sighting
}

/** What came back: a page, or a redirect; and cookies. */
export interface Response {
  page?: { view: string; locals: Record<string, unknown> }
  location?: string
  cookies: string[]
}

export interface PluginAlone {
  mfa: SecondFactor
  configured: Configuration
  provider: Provider
  submit(request: Request): Promise<Response>
  /** A call of the host's login page. */
  call(
    request: Request,
    run: (req: IncomingMessage, res: ServerResponse) => Promise<unknown>,
  ): Promise<Response>
}

const strengths: readonly Strength[] = ['one-factor', 'two-factors', 'phishing-resistant', 'hardware']

/** Seals nothing, which is as fast as it gets; but opens nothing that belongs elsewhere. */
const sealer: Sealer = {
  seal: (plain, binding) => `${binding} ${plain}`,
  open(sealed, binding) {
    if (!sealed.startsWith(`${binding} `)) throw new TypeError('a record that belongs elsewhere')
    return sealed.slice(binding.length + 1)
  },
  reseal: (sealed) => sealed,
}

let keys: Promise<Configuration['jwks']> | undefined
const signingKeys = async (): Promise<Configuration['jwks']> => {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true })
  return { keys: [{ ...(await exportJWK(privateKey)), alg: 'ES256', use: 'sig' }] } as Configuration['jwks']
}

/** The few attempts that a lock takes here. */
export const lockAfter = 4

export interface PluginParts {
  policy: RunPolicy
  directory: SecondFactorDirectory
  store: Store
  clock: Clock
  random: RandomBytes
  groups(accountId: string): readonly string[]
  isThere(accountId: string): boolean
  client(clientId: string): Client | undefined
  /** Whether a session is still there, and whose it is. */
  session(uid: string): Session | undefined
}

/**
 * The whole plugin in an oidc-provider that serves nobody: its configuration, prompts, guards and pages are all there,
 * and are called as oidc-provider would call them. HTTP, JSON and signatures alone are left out.
 */
export const pluginAlone = async (parts: PluginParts): Promise<PluginAlone> => {
  const { policy } = parts
  const forbidsNothing = { factors: {} }
  const mfa = secondFactor({
    directory: parts.directory,
    store: parts.store,
    sealer,
    clock: parts.clock,
    random: parts.random,
    factors: [scriptedKeys(policy.attesting), totpWithoutDrawing(), recoveryCodes({ hasher: cheapHasher() })],
    policy: {
      secondFactor: policy.mode,
      ladder: policy.ladder.map(({ acr, worth, maxAge }) => ({
        acr,
        asks: strengths[worth] as Strength,
        ...(maxAge !== undefined && { maxAge }),
      })) satisfies Ladder,
      factors: policy.factors,
      groups: Object.fromEntries(
        Object.entries(policy.groups).map(([name, group]) => [name, { ...forbidsNothing, ...group }]),
      ),
      trustedDevices: { kind: policy.trust, days: policy.days },
      context: { reactions: policy.reactions, networks: ['203.0.113.0/24'], failures: 5 },
    },
    groups: async (accountId) => parts.groups(accountId),
    sightingOf: (req) => (req as unknown as Request).sighting,
    attempts: { freeFailures: 2, firstWait: 1, longestWait: 2, lockAfter },
    pages: answeringWithViews,
    // What cannot be answered is an error of ours: it ends the run.
    log: createLog('error', { write: (line) => failures.push(line) }),
  })
  keys ??= signingKeys()
  const configured = mfa.configure({
    jwks: (await keys) as NonNullable<Configuration['jwks']>,
    cookies: { keys: ['walked in tests'] },
    features: { devInteractions: { enabled: false } },
    interactions: { url: (_ctx, { uid }) => `/interaction/${uid}` },
    findAccount: async (_ctx, accountId) =>
      parts.isThere(accountId)
        ? { accountId, claims: async () => ({ sub: accountId }) as { sub: string } }
        : undefined,
  })
  const provider = new Provider(issuer, configured)
  mfa.attach(provider)
  provider.interactionDetails = async (req) => {
    const { interaction } = req as unknown as Request
    const { session, until } = interaction
    if (until <= parts.clock.now()) throw new errors.SessionNotFound('interaction session not found')
    if (session && parts.session(session.uid)?.accountId !== session.accountId)
      throw new errors.SessionNotFound('session not found')
    return interaction as unknown as Awaited<ReturnType<Provider['interactionDetails']>>
  }
  provider.Client.find = async (id) =>
    parts.client(id) as unknown as Awaited<ReturnType<Provider['Client']['find']>>
  provider.Session.findByUid = async (uid) => {
    const session = parts.session(uid)
    return (session && { ...session, authTime: () => session.loginTs }) as Awaited<
      ReturnType<Provider['Session']['findByUid']>
    >
  }
  const routes = mfa.routes()

  const call: PluginAlone['call'] = async (request, run) => {
    const response: Response = { cookies: [] }
    const res = {
      response,
      headersSent: false,
      appendHeader: (_name: string, value: string) => void response.cookies.push(value),
      writeHead(_status: number, headers: Record<string, string> = {}) {
        if (headers['Location'] !== undefined) response.location = headers['Location']
        return res
      },
      end() {},
    }
    await run(request as unknown as IncomingMessage, res as unknown as ServerResponse)
    const failure = failures.shift()
    if (failure !== undefined) throw new Error(`a page could not be answered: ${failure}`)
    return response
  }

  return {
    mfa,
    configured,
    provider,
    call,
    submit: (request) =>
      call(request, async (req, res) => {
        await routes(req, res)
      }),
  }
}

const failures: string[] = []

/** What a page would show, instead of the page. */
const answeringWithViews: Pages = {
  render: () => {
    throw new TypeError('nothing is rendered here')
  },
  send(_req, res, { view, locals }) {
    const { response } = res as unknown as { response: Response }
    response.page = { view, locals: locals as unknown as Record<string, unknown> }
  },
}

/** What oidc-provider hands to checks and listeners (its `OIDCContext`), for one request. */
export const contextOf = (given: {
  provider: Provider
  route: 'authorization' | 'resume' | 'token'
  req: object
  client: Client
  params: Record<string, unknown>
  session?: Session | undefined
  result?: Record<string, unknown> | undefined
  entities?: object
  account?: object | undefined
  now(): number
}): KoaContextWithOIDC => {
  const { provider, route, req, client, params, session, result, entities = {}, account, now } = given
  const prompts = new Set(typeof params['prompt'] === 'string' ? params['prompt'].split(' ') : [])
  const oidc = {
    provider,
    route,
    client,
    params,
    prompts,
    result,
    entities,
    account,
    claims: {},
    session: session && {
      ...session,
      authTime: () => session.loginTs,
      past: (age: unknown) =>
        session.loginTs === undefined || Math.floor(now() / 1000) - session.loginTs > Number(age),
      grantIdFor: () => undefined,
    },
    promptPending: (name: string) =>
      prompts.has(name) && !(route === 'resume' && Object.keys(result ?? {}).includes(name)),
    get acr() {
      return session?.acr
    },
  }
  return { req, oidc } as unknown as KoaContextWithOIDC
}
