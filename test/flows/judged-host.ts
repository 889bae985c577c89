import { randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair } from 'jose'
import { type Configuration, errors, type KoaContextWithOIDC, Provider } from 'oidc-provider'
import { systemRandom } from '../../src/crypto/random.ts'
import { sealedDirectory } from '../../src/directory/sealed.ts'
import {
  createSealer,
  openDirectory,
  recoveryCodes,
  refedsLadder,
  type SecondFactor,
  type SecondFactorDirectory,
  type Store,
  secondFactor,
  totp,
} from '../../src/index.ts'
import { storeAdapter } from '../../src/stores/oidc-adapter.ts'
import { type MovableClock, movableClock } from '../support/clock.ts'
import { cheapHasher } from '../support/provider.ts'

/** Somebody's own oidc-provider with every response type and grant, and the plugin in it. */

export const redirectUri = 'https://rp.invalid/callback'
export const audience = 'https://api.example'
export const hostPassword = 'correct horse'
export const ciba = 'urn:openid:params:grant-type:ciba'
export const deviceGrant = 'urn:ietf:params:oauth:grant-type:device_code'
export const bareGrant = 'urn:test:bare'
export const admittedGrant = 'urn:test:admitted'
export const sourceGrant = 'urn:test:source'
const seconds = 60

/**
 * The policies among which the host changes: what was proven under one is judged by another. `lax`: one factor does;
 * `strict`: two are demanded, and a browser may be trusted; `ageing`: and they are good for a minute.
 */
export type PolicyName = 'lax' | 'strict' | 'ageing'

export interface JudgedHost {
  issuer: string
  clock: MovableClock
  directory: SecondFactorDirectory
  /** The policy that holds from now on. */
  policy: PolicyName
  readonly provider: Provider
  readonly clients: Map<string, Record<string, unknown>>
  readonly disabled: Set<string>
  /** Gives an account an app; answers its seed. */
  addApp(accountId: string): Promise<string>
  addCodes(accountId: string): Promise<void>
  /** All that is remembered of how sessions were proven is gone, as it is after thirty days. */
  forgetProofs(): Promise<void>
  /** What the next custom grant says that it proved. */
  says: { accountId: string; acr: string; amr: readonly string[]; factors: readonly string[] }
  close(): Promise<void>
}

/** Metadata of a relying party that may do everything. */
export const clientMetadata = (clientId: string): Record<string, unknown> => ({
  client_id: clientId,
  client_secret: randomBytes(32).toString('base64url'),
  redirect_uris: [redirectUri],
  token_endpoint_auth_method: 'client_secret_post',
  response_types: [
    ...['code', 'id_token', 'code id_token', 'code token'],
    ...['id_token token', 'code id_token token', 'none'],
  ],
  grant_types: [
    ...['authorization_code', 'implicit', 'refresh_token', 'client_credentials'],
    ...[deviceGrant, ciba, bareGrant, admittedGrant, sourceGrant],
  ],
  backchannel_token_delivery_mode: 'poll',
  id_token_signed_response_alg: 'ES256',
  request_object_signing_alg: 'HS256',
})

