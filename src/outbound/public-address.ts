import ipaddr from 'ipaddr.js'

/** RFC 6052 §2.1: an IPv4 address behind a translator, as DNS64 answers it. */
const translated = ipaddr.IPv6.parseCIDR('64:ff9b::/96')
/** RFC 4291 §2.4: all that was ever given out as global unicast. */
const global = ipaddr.IPv6.parseCIDR('2000::/3')

/**
 * Whether packets to it leave for the public internet: unicast, and nothing that the registries of IANA set aside (RFC
 * 6890). An IPv4 address that is written as an IPv6 one is none, save behind a NAT64, where it is judged by itself.
 *
 * @param text as a resolver or `net` gives it, without brackets; anything that is no address is not public
 */
export function isPublicAddress(text: string): boolean {
  if (!ipaddr.isValid(text)) return false
  const address = ipaddr.parse(text)
  if (!(address instanceof ipaddr.IPv6)) return address.range() === 'unicast'
  if (address.match(translated))
    return ipaddr.fromByteArray(address.toByteArray().slice(12)).range() === 'unicast'
  return address.match(global) && address.range() === 'unicast'
}
