import type { IncomingMessage } from 'node:http'
import { isIP, SocketAddress } from 'node:net'

/** An IPv4 address that is written as an IPv6 one (RFC 4291 §2.5.5.2), which is how a socket for both reports it. */
const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/

/**
 * The one spelling of an address: IPv6 in short lower case without a zone, IPv4-mapped as IPv4. Null when the text is
 * no address.
 */
export const canonicalAddress = (text: string): string | null => {
  const version = isIP(text)
  if (version !== 6) return version === 4 ? text : null
  // The zone (RFC 4007 §11) names one of our own interfaces, and says nothing of the client.
  const [withoutZone] = text.split('%')
  const { address } = new SocketAddress({ address: withoutZone as string, family: 'ipv6' })
  return mapped.exec(address)?.[1] ?? address
}

/** Proxies may write a port as well (RFC 7239 §6), and an IPv6 address in brackets with it. */
const withoutPort = (entry: string): string =>
  /^\[([^\]]*)\](?::\d{1,5})?$/.exec(entry)?.[1] ?? /^([\d.]+):\d{1,5}$/.exec(entry)?.[1] ?? entry

/**
 * The address that a request comes from; null when nobody can tell.
 *
 * Behind a proxy it is the right-most entry of X-Forwarded-For, the one that our own proxy appended from the socket it
 * saw. All that stands left of it was in the request already: whoever believes the left-most entry lets each client
 * choose its country, leave a forbidden network, or blame another's. When that entry is missing or no address, the
 * request has none: the socket's would be the proxy's. Without a proxy the header is the client's own, and ignored.
 * @param proxy one proxy of ours stands before us (`proxy` of the configuration)
 */
export const clientAddress = (req: IncomingMessage, proxy: boolean): string | null => {
  if (!proxy) return canonicalAddress(req.socket.remoteAddress ?? '')
  const written = [req.headers['x-forwarded-for'] ?? []].flat().at(-1) ?? ''
  const rightMost = written.slice(written.lastIndexOf(',') + 1).trim()
  return canonicalAddress(withoutPort(rightMost))
}

/**
 * The part of an address that one household or machine has for itself: all of an IPv4 one, the first 64 bits of an IPv6
 * one, whose rest anybody changes at will (RFC 4291 §2.5.1). What is counted by address is counted by this.
 */
export const networkOf = (address: string): string => {
  if (isIP(address) !== 6) return address
  const [before = '', after] = address.split('::')
  const groups = (part: string) => part.split(':').filter((group) => group !== '')
  const zeros = after === undefined ? 0 : 8 - groups(before).length - groups(after).length
  const all = [...groups(before), ...Array<string>(zeros).fill('0'), ...groups(after ?? '')]
  return `${all.slice(0, 4).join(':')}::/64`
}
