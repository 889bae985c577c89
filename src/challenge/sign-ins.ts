import type { Sealer } from '../crypto/sealing.ts'
import type { Store } from '../stores/store.ts'
import type { SignIn } from './machine.ts'

/** A sign-in with the stored text it was read from, which the next write compares against. */
export interface Stored {
  signIn: SignIn
  text: string
}

/** Sign-ins under way, sealed: a draft holds a seed or recovery codes in clear. */
export interface SignIns {
  begin(uid: string, signIn: SignIn): Promise<void>
  find(uid: string): Promise<Stored | undefined>
  /** The sign-in as it stands now; undefined when somebody else changed it meanwhile. */
  replace(uid: string, expected: Stored, next: SignIn): Promise<Stored | undefined>
  end(uid: string): Promise<void>
}

const key = (uid: string) => `si:${uid}`
const indexKey = (accountId: string) => `sa:${accountId}`

/**
 * Ends every sign-in and change under way of an account: what was proven before its factors were reset, or before it was
 * disabled, proves nothing afterwards.
 */
export const endSignIns = async (store: Store, accountId: string): Promise<void> => {
  const uids = await store.members(indexKey(accountId))
  await Promise.all(uids.map((uid) => store.drop(key(uid))))
}

export const createSignIns = (parts: { store: Store; sealer: Sealer; seconds: number }): SignIns => {
  const seal = (uid: string, signIn: SignIn) => parts.sealer.seal(JSON.stringify(signIn), key(uid))
  return {
    async begin(uid, signIn) {
      await Promise.all([
        parts.store.put(key(uid), seal(uid, signIn), parts.seconds),
        parts.store.include(indexKey(signIn.accountId), uid, parts.seconds),
      ])
    },
    async find(uid) {
      const text = await parts.store.get(key(uid))
      return text === undefined
        ? undefined
        : { text, signIn: JSON.parse(parts.sealer.open(text, key(uid))) as SignIn }
    },
    async replace(uid, expected, next) {
      const text = seal(uid, next)
      return (await parts.store.swap(key(uid), expected.text, text)) ? { signIn: next, text } : undefined
    },
    end: (uid) => parts.store.drop(key(uid)),
  }
}
