import { BlockList, isIP } from 'node:net'
import { DuepassiError } from '../errors.ts'
import { canonicalAddress } from './address.ts'

export interface Networks {
  /** Whether an address lies in one of them; an unknown or malformed one lies in none. */
  includes(address: string | null): boolean
}

interface Network {
  address: string
  prefix: number
  version: 4 | 6
}

/** Prefix bits of ::ffff:0:0/96: what an IPv4-mapped network counts beyond its IPv4 form. */
const mappedBits = 96

/** Bits of the host part are ignored: 10.1.2.3/8 is 10.0.0.0/8. */
const parseNetwork = (text: string): Network | undefined => {
  const [written = '', length, ...more] = text.split('/')
  const address = canonicalAddress(written)
  if (address === null || written.includes('%') || more.length > 0) return undefined
  const version = isIP(address) === 4 ? 4 : 6
  const surplus = version === 4 && isIP(written) === 6 ? mappedBits : 0
  const bits = version === 4 ? 32 : 128
  if (length !== undefined && !/^(0|[1-9]\d{0,2})$/.test(length)) return undefined
  const prefix = length === undefined ? bits : Number(length) - surplus
  return prefix >= 0 && prefix <= bits ? { address, prefix, version } : undefined
}

/** Whether a text is a network in CIDR notation ("10.0.0.0/8", "2001:db8::/32") or a single address, without spaces. */
export const isNetwork = (text: string): boolean => parseNetwork(text) !== undefined

/**
 * @param cidrs networks and single addresses; IPv4 addresses are matched by IPv4 networks alone (`::/0` is all of IPv6,
 *   and no more), however they are written
 * @throws DuepassiError `not_configured` for a text that is none
 */
export const createNetworks = (cidrs: readonly string[]): Networks => {
  // One list for each version: a common one would find 192.0.2.1 in ::/0.
  const lists = { 4: new BlockList(), 6: new BlockList() }
  for (const text of cidrs) {
    const network = parseNetwork(text)
    if (!network) throw new DuepassiError('not_configured', `"${text}" is not a network such as 10.0.0.0/8.`)
    lists[network.version].addSubnet(network.address, network.prefix, `ipv${network.version}`)
  }
  return {
    includes(address) {
      const known = address === null ? null : canonicalAddress(address)
      if (known === null) return false
      return isIP(known) === 4 ? lists[4].check(known, 'ipv4') : lists[6].check(known, 'ipv6')
    },
  }
}