export const openJudgedHost = async (open: (clock: MovableClock) => Promise<Store>): Promise<JudgedHost> => {
  const clock = movableClock()
  const opened = await open(clock)
  const proofs = new Set<string>()
  const store: Store = {
    ...opened,
    put(key, value, lifetime) {
      if (key.startsWith('pf:')) proofs.add(key)
      return opened.put(key, value, lifetime)
    },
  }
  const unsealed = await openDirectory('sqlite::memory:')
  const sealer = createSealer([{ id: 'k1', key: randomBytes(32).toString('base64') }])
  const directory = sealedDirectory(unsealed, sealer)
  const clients: JudgedHost['clients'] = new Map()
  const disabled = new Set<string>()
  const codes = recoveryCodes({ hasher: cheapHasher() })
  const { privateKey } = await generateKeyPair('ES256', { extractable: true })
  const signing = { ...(await exportJWK(privateKey)), kid: 'k', alg: 'ES256', use: 'sig' }

  const plugin = (policy: NonNullable<Parameters<typeof secondFactor>[0]['policy']>): SecondFactor =>
    secondFactor({ directory: unsealed, store, sealer, factors: [totp(), codes], clock, policy })
  const trustedDevices = { kind: 'cookie' } as const
  const plugins: Record<PolicyName, SecondFactor> = {
    lax: plugin({ secondFactor: 'off', trustedDevices }),
    strict: plugin({ secondFactor: 'required', trustedDevices }),
    ageing: plugin({
      ladder: refedsLadder.map((level) =>
        level.asks === 'two-factors' ? { ...level, maxAge: seconds } : level,
      ),
    }),
  }

  const server = createServer((req, res) => void answer(req, res))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const base: Configuration = {
    ...hostConfiguration(disabled),
    adapter: storeAdapter({ store, clock, clients: { find: async (id) => clients.get(id) } }),
    cookies: { keys: [randomBytes(32).toString('hex')] },
    jwks: { keys: [signing as never] },
  }
  const providers = Object.fromEntries(
    Object.entries(plugins).map(([name, mfa]) => {
      const configured = mfa.configure(base)
      const provider = new Provider(issuer, configured)
      mfa.attach(provider)
      registerOwnGrants({ provider, mfa, says: () => host.says, findAccount: configured.findAccount })
      return [name, { provider, callback: provider.callback(), routes: mfa.routes() }]
    }),
  ) as Record<
    PolicyName,
    { provider: Provider; callback: Callback; routes: ReturnType<SecondFactor['routes']> }
  >
  type Callback = (req: IncomingMessage, res: ServerResponse) => Promise<void>

  const answer = async (req: IncomingMessage, res: ServerResponse): Promise<unknown> => {
    const { callback, routes } = providers[host.policy]
    if (await logIn(req, res)) return undefined
    return routes(req, res, () => callback(req, res))
  }
  /** The host's login page: any name that is not disabled, and one password. */
  const logIn = async (req: IncomingMessage, res: ServerResponse): Promise<boolean> => {
    if (!/^\/login\/[\w-]+$/.test(req.url ?? '')) return false
    let text = ''
    if (req.method === 'POST') for await (const chunk of req) text += String(chunk)
    const form = new URLSearchParams(text)
    const accountId = form.get('username') ?? ''
    if (form.get('password') === hostPassword && !disabled.has(accountId))
      await plugins[host.policy].primarySucceeded(req, res, { accountId, amr: ['pwd'] })
    else res.writeHead(200, { 'content-type': 'text/html' }).end('<form method="post">login</form>')
    return true
  }
  const contextOf = (accountId: string) => ({
    now: clock.now(),
    random: systemRandom,
    issuerName: 'Host',
    accountName: accountId,
  })
  let credentials = 0
  const add = async (accountId: string, factor: ReturnType<typeof totp>): Promise<string> => {
    credentials += 1
    const { secret } = await factor.enrolment.begin([], contextOf(accountId))
    const id = `credential-${credentials}`
    const record = { id, accountId, secret, label: '', handle: null, counter: 0, lastUsedAt: null }
    await directory.addCredential({ ...record, factor: factor.name, createdAt: clock.now() + credentials })
    return secret
  }

  const host: JudgedHost = {
    issuer,
    clock,
    directory,
    policy: 'strict',
    clients,
    disabled,
    says: { accountId: '', acr: '', amr: [], factors: [] },
    get provider() {
      return providers[host.policy].provider
    },
    addApp: (accountId) => add(accountId, totp()),
    async addCodes(accountId) {
      await add(accountId, codes)
    },
    async forgetProofs() {
      for (const key of proofs) await opened.drop(key)
    },
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      await Promise.all([unsealed.close(), opened.close()])
    },
  }
  return host
}

