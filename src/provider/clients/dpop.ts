import { hkdfSync } from 'node:crypto'
import type { Configuration } from 'oidc-provider'
import type { Config } from '../../config/schema.ts'

type DPoP = NonNullable<NonNullable<Configuration['features']>['dPoP']>

/**
 * Proofs of possession (RFC 9449). Their nonces come from a secret that all nodes have, so that one accepts what another
 * gave out; after a new sealing key a client is told to take a new nonce, which every client can.
 */
export const dPoP = ({ keys }: Config): DPoP => {
  const [sealing] = keys.sealing ?? []
  if (!sealing) return { enabled: true }
  const secret = hkdfSync('sha256', Buffer.from(sealing.key, 'base64'), '', 'duepassi:dpop-nonces', 32)
  return { enabled: true, nonceSecret: Buffer.from(secret) }
}
