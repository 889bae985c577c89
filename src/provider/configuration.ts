import { type ClientMetadata, type Configuration, errors, type KoaContextWithOIDC } from 'oidc-provider'
import { accountClient } from '../account/account-client.ts'
import type { Clock } from '../clock.ts'
import type { Config } from '../config/schema.ts'
import type { CookieSigner } from '../crypto/cookie-signer.ts'
import type { Directory } from '../directory/directory.ts'
import type { Log } from '../log.ts'
import type { OutboundFetch } from '../outbound/guarded-fetch.ts'
import { mustBeBoolean } from '../plugin/facts.ts'
import { ciba, requestLife } from './ciba.ts'
import { claims } from './claims.ts'
import { consentProperty, loadExistingGrant } from './grants.ts'
import { lifetimes, limitSessions } from './lifetimes.ts'
import { askForNewPasswords, withPasswordDue } from './new-password-prompt.ts'
import type { OwnPages } from './pages.ts'
import { signingKeys } from './signing-keys.ts'
import { bitsOfToken } from './token-lengths.ts'

interface Parts {
  config: Config
  clock: Clock
  log: Log
  directory: Pick<Directory, 'accountById' | 'accountByName'>
  adapter: NonNullable<Configuration['adapter']>
  cookieSigner: CookieSigner
  pages: OwnPages
  /** Asks somebody on their phone; used where there is an authenticator app. */
  ask: Parameters<typeof ciba>[0]['ask']
  /** For addresses that others chose. */
  outbound: OutboundFetch
}

/** What tokens may be signed with; the first is what a client gets that asks for nothing else. */
const signatures = ['ES256', 'EdDSA', 'PS256', 'RS256'] as const

/** Our own oidc-provider, still without the second factor: `mfa.configure()` adds that. */
export const createConfiguration = ({
  config,
  clock,
  log,
  directory,
  adapter,
  cookieSigner,
  pages,
  ask,
  outbound,
}: Parts): Configuration => {
  const secure = config.issuer.startsWith('https:')
  const algorithms = signatures.filter((alg) => config.keys.signing?.some((jwk) => fits(jwk, alg)))
  return {
    adapter,
    jwks: { keys: signingKeys(config.keys.signing ?? []) },
    clients: [accountClient(config.issuer, config.brand)],
    clientDefaults: { id_token_signed_response_alg: algorithms[0] ?? 'ES256' } as Partial<ClientMetadata>,
    enabledJWA: { idTokenSigningAlgValues: [...algorithms] },
    cookies: {
      keys: cookieSigner as unknown as NonNullable<NonNullable<Configuration['cookies']>['keys']>,
      // `__Host-` binds the session to this very host; the others are bound to a path, which the prefix forbids.
      names: {
        session: secure ? '__Host-duepassi' : 'duepassi',
        interaction: secure ? '__Secure-interaction' : 'interaction',
        resume: secure ? '__Secure-resume' : 'resume',
      },
      long: { signed: true, httpOnly: true, sameSite: 'lax', secure, path: '/' },
      short: { signed: true, httpOnly: true, sameSite: 'lax', secure },
    },
    claims,
    extraClientMetadata: { properties: [consentProperty], validator: mustBeBoolean(consentProperty) },
    features: {
      devInteractions: { enabled: false },
      claimsParameter: { enabled: true },
      externalSigningSupport: { enabled: true, ack: 'experimental-01' },
      ...(config.push.enabled && { ciba: ciba({ directory, ask, log }) }),
      clientCredentials: { enabled: true },
      introspection: {
        enabled: true,
        allowedPolicy: async (_ctx, client) => client.clientAuthMethod !== 'none',
      },
      revocation: {
        enabled: true,
        allowedPolicy: async (_ctx, client, token) => token.clientId === client.clientId,
      },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: resourceServers(config),
        useGrantedResource: async () => true,
      },
      rpInitiatedLogout: {
        enabled: true,
        logoutSource: pages.logout,
        postLogoutSuccessSource: pages.signedOut,
      },
    },
    formats: { bitsOfOpaqueRandomness: bitsOfToken },
    findAccount: async (_ctx, sub) => {
      const account = await directory.accountById(sub)
      return account && account.disabledAt === null ? withPasswordDue(account) : undefined
    },
    interactions: {
      policy: askForNewPasswords(limitSessions(config.lifetimes, clock), clock),
      url: (_ctx, interaction) => `/interaction/${interaction.uid}`,
    },
    issueRefreshToken: async (_ctx, client) => client.grantTypeAllowed('refresh_token'),
    loadExistingGrant,
    pkce: { required: () => true },
    allowOmittingSingleRegisteredRedirectUri: false,
    renderError: pages.error,
    responseTypes: ['code'],
    ttl: {
      ...lifetimes(config.lifetimes, clock),
      BackchannelAuthenticationRequest: requestLife(config.push.seconds),
    },
    fetch: (url, init) => outbound(String(url), init),
  }
}

const fits = (
  jwk: { kty: string; crv?: unknown; alg?: unknown },
  alg: (typeof signatures)[number],
): boolean => {
  if (jwk.alg !== undefined && jwk.alg !== alg) return false
  if (alg === 'ES256') return jwk.kty === 'EC' && jwk.crv === 'P-256'
  if (alg === 'EdDSA') return jwk.kty === 'OKP' && jwk.crv === 'Ed25519'
  return jwk.kty === 'RSA'
}

type ResourceServers = NonNullable<
  NonNullable<NonNullable<Configuration['features']>['resourceIndicators']>['getResourceServerInfo']
>

/** The resource servers of the configuration, for the clients it names; any other audience is refused (RFC 8707). */
const resourceServers =
  (config: Config): ResourceServers =>
  async (_ctx: KoaContextWithOIDC, resource: string, client) => {
    const known = config.resources.find(({ id }) => id === resource)
    const allowed = known?.clients.some((id) => id === client.clientId || id === '*')
    if (!known || !allowed) throw new errors.InvalidTarget()
    const alg =
      signatures.find((candidate) => config.keys.signing?.some((jwk) => fits(jwk, candidate))) ?? 'ES256'
    return {
      audience: known.id,
      scope: known.scopes.join(' '),
      accessTokenTTL: config.lifetimes.accessToken,
      ...(known.format === 'jwt'
        ? { accessTokenFormat: 'jwt' as const, jwt: { sign: { alg } } }
        : { accessTokenFormat: 'opaque' as const }),
    }
  }