const hostConfiguration = (disabled: Set<string>): Configuration => ({
  features: {
    devInteractions: { enabled: false },
    introspection: { enabled: true, allowedPolicy: async () => true },
    claimsParameter: { enabled: true },
    clientCredentials: { enabled: true },
    requestObjects: { enabled: true },
    pushedAuthorizationRequests: { enabled: true },
    deviceFlow: {
      enabled: true,
      async userCodeInputSource(ctx: KoaContextWithOIDC, form: string) {
        ctx.body = form
      },
      async userCodeConfirmSource(ctx: KoaContextWithOIDC, form: string) {
        ctx.body = form
      },
      async successSource(ctx: KoaContextWithOIDC) {
        ctx.body = 'the device is signed in'
      },
    },
    resourceIndicators: {
      enabled: true,
      useGrantedResource: async () => true,
      getResourceServerInfo: async () => ({
        audience,
        scope: 'read',
        accessTokenFormat: 'jwt' as const,
        accessTokenTTL: 3_600,
        jwt: { sign: { alg: 'ES256' as const } },
      }),
    },
    ciba: {
      enabled: true,
      deliveryModes: ['poll'],
      processLoginHint: async (_ctx: unknown, hint: string) => hint,
      validateBindingMessage: async () => undefined,
      validateRequestContext: async () => undefined,
      verifyUserCode: async () => undefined,
      triggerAuthenticationDevice: async () => undefined,
    },
  } as NonNullable<Configuration['features']>,
  findAccount: async (_ctx, sub) =>
    disabled.has(sub) ? undefined : { accountId: sub, claims: async () => ({ sub }) },
  interactions: { url: (_ctx, interaction) => `/login/${interaction.uid}` },
  issueRefreshToken: async () => true,
  async loadExistingGrant(ctx) {
    const { client, account, provider, session } = ctx.oidc
    if (!client || !account) return undefined
    const known = session?.grantIdFor(client.clientId)
    if (known !== undefined) return provider.Grant.find(known)
    return grantOf(provider, account.accountId, client.clientId)
  },
  responseTypes: clientMetadata('any')['response_types'] as NonNullable<Configuration['responseTypes']>,
  scopes: ['openid', 'offline_access', 'read'],
  ttl: {
    ...{ AccessToken: 3_600, AuthorizationCode: 3_600, DeviceCode: 3_600, IdToken: 3_600 },
    ...{ BackchannelAuthenticationRequest: 3_600, ClientCredentials: 3_600, Interaction: 3_600 },
    ...{ Session: 36_000, Grant: 36_000, RefreshToken: 36_000 },
  },
})

/** All that the relying party may have of an account. */
export const grantOf = async (provider: Provider, accountId: string, clientId: string) => {
  const grant = new provider.Grant({ accountId, clientId })
  grant.addOIDCScope('openid read')
  grant.addResourceScope(audience, 'read')
  await grant.save()
  return grant
}

/**
 * Grants of the host's own: one that asks nobody, one that says what it proved by `mfa.admit`, and one that looks the
 * account up by the token it rests on, as oidc-provider's own do.
 */
const registerOwnGrants = (host: {
  provider: Provider
  mfa: SecondFactor
  says(): JudgedHost['says']
  findAccount: Configuration['findAccount']
}): void => {
  const { provider, mfa, says } = host
  const issue = async (ctx: KoaContextWithOIDC, accountId: string): Promise<void> => {
    const { client } = ctx.oidc
    const grant = await grantOf(provider, accountId, client?.clientId ?? '')
    const token = new provider.AccessToken({
      accountId,
      client,
      scope: 'openid',
      grantId: grant.jti,
      gty: 'own',
    } as never)
    ctx.body = { access_token: await token.save(), token_type: 'Bearer' }
  }
  const mustExist = async (ctx: KoaContextWithOIDC, accountId: string, token?: object): Promise<void> => {
    if (!(await host.findAccount?.(ctx, accountId, token as never)))
      throw new errors.InvalidGrant('there is no such account')
  }
  provider.registerGrantType(bareGrant, async (ctx) => {
    await mustExist(ctx, says().accountId)
    await issue(ctx, says().accountId)
  })
  provider.registerGrantType(admittedGrant, async (ctx) => {
    await mustExist(ctx, says().accountId)
    await mfa.admit(ctx, says()).catch((error: unknown) => {
      throw error instanceof TypeError ? new errors.InvalidGrant(error.message) : error
    })
    await issue(ctx, says().accountId)
  })
  const handleSource = async (ctx: KoaContextWithOIDC): Promise<void> => {
    const source = await provider.RefreshToken.find(String(ctx.oidc.params?.['source']))
    if (!source?.accountId) throw new errors.InvalidGrant('there is no such token')
    await mustExist(ctx, source.accountId, source)
    ctx.oidc.entity('RefreshToken', source)
    await issue(ctx, source.accountId)
  }
  provider.registerGrantType(sourceGrant, handleSource, ['source'])
}
