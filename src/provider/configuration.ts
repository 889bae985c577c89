import type { Configuration } from 'oidc-provider'
import { accountClient } from '../account/account-client.ts'
import type { Clock } from '../clock.ts'
import type { Config } from '../config/schema.ts'
import type { CookieSigner } from '../crypto/cookie-signer.ts'
import type { Directory } from '../directory/directory.ts'
import type { Log } from '../log.ts'
import type { OutboundFetch } from '../outbound/guarded-fetch.ts'
import { mustBeBoolean } from '../plugin/facts.ts'
import { consentToDetails } from './authorization-details.ts'
import { type ciba, requestLife } from './ciba.ts'
import { claims } from './claims.ts'
import { clientAuthMethods } from './clients/client-authentication.ts'
import type { CertificateNames } from './clients/client-certificate.ts'
import { codeLife } from './clients/fapi.ts'
import { mtlsAliases } from './clients/mtls.ts'
import { pkceRequired } from './clients/pkce.ts'
import { protocolMetadata } from './clients/protocol-metadata.ts'
import { rotateRefreshToken } from './clients/refresh-rotation.ts'
import { selfRegistered } from './clients/self-registration.ts'
import { assertionRules } from './clients/signed-by-clients.ts'
import { clientBasedCORS } from './cross-origin.ts'
import type { DeviceFlow } from './devices/device-flow.ts'
import { features } from './features.ts'
import { consentProperty, loadExistingGrant } from './grants.ts'
import { signatureAlgorithms } from './keys/algorithms.ts'
import { enabledAlgorithms, signatureDefaults } from './keys/enabled-algorithms.ts'
import { lifetimes, limitSessions } from './lifetimes.ts'
import { frontchannelDiscovery } from './logout/frontchannel-logout.ts'
import {
  sessionProperty as frontchannelSession,
  uriProperty as frontchannelUri,
  mustBeFrontchannel,
} from './logout/frontchannel-uri.ts'
import { askForNewPasswords, withPasswordDue } from './new-password-prompt.ts'
import type { OwnPages } from './pages.ts'
import type { PairwiseSubjects } from './pairwise.ts'
import { bitsOfToken } from './token-lengths.ts'

interface Parts {
  config: Config
  clock: Clock
  log: Log
  directory: Pick<Directory, 'accountById' | 'accountByName'>
  adapter: NonNullable<Configuration['adapter']>
  /** The keys of the start; the ring puts others into their place. */
  jwks: NonNullable<Configuration['jwks']>['keys']
  cookieSigner: CookieSigner
  pages: OwnPages
  device: DeviceFlow
  pairwise: PairwiseSubjects
  /** Where clients are known by the names in their certificates. */
  names: CertificateNames | undefined
  /** Asks somebody on their phone; used where there is an authenticator app. */
  ask: Parameters<typeof ciba>[0]['ask']
  /** For addresses that others chose. */
  outbound: OutboundFetch
}

/** Our own oidc-provider, still without the second factor: `mfa.configure()` adds that. */
export const createConfiguration = ({
  config,
  clock,
  log,
  directory,
  adapter,
  jwks,
  cookieSigner,
  pages,
  device,
  pairwise,
  names,
  ask,
  outbound,
}: Parts): Configuration => {
  const secure = config.issuer.startsWith('https:')
  const algorithms = signatureAlgorithms(config)
  const ofProtocol = protocolMetadata(config, names)
  return {
    adapter,
    jwks: { keys: jwks },
    clients: [accountClient(config.issuer, config.brand)],
    clientDefaults: signatureDefaults(algorithms),
    enabledJWA: enabledAlgorithms(algorithms),
    clientAuthMethods: clientAuthMethods(config),
    clientBasedCORS,
    assertJwtClientAuthClaimsAndHeader: assertionRules(clock),
    cookies: {
      keys: cookieSigner as unknown as NonNullable<NonNullable<Configuration['cookies']>['keys']>,
      // `__Host-` binds the session to this very host; the others are bound to a path, which the prefix forbids.
      names: {
        session: secure ? '__Host-duepassi' : 'duepassi',
        interaction: secure ? '__Secure-interaction' : 'interaction',
        resume: secure ? '__Secure-resume' : 'resume',
      },
      long: { signed: true, httpOnly: true, sameSite: sessionSameSite(config), secure, path: '/' },
      short: { signed: true, httpOnly: true, sameSite: 'lax', secure },
    },
    claims,
    discovery: { ...frontchannelDiscovery, ...mtlsAliases(config) },
    enableHttpPostMethods: config.protocol.postAuthorization,
    extraClientMetadata: selfRegistered(
      {
        properties: [...ofProtocol.properties, consentProperty, frontchannelUri, frontchannelSession],
        validator(ctx, key, value, metadata) {
          ofProtocol.validator(ctx, key, value, metadata)
          mustBeBoolean(consentProperty)(ctx, key, value)
          mustBeFrontchannel(ctx, key, value, metadata)
        },
      },
      config,
      clock,
    ),
    features: features({ config, clock, pages, device, names, phones: { directory, ask, log } }),
    formats: { bitsOfOpaqueRandomness: bitsOfToken },
    ...pairwise.configuration,
    findAccount: async (ctx, sub) => {
      const account = await directory.accountById(await pairwise.accountIdOf(ctx, sub))
      return account && account.disabledAt === null ? withPasswordDue(account) : undefined
    },
    interactions: {
      policy: consentToDetails(askForNewPasswords(limitSessions(config.lifetimes, clock), clock), config),
      url: (_ctx, interaction) => `/interaction/${interaction.uid}`,
    },
    issueRefreshToken: async (_ctx, client) => client.grantTypeAllowed('refresh_token'),
    loadExistingGrant,
    pkce: { required: pkceRequired(config.protocol.pkce) },
    rotateRefreshToken,
    allowOmittingSingleRegisteredRedirectUri: false,
    renderError: pages.error,
    responseTypes: config.protocol.responseTypes,
    conformIdTokenClaims: config.protocol.idTokenClaims === 'requested',
    ttl: {
      ...lifetimes(config.lifetimes, clock),
      AuthorizationCode: codeLife(config.lifetimes.authorizationCode),
      BackchannelAuthenticationRequest: requestLife(config.push.seconds),
      DeviceCode: config.protocol.device.seconds,
    },
    fetch: (url, init) => outbound(String(url), init),
  }
}

/** Authorization requests by POST come from the pages of others, which send no cookie that is less than this. */
const sessionSameSite = ({ protocol }: Config): 'none' | 'lax' =>
  protocol.postAuthorization ? 'none' : 'lax'
