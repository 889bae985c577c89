import { createHmac } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { generateSync, ScureBase32Plugin } from 'otplib'
import { username } from './setup.ts'

const base32 = new ScureBase32Plugin()

/** The TOTP seed of an account, base32, 160 bits: known to server and load generator alike. */
export const seedOf = (index: number): string =>
  base32.encode(createHmac('sha1', 'duepassi bench').update(String(index)).digest())

const stepNow = () => Math.floor(Date.now() / 30_000)

export interface Person {
  username: string
  /** The code of this moment. */
  code(): string
  /** Whether a code of theirs would be accepted now: none of this step was used. */
  isFresh(): boolean
}

/**
 * Accounts to sign in with, each at most once per time step, because a code is accepted once. When all have been
 * used in this step, `take` waits for the next one; `waited` counts how often. `first` is the first one's number.
 */
export const createPeople = (count: number, first = 0) => {
  const lastStep = new Int32Array(count)
  const seeds = Array.from({ length: count }, (_, index) => seedOf(first + index))
  let next = 0
  let waited = 0
  return {
    get waited() {
      return waited
    },
    async take(): Promise<Person> {
      const index = next
      next = (next + 1) % count
      while ((lastStep[index] ?? 0) >= stepNow()) {
        waited++
        await delay(250)
      }
      lastStep[index] = stepNow()
      return {
        username: username(first + index),
        code() {
          lastStep[index] = stepNow()
          return generateSync({ secret: seeds[index] ?? '' })
        },
        isFresh: () => (lastStep[index] ?? 0) < stepNow(),
      }
    },
  }
}

export type People = ReturnType<typeof createPeople>
