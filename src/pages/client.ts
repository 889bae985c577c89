import type { PageClient } from './views.ts'

/** The relying party as the page shows it. */
export interface ShownClient {
  name: string
  /** First letter of the name, shown where there is no logo. */
  initial: string
  logoUri?: string
  logoOrigin?: string
  uri?: string
  policyUri?: string
  tosUri?: string
}

/**
 * Takes from a client's metadata what may stand in a page. An address that is not http(s) is left out (escaping does
 * not make `javascript:` harmless), and so is a logo whose host could end a directive of the Content-Security-Policy:
 * the URL standard allows `;` and `,` in hosts. On https only https logos are shown.
 */
export function showClient(client: PageClient, secure: boolean): ShownClient {
  const logo = webAddress(client.logoUri)
  const logoIsFit =
    logo && /^https?:\/\/[a-z0-9.:[\]-]+$/.test(logo.origin) && !(secure && logo.protocol === 'http:')
  const [uri, policy, terms] = [client.uri, client.policyUri, client.tosUri].map(webAddress)
  return {
    name: client.name,
    initial: [...client.name.trim()][0]?.toUpperCase() ?? '',
    ...(logoIsFit ? { logoUri: logo.href, logoOrigin: logo.origin } : {}),
    ...(uri ? { uri: uri.href } : {}),
    ...(policy ? { policyUri: policy.href } : {}),
    ...(terms ? { tosUri: terms.href } : {}),
  }
}

function webAddress(text: string | undefined): URL | undefined {
  const url = text === undefined ? null : URL.parse(text)
  return url?.protocol === 'https:' || url?.protocol === 'http:' ? url : undefined
}
