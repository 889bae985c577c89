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
  /** False when somebody else changed it meanwhile. */
  replace(uid: string, expected: Stored, next: SignIn): Promise<boolean>
}

export const createSignIns = (parts: { store: Store; sealer: Sealer; seconds: number }): SignIns => {
  const key = (uid: string) => `si:${uid}`
  const seal = (uid: string, signIn: SignIn) => parts.sealer.seal(JSON.stringify(signIn), key(uid))
  return {
    begin: (uid, signIn) => parts.store.put(key(uid), seal(uid, signIn), parts.seconds),
    async find(uid) {
      const text = await parts.store.get(key(uid))
      return text === undefined
        ? undefined
        : { text, signIn: JSON.parse(parts.sealer.open(text, key(uid))) as SignIn }
    },
    replace: (uid, expected, next) => parts.store.swap(key(uid), expected.text, seal(uid, next)),
  }
}
