import type { Config } from '../config/schema.ts'
import { canonicalAddress } from '../context/address.ts'
import { createNetworks } from '../context/networks.ts'
import { createGuardedFetch, type GuardedFetch } from '../outbound/guarded-fetch.ts'
import { isPublicAddress } from '../outbound/public-address.ts'

/**
 * For addresses that others chose: what is public, and the networks that the administrator named. A public address in one of
 * these stays public, however it is written (`::ffff:192.0.2.1`).
 */
export const openOutbound = ({ outbound: { networks } }: Pick<Config, 'outbound'>): GuardedFetch => {
  if (networks.length === 0) return createGuardedFetch()
  const named = createNetworks(networks)
  return createGuardedFetch({
    allowPrivate: (address) => !isPublicAddress(canonicalAddress(address) ?? '') && named.includes(address),
  })
}
