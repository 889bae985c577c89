import { randomBytes } from 'node:crypto'
import { Provider } from 'oidc-provider'
import type { z } from 'zod'
import { type Config, schema } from '../../../src/config/schema.ts'
import { systemRandom } from '../../../src/crypto/random.ts'
import { createSealer } from '../../../src/crypto/sealing.ts'
import type { Directory } from '../../../src/directory/directory.ts'
import { sealedDirectory } from '../../../src/directory/sealed.ts'
import { sqlDirectory } from '../../../src/directory/sql/sql-directory.ts'
import { createLog } from '../../../src/log.ts'
import { createGuardedFetch } from '../../../src/outbound/guarded-fetch.ts'
import { type KeyRing, openKeyRing } from '../../../src/provider/keys/key-ring.ts'
import { type MovableClock, movableClock } from '../../support/clock.ts'

export const day = 86_400

export const sealing = [{ id: 'k1', key: randomBytes(32).toString('base64') }]

export const configWith = (
  keys: z.input<typeof schema>['keys'],
  over: Partial<z.input<typeof schema>> = {},
): Config =>
  schema.parse({ issuer: 'http://localhost:3000', mode: 'demo', keys: { sealing, ...keys }, ...over })

export interface Rings {
  clock: MovableClock
  directory: Directory
  logged: string[]
  /** What reading the keys comes to from now on, where it does not succeed. */
  broken: { error: Error | null; silence: Promise<void> | null }
  /** What the audit trail would have, as `type reason`. */
  recorded: string[]
  /** How often the keys were read. */
  reads: { count: number }
  open(keys?: z.input<typeof schema>['keys'], over?: Partial<z.input<typeof schema>>): Promise<KeyRing>
  /** The rows, as `ES256 1`. */
  published(): Promise<string[]>
  close(): Promise<void>
}

/** One database in memory, and as many rings on it as nodes are wanted. */
export const openRings = async (url = 'sqlite::memory:'): Promise<Rings> => {
  const clock = movableClock()
  const sql = await sqlDirectory({ url })
  await sql.migrate()
  const sealed = sealedDirectory<Directory>(sql, createSealer(sealing, systemRandom))
  const logged: string[] = []
  const log = createLog('trace', { write: (line) => void logged.push(line) })
  const broken: Rings['broken'] = { error: null, silence: null }
  const recorded: string[] = []
  const reads = { count: 0 }
  const rings: KeyRing[] = []
  const directory: Pick<Directory, 'keys' | 'addKey' | 'removeKey'> = {
    async keys() {
      reads.count += 1
      await broken.silence
      if (broken.error) throw broken.error
      return sealed.keys()
    },
    addKey: (key) => sealed.addKey(key),
    removeKey: (kid) => sealed.removeKey(kid),
  }
  return {
    clock,
    directory: sealed,
    logged,
    broken,
    recorded,
    reads,
    async open(keys = {}, over = {}) {
      const record = async (type: string, { reason }: { reason?: string | null }) =>
        void recorded.push(`${type} ${reason}`)
      const ring = await openKeyRing({
        ...{ config: configWith(keys, over), directory, record, clock, random: systemRandom, log },
        fetch: createGuardedFetch({ allowPrivate: true }),
      })
      rings.push(ring)
      return ring
    },
    async published() {
      return (await sealed.keys()).map(({ alg, generation }) => `${alg} ${generation}`).toSorted()
    },
    async close() {
      await Promise.all(rings.map((ring) => ring.close()))
      await sealed.close()
    },
  }
}

/** A provider that a ring serves. */
export const providerOf = (ring: KeyRing, algorithms: string[] = ['ES256', 'RS256']): Provider => {
  const provider = new Provider('http://localhost:3000', {
    jwks: { keys: ring.now().jwks },
    features: { externalSigningSupport: { enabled: true, ack: 'experimental-01' } },
    enabledJWA: { idTokenSigningAlgValues: algorithms as ['RS256'] },
    clients: algorithms.map((alg) => ({
      client_id: alg,
      client_secret: 'a secret of the relying party',
      redirect_uris: ['https://rp.example/cb'],
      id_token_signed_response_alg: alg as 'RS256',
    })),
  })
  ring.serve(provider)
  return provider
}

type IdTokenClass = new (
  claims: object,
  options: { client: object },
) => { scope: string; issue(options: { use: string }): Promise<string> }

/** An ID token for the client that asks for this algorithm. */
export const tokenOf = async (provider: Provider, alg = 'ES256'): Promise<string> => {
  const client = (await provider.Client.find(alg)) as object
  const token = new (provider as unknown as { IdToken: IdTokenClass }).IdToken({ sub: 'me' }, { client })
  token.scope = 'openid'
  return token.issue({ use: 'idtoken' })
}
