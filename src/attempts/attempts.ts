import type { Clock } from '../clock.ts'
import { type AttemptState, noAttempts, type SecondFactorDirectory } from '../directory/directory.ts'
import { DuepassiError } from '../errors.ts'
import type { Store } from '../stores/store.ts'
import { giveBack, type Limits, type Reservation, reserve, settle, waitAfter } from './lockout.ts'

/** Reserve before judging, settle after success. */
export interface Attempts {
  reserve(subject: string, authenticator: string): Promise<Reservation>
  settle(subject: string, authenticator: string): Promise<void>
  /** Takes back an attempt that was reserved but not judged; `failures` is the reservation's. */
  giveBack(subject: string, authenticator: string, failures: number): Promise<void>
  /** Seconds until the next answer is judged; 0: now. Counts nothing. */
  waiting(subject: string, authenticator: string): Promise<number>
}

/**
 * Attempts at a second factor: durable, per account and authenticator. A lock of one authenticator locks the
 * account's second factor as a whole.
 */
export const durableAttempts = (parts: {
  directory: SecondFactorDirectory
  clock: Clock
  limits: Limits
}): Attempts => ({
  async reserve(accountId, authenticator) {
    const standing = await parts.directory.standing(accountId)
    if (standing.lockedAt !== null) return { kind: 'locked', justNow: false }
    const now = parts.clock.now()
    let reservation: Reservation = { kind: 'locked', justNow: false }
    await parts.directory.changeAttempts(accountId, authenticator, (state) => {
      if (!isSound(state))
        throw new DuepassiError('directory_unavailable', 'an attempt record cannot be read')
      const reserved = reserve(state, now, parts.limits)
      reservation = reserved.reservation
      return reserved.state
    })
    return reservation
  },
  async settle(accountId, authenticator) {
    await parts.directory.changeAttempts(accountId, authenticator, settle)
  },
  async giveBack(accountId, authenticator, failures) {
    await parts.directory.changeAttempts(accountId, authenticator, (state) =>
      giveBack(state, failures, parts.limits),
    )
  },
  async waiting(accountId, authenticator) {
    const { after } = await parts.directory.changeAttempts(accountId, authenticator, (state) => state)
    return secondsLeft(after, parts.clock.now())
  },
})

/** So many parallel attempts on one name are an attack; whoever loses the race so often is told to wait. */
const mostRaces = 20

/**
 * Attempts at a password: short-lived, because names that do not exist are counted too and must not fill the
 * database, and without a lock, because anybody can cause it.
 */
export const passingAttempts = (parts: {
  store: Store
  clock: Clock
  limits: Omit<Limits, 'lockAfter'>
}): Attempts => {
  const limits: Limits = { ...parts.limits, lockAfter: Number.POSITIVE_INFINITY }
  const lifetime = Math.max(3600, limits.longestWait * 2)
  return {
    async reserve(subject, authenticator) {
      const key = `at:${authenticator}:${subject}`
      for (let race = 0; race < mostRaces; race++) {
        const stored = await parts.store.get(key)
        const { state, reservation } = reserve(read(stored), parts.clock.now(), limits)
        if (reservation.kind !== 'judge') return reservation
        const written = JSON.stringify(state)
        const won =
          stored === undefined
            ? await parts.store.add(key, written, lifetime)
            : await parts.store.swap(key, stored, written, lifetime)
        if (won) return reservation
      }
      return { kind: 'wait', seconds: Math.max(1, waitAfter(limits.freeFailures, limits)) }
    },
    async settle(subject, authenticator) {
      await parts.store.drop(`at:${authenticator}:${subject}`)
    },
    async giveBack(subject, authenticator, failures) {
      const key = `at:${authenticator}:${subject}`
      for (let race = 0; race < mostRaces; race++) {
        const stored = await parts.store.get(key)
        if (stored === undefined) return
        const written = JSON.stringify(giveBack(read(stored), failures, limits))
        // Lost to others every time, it stays counted: that is the safe side.
        if (await parts.store.swap(key, stored, written, lifetime)) return
      }
    },
    async waiting(subject, authenticator) {
      return secondsLeft(read(await parts.store.get(`at:${authenticator}:${subject}`)), parts.clock.now())
    },
  }
}

const secondsLeft = ({ waitUntil }: AttemptState, now: number): number =>
  Math.max(0, Math.ceil((waitUntil - now) / 1000))

/** A record that cannot be read is refused, not forgiven. */
const read = (stored: string | undefined): AttemptState => {
  if (stored === undefined) return noAttempts
  const state = JSON.parse(stored) as AttemptState
  if (!isSound(state)) throw new DuepassiError('store_unavailable', 'an attempt record cannot be read')
  return state
}

const isSound = (state: AttemptState | null): state is AttemptState =>
  [state?.failures, state?.waitUntil].every((count) => Number.isSafeInteger(count) && Number(count) >= 0)
