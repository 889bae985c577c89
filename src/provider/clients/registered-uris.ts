/** Addresses that a relying party registers by itself: what may be wrong with each, in words for whoever registers. */

const loopback = ['localhost', '127.0.0.1', '[::1]']

/** Characters. */
const longest = 2_000

/** Addresses that we show, fetch or call; oidc-provider takes http for most of them. */
const httpsOnly = [
  'client_uri',
  'logo_uri',
  'policy_uri',
  'tos_uri',
  'jwks_uri',
  'sector_identifier_uri',
  'initiate_login_uri',
  'backchannel_logout_uri',
  'frontchannel_logout_uri',
  'backchannel_client_notification_endpoint',
]

const redirecting = ['redirect_uris', 'post_logout_redirect_uris']

type Metadata = Readonly<Record<string, unknown>>

const read = (uri: unknown): URL | undefined =>
  typeof uri === 'string' && uri.length <= longest ? (URL.parse(uri) ?? undefined) : undefined

const hasCredentials = ({ username, password }: URL): boolean => username !== '' || password !== ''

/**
 * https; http on the person's own machine only (RFC 8252 §7.3); for native applications a private scheme with a dot, which is
 * a domain name in reverse (§7.1). So `javascript:`, `data:` and their like are none.
 */
const mayRedirectTo = (uri: unknown, native: boolean): boolean => {
  const url = read(uri)
  if (!url || String(uri).includes('#') || hasCredentials(url)) return false
  if (url.protocol === 'https:') return true
  if (url.protocol === 'http:') return loopback.includes(url.hostname)
  return native && url.protocol.includes('.')
}

const isWeb = (uri: unknown): boolean => {
  const url = read(uri)
  return url?.protocol === 'https:' && !hasCredentials(url)
}

/** The first thing that is wrong; undefined: nothing. Begins with the property's name. */
export const faultOfUris = (metadata: Metadata): string | undefined => {
  const native = metadata['application_type'] === 'native'
  for (const name of redirecting) {
    const uris = metadata[name]
    if (Array.isArray(uris) && !uris.every((uri) => mayRedirectTo(uri, native)))
      return `${name} must be https, or http on this machine, ${native ? 'or a private scheme such as com.example.app:/callback, ' : ''}without fragment and credentials, of at most ${longest} characters`
  }
  const wrong = httpsOnly.find((name) => metadata[name] !== undefined && !isWeb(metadata[name]))
  return wrong === undefined
    ? undefined
    : `${wrong} must be https without credentials, of at most ${longest} characters`
}
