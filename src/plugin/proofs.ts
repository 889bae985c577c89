import { createHash } from 'node:crypto'
import type { Proofs } from '../challenge/proof.ts'
import type { Store } from '../stores/store.ts'

/** What a session or token says of how its account was authenticated, and which oidc-provider keeps with it. */
export interface Authentication {
  accountId: string
  sessionUid: string
  /** Seconds since the epoch. */
  at: number
  amr: readonly string[]
}

/**
 * By which factors an authentication was proven, when and how. `amr` does not tell (an app's code and a recovery code are
 * both `otp`), and oidc-provider keeps nothing else of ours with a session or token, so it is remembered under what they do
 * keep. An authentication that is not remembered counts, where a policy has rules, as proven by nothing.
 */
export interface ProofMemory {
  note(authentication: Authentication, proofs: Proofs): Promise<void>
  proofsOf(authentication: Authentication): Promise<Proofs | undefined>
}

/** Seconds: as long as refresh tokens of the longest session live by default. Whoever comes later proves it again. */
const kept = 31 * 86_400

export const createProofMemory = (store: Store): ProofMemory => {
  const keyOf = ({ accountId, sessionUid, at, amr }: Authentication): string =>
    `pf:${createHash('sha256')
      .update(JSON.stringify([accountId, sessionUid, at, [...amr].sort()]))
      .digest('base64url')}`
  return {
    note: (authentication, proofs) => store.put(keyOf(authentication), JSON.stringify(proofs), kept),
    async proofsOf(authentication) {
      const stored = await store.get(keyOf(authentication))
      return stored === undefined ? undefined : (JSON.parse(stored) as Proofs)
    },
  }
}
