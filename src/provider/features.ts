import type { Configuration } from 'oidc-provider'
import type { Clock } from '../clock.ts'
import type { Config } from '../config/schema.ts'
import { authorizationDetails, resourcesOfDetails } from './authorization-details.ts'
import { ciba } from './ciba.ts'
import type { CertificateNames } from './clients/client-certificate.ts'
import { dPoP } from './clients/dpop.ts'
import { profileOf } from './clients/fapi.ts'
import { mTLS } from './clients/mtls.ts'
import { requestObjects } from './clients/signed-by-clients.ts'
import type { DeviceFlow } from './devices/device-flow.ts'
import { mayAskAbout } from './introspection.ts'
import type { OwnPages } from './pages.ts'
import { resourceServers } from './resource-servers.ts'

type Features = NonNullable<Configuration['features']>

type FapiProfileOf = Extract<NonNullable<Features['fapi']>['profile'], (...args: never) => unknown>

interface Parts {
  config: Config
  clock: Clock
  pages: OwnPages
  device: DeviceFlow
  names: CertificateNames | undefined
  /** What CIBA needs; used where there is an authenticator app. */
  phones: Parameters<typeof ciba>[0]
}

/** What the provider speaks, of all that oidc-provider can. */
export const features = ({ config, clock, pages, device, names, phones }: Parts): Features => ({
  devInteractions: { enabled: false },
  externalSigningSupport: { enabled: true, ack: 'experimental-01' },
  claimsParameter: { enabled: true },
  clientCredentials: { enabled: true },
  pushedAuthorizationRequests: { enabled: true },
  requestObjects: requestObjects(clock),
  jwtResponseModes: { enabled: true },
  jwtUserinfo: { enabled: true },
  jwtIntrospection: { enabled: true },
  encryption: { enabled: true },
  rpMetadataChoices: { enabled: true },
  dPoP: dPoP(config),
  mTLS: mTLS(config, names),
  fapi: { enabled: true, profile: profileOf as FapiProfileOf },
  ...(config.push.enabled && { ciba: ciba(phones) }),
  introspection: { enabled: true, allowedPolicy: mayAskAbout },
  revocation: {
    enabled: true,
    allowedPolicy: async (_ctx, client, token) => token.clientId === client.clientId,
  },
  resourceIndicators: {
    enabled: true,
    getResourceServerInfo: resourceServers(config),
    useGrantedResource: async () => true,
    defaultResource: async ({ oidc }, _client, oneOf) => oneOf ?? resourcesOfDetails(config, oidc.params),
  },
  richAuthorizationRequests: authorizationDetails(config),
  deviceFlow: device.feature,
  backchannelLogout: { enabled: true },
  registration: {
    enabled: config.protocol.registration.enabled,
    initialAccessToken: config.protocol.registration.initialAccessToken,
  },
  registrationManagement: {
    enabled: config.protocol.registration.enabled,
    rotateRegistrationAccessToken: true,
  },
  rpInitiatedLogout: {
    enabled: true,
    logoutSource: pages.logout,
    postLogoutSuccessSource: pages.signedOut,
  },
})
