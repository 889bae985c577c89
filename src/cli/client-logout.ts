import type { Command } from 'commander'
import type { Config } from '../config/schema.ts'
import { frontchannelFault, sessionProperty, uriProperty } from '../provider/logout/frontchannel-uri.ts'
import { Refusal } from './io.ts'

/** How a relying party learns that somebody signed out. */
export interface LogoutOptions {
  redirectUri: string[]
  backchannelLogoutUri?: string
  backchannelLogoutSessionRequired?: boolean
  frontchannelLogoutUri?: string
  frontchannelLogoutSessionRequired?: boolean
}

export const addLogoutOptions = (command: Command): Command =>
  command
    .option('--backchannel-logout-uri <uri>', 'is sent a logout token when somebody signs out; https')
    .option('--backchannel-logout-session-required', 'which says the session (`sid`), as its ID tokens do')
    .option(
      '--frontchannel-logout-uri <uri>',
      'is loaded by the browser of whoever signs out; on the host of a redirect URI',
    )
    .option('--frontchannel-logout-session-required', 'with the session (`iss` and `sid`)')

/**
 * Client metadata of Back-Channel Logout 1.0 §2.2 and Front-Channel Logout 1.0 §2.
 *
 * @throws Refusal for a frame on the host of somebody else, and for what needs an address without it
 */
export const logoutOf = (options: LogoutOptions): Record<string, unknown> => ({
  ...backchannelOf(options),
  ...frontchannelOf(options),
})

const backchannelOf = ({
  backchannelLogoutUri: uri,
  backchannelLogoutSessionRequired: required = false,
}: LogoutOptions): Record<string, unknown> => {
  if (uri === undefined) {
    if (required) throw new Refusal('--backchannel-logout-session-required needs --backchannel-logout-uri.')
    return {}
  }
  return { backchannel_logout_uri: uri, ...(required && { backchannel_logout_session_required: true }) }
}

/**
 * Of a host name nobody can tell in whose network it is tomorrow: what only networks of the administrator's own may have is
 * taken where there are any, and judged when it is asked.
 *
 * @throws Refusal for a back-channel logout URI that `outbound/guarded-fetch.ts` would never ask
 */
export const checkLogout = (
  { backchannelLogoutUri: uri, public: isPublic }: LogoutOptions & { public: boolean },
  { outbound }: Pick<Config, 'outbound'>,
): void => {
  if (uri === undefined) return
  const url = URL.parse(uri)
  const inside = outbound.networks.length > 0
  // http for clients with a secret alone: Back-Channel Logout 1.0 §2.2.
  const mayBe = inside && !isPublic ? ['https:', 'http:'] : ['https:']
  if (
    !url ||
    !mayBe.includes(url.protocol) ||
    url.username !== '' ||
    url.password !== '' ||
    uri.includes('#')
  )
    throw new Refusal('The --backchannel-logout-uri must be https, without credentials and fragment.')
  if (url.port !== '' && !inside)
    throw new Refusal(
      'The --backchannel-logout-uri must be on port 443; another one may be asked in `outbound.networks` alone.',
    )
}

const frontchannelOf = ({
  redirectUri,
  frontchannelLogoutUri: uri,
  frontchannelLogoutSessionRequired: required = false,
}: LogoutOptions): Record<string, unknown> => {
  if (uri === undefined) {
    if (required) throw new Refusal('--frontchannel-logout-session-required needs --frontchannel-logout-uri.')
    return {}
  }
  const fault = frontchannelFault(uri, redirectUri)
  if (fault !== undefined) throw new Refusal(`The --frontchannel-logout-uri ${fault}.`)
  return { [uriProperty]: uri, ...(required && { [sessionProperty]: true }) }
}
