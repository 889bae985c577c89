import type { Provider } from 'oidc-provider'
import type { Log } from '../../log.ts'
import type { Pages } from '../../pages/pages.ts'
import { attachFrontchannelLogout } from './frontchannel-logout.ts'
import { surviveFailures } from './logout-failures.ts'
import { takePostedLogouts } from './posted-logout.ts'

/** What oidc-provider leaves open of the three logout specifications. */
export const attachLogout = (provider: Provider, parts: { pages: Pages; log: Log }): void => {
  surviveFailures(provider, parts.log)
  attachFrontchannelLogout(provider, parts)
  takePostedLogouts(provider, parts.pages)
}
