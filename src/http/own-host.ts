import type { IncomingMessage } from 'node:http'

/**
 * Gives every request the host of the issuer, unless it names the other one that is ours. oidc-provider takes the addresses
 * of its endpoints from the request, and accepts them as the audience of client assertions (RFC 7523 §3) and as the target
 * of DPoP proofs (RFC 9449 §4.3): whoever said `Host: evil.example` would have those accepted that were made for
 * evil.example, and would have our own answers name its endpoints.
 */
export const nameOwnHost = ({
  issuer,
  other,
  proxy,
}: {
  issuer: string
  /** Where else our endpoints answer. */
  other: string | undefined
  /** X-Forwarded-Host is believed. */
  proxy: boolean
}): ((req: IncomingMessage) => void) => {
  const own = new URL(issuer).host
  const hosts = [own, ...(other === undefined ? [] : [new URL(other).host])]
  return (req) => {
    const { headers, url = '/' } = req
    const forwarded = proxy ? headers['x-forwarded-host'] : undefined
    const said = [forwarded ?? headers.host].flat()[0]?.split(',')[0]?.trim().toLowerCase()
    headers.host = hosts.find((host) => host === said) ?? own
    delete headers['x-forwarded-host']
    // `POST https://evil.example/token HTTP/1.1` (RFC 9112 §3.2.2) names a host as well.
    const absolute = url.startsWith('/') ? null : URL.parse(url)
    if (absolute) req.url = `${absolute.pathname}${absolute.search}`
  }
}
