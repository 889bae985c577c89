import type { ExternalSigningKey } from 'oidc-provider'
import type { Clock } from '../../clock.ts'
import type { Config } from '../../config/schema.ts'
import type { RandomBytes } from '../../crypto/random.ts'
import type { OutboundFetch } from '../../outbound/guarded-fetch.ts'
import { httpSigner } from './http-signer.ts'
import { RemoteKey } from './remote-key.ts'

export interface Signers {
  /** In the order of the configuration. */
  keys: ReadonlyArray<{ kid: string; alg: string; signs: boolean; key: ExternalSigningKey }>
  close(): void
}

/** The keys that sign elsewhere; libraries are loaded only where one is configured. */
export const openSigners = async (
  { keys: { signers = [] } }: Pick<Config, 'keys'>,
  parts: { fetch: OutboundFetch; clock: Clock; random: RandomBytes },
): Promise<Signers> => {
  const opened: Array<Signers['keys'][number]> = []
  const closers: Array<() => void> = []
  const close = (): void => {
    for (const end of closers.splice(0)) end()
  }
  try {
    for (const signer of signers) {
      const { kid, alg, signs } = signer
      if (signer.kind === 'http') {
        const key = new RemoteKey({
          kid,
          alg,
          publicKey: signer.publicKey,
          sign: httpSigner({ ...signer, ...parts }),
        })
        opened.push({ kid, alg, signs, key })
        continue
      }
      const { openPkcs11Signer } = await import('./pkcs11-signer.ts')
      const module = await openPkcs11Signer(signer)
      closers.push(module.close)
      opened.push({ kid, alg, signs, key: new RemoteKey({ kid, alg, ...module }) })
    }
  } catch (error) {
    close()
    throw error
  }
  return { keys: opened, close }
}
