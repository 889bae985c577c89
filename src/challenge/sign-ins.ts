import { EventEmitter } from 'node:events'
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
  /** The uid of the enrolment under way that a device was told this name of. */
  named(name: string): Promise<string | undefined>
  /** Calls back when this node changes the sign-in; answers how to stop that. Others look for themselves. */
  onChange(uid: string, changed: () => void): () => void
}

const key = (uid: string) => `si:${uid}`
const indexKey = (accountId: string) => `sa:${accountId}`
const nameKey = (name: string) => `en:${name}`

const namesOf = ({ stage }: SignIn): readonly string[] =>
  stage.name === 'enrolling' ? (stage.draft.names ?? []) : []

/**
 * Ends every sign-in and change under way of an account: what was proven before its factors were reset, or before it was
 * disabled, proves nothing afterwards. `except`: the uid of one whose page has still to say what happened.
 */
export const endSignIns = async (store: Store, accountId: string, except?: string): Promise<void> => {
  const uids = await store.members(indexKey(accountId))
  await Promise.all(uids.filter((uid) => uid !== except).map((uid) => store.drop(key(uid))))
}

export const createSignIns = (parts: { store: Store; sealer: Sealer; seconds: number }): SignIns => {
  const seal = (uid: string, signIn: SignIn) => parts.sealer.seal(JSON.stringify(signIn), key(uid))
  const changes = new EventEmitter().setMaxListeners(0)
  const announce = (uid: string, signIn: SignIn) =>
    Promise.all(namesOf(signIn).map((name) => parts.store.put(nameKey(name), uid, parts.seconds)))
  return {
    async begin(uid, signIn) {
      await Promise.all([
        parts.store.put(key(uid), seal(uid, signIn), parts.seconds),
        parts.store.include(indexKey(signIn.accountId), uid, parts.seconds),
        announce(uid, signIn),
      ])
      changes.emit(uid)
    },
    async find(uid) {
      const text = await parts.store.get(key(uid))
      return text === undefined
        ? undefined
        : { text, signIn: JSON.parse(parts.sealer.open(text, key(uid))) as SignIn }
    },
    async replace(uid, expected, next) {
      const text = seal(uid, next)
      if (!(await parts.store.swap(key(uid), expected.text, text))) return undefined
      await announce(uid, next)
      changes.emit(uid)
      return { signIn: next, text }
    },
    async end(uid) {
      await parts.store.drop(key(uid))
      changes.emit(uid)
    },
    named: (name) => parts.store.get(nameKey(name)),
    onChange(uid, changed) {
      changes.on(uid, changed)
      return () => void changes.off(uid, changed)
    },
  }
}
