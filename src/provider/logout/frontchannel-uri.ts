import { errors } from 'oidc-provider'

/** Where a relying party signs a person out when a browser loads it in a frame (Front-Channel Logout 1.0 §2). */
export const uriProperty = 'frontchannel_logout_uri'

/** The relying party wants to be told which of its sessions is meant: `iss` and `sid`. */
export const sessionProperty = 'frontchannel_logout_session_required'

const isLoopback = ({ hostname }: URL): boolean => hostname === 'localhost' || hostname === '127.0.0.1'

/**
 * What is wrong with an address as `frontchannel_logout_uri`, in words that follow its name; undefined: nothing. The
 * same scheme, host and port as a redirect URI is what §2 demands, so that nobody has pages of others loaded.
 */
export const frontchannelFault = (uri: unknown, redirectUris: unknown): string | undefined => {
  const url = typeof uri === 'string' && /^https?:\/\//i.test(uri) ? URL.parse(uri) : null
  if (!url || (url.protocol === 'http:' && !isLoopback(url))) return 'must be https, or http on this machine'
  if (url.username !== '' || url.password !== '') return 'must hold no credentials'
  if (String(uri).includes('#')) return 'must have no fragment'
  // `frame-src` knows no other characters in hosts: an IPv6 address would never be loaded, and a `;` ends the directive.
  if (!/^[a-z0-9.-]+$/.test(url.hostname)) return 'must name its host by letters, digits, hyphens and dots'
  if (url.searchParams.has('iss') || url.searchParams.has('sid'))
    return 'must have no parameter `iss` or `sid` of its own'
  const origins = Array.isArray(redirectUris) ? redirectUris.map((one) => URL.parse(String(one))?.origin) : []
  return origins.includes(url.origin) ? undefined : 'must have the scheme, host and port of a redirect URI'
}

/** A validator of client metadata, for both properties. */
export const mustBeFrontchannel = (
  _ctx: unknown,
  key: string,
  value: unknown,
  metadata: { redirect_uris?: unknown },
): void => {
  if (value === undefined) return
  if (key === sessionProperty && typeof value !== 'boolean')
    throw new errors.InvalidClientMetadata(`${sessionProperty} must be true or false`)
  const fault = key === uriProperty ? frontchannelFault(value, metadata.redirect_uris) : undefined
  if (fault !== undefined) throw new errors.InvalidClientMetadata(`${uriProperty} ${fault}`)
}

/** What is used of a client; metadata that oidc-provider does not know keeps its name. */
export interface FrontchannelClient {
  [uriProperty]?: string
  [sessionProperty]?: boolean
}

/**
 * The address to load for a client; undefined where it has none. `sid` is what its ID tokens of this session say. The
 * client's own query stays as it is, letter by letter.
 */
export const logoutFrame = (
  client: FrontchannelClient,
  { iss, sid }: { iss: string; sid: string | undefined },
): string | undefined => {
  const uri = client[uriProperty]
  if (uri === undefined) return undefined
  const url = new URL(uri)
  if (client[sessionProperty] === true && sid !== undefined)
    url.search = [url.search.slice(1), new URLSearchParams({ iss, sid })].filter(String).join('&')
  return url.href
}
