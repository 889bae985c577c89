import type { Clock } from '../clock.ts'
import type { RandomBytes } from '../crypto/random.ts'
import { read, write } from './record.ts'
import { keyOf } from './record-keys.ts'
import type { Store } from './store.ts'

/**
 * Invitations to register (initial access tokens, RFC 7591 §3), as oidc-provider finds them by the adapter, each for so
 * many registrations.
 */
const key = (token: string): string => keyOf('InitialAccessToken', token)

/** Makes one and answers its token, of 256 bits; the store keeps its hash. */
export const addInvitation = async (
  { store, clock, random }: { store: Store; clock: Clock; random: RandomBytes },
  { seconds, uses }: { seconds: number; uses: number },
): Promise<string> => {
  const token = random(32).toString('base64url')
  const iat = Math.floor(clock.now() / 1000)
  await store.put(key(token), write({ iat, exp: iat + seconds, uses }), seconds)
  return token
}

/**
 * Compare-and-set: takes one use, and answers false where there is none left. An invitation without a count, which nobody
 * here makes, is good for nothing.
 */
export const spendInvitation = async (store: Store, token: string): Promise<boolean> => {
  for (;;) {
    const text = await store.get(key(token))
    if (text === undefined) return false
    const { jti: _, ...kept } = read(text, token)
    const uses = Number(kept['uses'] ?? 0)
    if (!(uses >= 1)) return false
    if (!(await store.swap(key(token), text, write({ ...kept, uses: uses - 1 })))) continue
    if (uses === 1) await store.drop(key(token))
    return true
  }
}

/** Answers whether it was good for anything still. */
export const dropInvitation = async (store: Store, token: string): Promise<boolean> =>
  (await store.take(key(token))) !== undefined
