import { createHash } from 'node:crypto'
import type { RandomBytes } from '../crypto/random.ts'
import type { Sealer } from '../crypto/sealing.ts'
import type { Store } from '../stores/store.ts'
import type { Place } from './places.ts'

/** What has to be known when the browser comes back. */
export interface PendingSignIn {
  /** Where the person wanted to go. */
  place: Place
  nonce: string
  verifier: string
  /** Milliseconds since the Unix epoch. */
  startedAt: number
  /** A new proof was asked for: the answer must hold it. */
  proof?: Proof
}

export interface Proof {
  /** Seconds, counted back from the request. */
  maxAge: number
  acrs?: readonly string[]
}

export interface PendingSignIns {
  /** Answers the `state`, with which the browser comes back. `browser`: the secret of its cookie. */
  begin(pending: PendingSignIn, browser: string): Promise<string>
  /** Of many parallel calls one gets it, and none for another browser than the one that began. */
  take(state: string, browser: string): Promise<PendingSignIn | undefined>
}

/** Seconds between going to the provider and coming back. */
export const pendingSeconds = 15 * 60

const wellFormed = /^[\w-]{43}$/

const digestOf = (browser: string): string => createHash('sha256').update(browser).digest('base64url')

export const createPendingSignIns = (parts: {
  store: Store
  sealer: Sealer
  random: RandomBytes
}): PendingSignIns => {
  const { store, sealer, random } = parts
  const keyOf = (state: string) => `ap:${state}`
  return {
    async begin(pending, browser) {
      const state = random(32).toString('base64url')
      const record = JSON.stringify({ ...pending, browser: digestOf(browser) })
      await store.put(keyOf(state), sealer.seal(record, keyOf(state)), pendingSeconds)
      return state
    },
    async take(state, browser) {
      if (!wellFormed.test(state)) return undefined
      const key = keyOf(state)
      const text = await store.get(key)
      if (text === undefined) return undefined
      const { browser: digest, ...pending } = JSON.parse(sealer.open(text, key))
      // Looked at before it is taken: whoever learns a state cannot end somebody else's sign-in.
      if (digest !== digestOf(browser)) return undefined
      return (await store.take(key)) === undefined ? undefined : pending
    },
  }
}
