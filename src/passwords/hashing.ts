import { availableParallelism } from 'node:os'
import { hash, hashRaw, parseOptions, verify } from '@node-rs/argon2'
import { createGate, type Gate } from '../crypto/gate.ts'
import type { RandomBytes } from '../crypto/random.ts'

/** argon2id, 19 MiB, 2 passes, 1 lane: OWASP Password Storage, ASVS 5.0 Appendix C. Never below. */
const cost = { memoryCost: 19_456, timeCost: 2, parallelism: 1, algorithm: 2, outputLen: 32 } as const

export interface Hasher {
  /** A PHC string of the password. */
  hash(password: string): Promise<string>
  /** Without a PHC string (no such account) it works as long, and answers false. */
  verify(phc: string | undefined, password: string): Promise<boolean>
  /** 32 bytes from a secret and a salt, equally slow: for what is compared, not stored as a password. */
  derive(secret: string, salt: Buffer): Promise<Buffer>
  /** True for a hash of lesser cost than ours: hash again while the password is at hand. */
  isOutdated(phc: string): boolean
  readonly gate: Pick<Gate, 'running' | 'waiting'>
}

/** NFC: the same characters typed on different keyboards are one password (NIST SP 800-63B-4 §3.1.1.2). */
const normal = (password: string): string => password.normalize('NFC')

/**
 * @param concurrency hashes at once; by default one less than there are cores: with all of them hashing, a storm of
 *   sign-ins makes every other request wait, and signs in fewer people as well (`npm run bench`).
 */
export const createHasher = ({
  concurrency,
  queue,
  random,
}: {
  concurrency?: number | null
  queue: number
  random: RandomBytes
}): Hasher => {
  const gate = createGate({ concurrency: concurrency ?? Math.max(1, availableParallelism() - 1), queue })
  const salted = (password: string) => hash(normal(password), { ...cost, salt: random(16) })
  let decoy: Promise<string> | undefined
  return {
    gate,
    hash: (password) => gate.run(() => salted(password)),
    async verify(phc, password) {
      return gate.run(async () => {
        decoy ??= salted(random(16).toString('base64'))
        const right = await verify(phc ?? (await decoy), normal(password))
        return right && phc !== undefined
      })
    },
    derive: (secret, salt) => gate.run(() => hashRaw(normal(secret), { ...cost, salt })),
    isOutdated(phc) {
      const { memoryCost, timeCost } = parseOptions(phc)
      return memoryCost < cost.memoryCost || timeCost < cost.timeCost
    },
  }
}
