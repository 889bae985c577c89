import { createHash } from 'node:crypto'
import type { Proofs } from '../challenge/proof.ts'
import type { Sighting } from '../directory/directory.ts'
import type { Store } from '../stores/store.ts'

/** What a session or token says of how its account was authenticated, and which oidc-provider keeps with it. */
export interface Authentication {
  accountId: string
  sessionUid: string
  /** Seconds since the epoch. */
  at: number
  amr: readonly string[]
}

/** Where an authentication happened: the browser and its place, and the device as which that browser is known. */
export interface Seen {
  sighting: Sighting
  device: string | null
}

/**
 * By which factors an authentication was proven, when and how. `amr` does not tell (an app's code and a recovery code are
 * both `otp`), and oidc-provider keeps nothing else of ours with a session or token, so it is remembered under what they do
 * keep. An authentication that is not remembered counts, where a policy has rules, as proven by nothing.
 */
export interface ProofMemory {
  note(authentication: Authentication, proofs: Proofs, seen?: Seen): Promise<void>
  proofsOf(authentication: Authentication): Promise<Proofs | undefined>
  /** Where it happened, if it happened in a browser. */
  seenOf(authentication: Authentication): Promise<Seen | undefined>
}

type Noted = [proofs: Proofs, seen: Seen | null]

/** Seconds: as long as refresh tokens of the longest session live by default. Whoever comes later proves it again. */
const kept = 31 * 86_400

export const createProofMemory = (store: Store): ProofMemory => {
  const keyOf = ({ accountId, sessionUid, at, amr }: Authentication): string =>
    `pf:${createHash('sha256')
      .update(JSON.stringify([accountId, sessionUid, at, [...amr].sort()]))
      .digest('base64url')}`
  const find = async (authentication: Authentication): Promise<Noted | undefined> => {
    const stored = await store.get(keyOf(authentication))
    return stored === undefined ? undefined : (JSON.parse(stored) as Noted)
  }
  return {
    note: (authentication, proofs, seen) =>
      store.put(keyOf(authentication), JSON.stringify([proofs, seen ?? null] satisfies Noted), kept),
    proofsOf: async (authentication) => (await find(authentication))?.[0],
    seenOf: async (authentication) => (await find(authentication))?.[1] ?? undefined,
  }
}
