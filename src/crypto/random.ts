import { randomFillSync } from 'node:crypto'

/** A source of cryptographically strong random bytes; comes in as a parameter wherever it is used. */
export type RandomBytes = (size: number) => Buffer

/** Asking the system costs the same for 16 bytes as for a thousand, and every request has its id. */
const pool = Buffer.allocUnsafeSlow(4_096)
let used = pool.length

/** The system's generator, asked for many small requests at once. What was given out is wiped from the pool. */
export const systemRandom: RandomBytes = (size) => {
  if (size > 64) return randomFillSync(Buffer.allocUnsafeSlow(size))
  if (used + size > pool.length) {
    randomFillSync(pool)
    used = 0
  }
  const given = Buffer.from(pool.subarray(used, used + size))
  pool.fill(0, used, used + size)
  used += size
  return given
}

/** A random identifier of 128 bits, base64url (22 characters); never with a hyphen first, which commands take for an option. */
export const randomId = (random: RandomBytes): string => random(16).toString('base64url').replace(/^-/, '_')
