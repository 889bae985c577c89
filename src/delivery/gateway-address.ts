import { isIP } from 'node:net'
import { isPublicAddress } from '../outbound/public-address.ts'

/**
 * The address of a gateway of the administrator's, when messages may be sent there: https, or http on this very machine;
 * no credentials in it. A private address is refused unless it is allowed (ASVS 1.3.6). A name is not looked up: it comes
 * from the administrator, not from a request, and https holds its owner to it.
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
  if (!allowPrivate && isIP(host) !== 0 && !loopback && !isPublicAddress(host))
    throw new Error('the webhook is at a private address, which is not allowed')
  return href
}
