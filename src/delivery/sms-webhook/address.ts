import { BlockList, isIP } from 'node:net'

/** Addresses that are inside somebody's network: RFC 1918, 6598, 3927, 4193, 4291. Loopback is judged apart. */
const inside = new BlockList()
for (const [network, bits] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
] as const)
  inside.addSubnet(network, bits, 'ipv4')
for (const [network, bits] of [
  ['::', 128],
  ['fc00::', 7],
  ['fe80::', 10],
] as const)
  inside.addSubnet(network, bits, 'ipv6')

/**
 * The address of the gateway, when messages may be sent there: https, or http on this very machine; no credentials in
 * it. A private address is refused unless it is allowed (ASVS 1.3.6). A name is not looked up: it comes from the
 * administrator, not from a request, and https holds its owner to it.
 *
 * @throws Error that does not repeat the address, in which there may be a secret.
 */
export function checkedAddress(text: string, allowPrivate: boolean): string {
  if (!URL.canParse(text)) throw new Error('the address of the webhook is not a url')
  const { protocol, hostname, username, password, href } = new URL(text)
  const host = hostname.replaceAll(/[[\]]/g, '')
  const loopback = host === 'localhost' || /^127(\.\d+){3}$/.test(host) || host === '::1'
  if (protocol !== 'https:' && !(protocol === 'http:' && loopback))
    throw new Error('the webhook needs https; http serves on this machine alone')
  if (username !== '' || password !== '')
    throw new Error('the address of the webhook must not hold credentials')
  const family = isIP(host)
  if (!allowPrivate && family !== 0 && inside.check(host, family === 4 ? 'ipv4' : 'ipv6'))
    throw new Error('the webhook is at a private address, which is not allowed')
  return href
}
