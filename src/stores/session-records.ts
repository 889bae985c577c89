import type { Clock } from '../clock.ts'
import { DuepassiError } from '../errors.ts'
import { ended, indexSession, windowAt } from './account-index.ts'
import { isRecord, type Payload, readSession, writeSession } from './record.ts'
import { type Handle, handleOf, isAlias, numberedKey, numberOf, sessionAlias } from './record-keys.ts'
import type { Store } from './store.ts'

/** What the store said to the request that is being answered; undefined outside of a request. */
export type Memory = () => Map<string, string> | undefined

/** The pointer from the uid outlives the session it points to. */
const pointerGrace = 60

/** How often a lost race is tried again; each loss means that somebody else went forward. */
const attempts = 8

/**
 * Sessions: the record under the hash of the cookie's id, and a pointer to it from the session's `uid`, which stays the
 * same when the id changes at a sign-in. Of one uid one record is alive: whoever writes a new id takes the pointer by
 * compare-and-set, then removes the record that it replaced.
 *
 * A session that was found is saved by compare-and-set too: one that ended meanwhile (logout, lock, new id) stays
 * ended, and of two requests that each added a relying party neither loses the other's.
 */
export function sessionRecords({ store, clock, memory }: { store: Store; clock: Clock; memory: Memory }) {
  async function find(id: string): Promise<Payload | undefined> {
    if (isAlias(id)) return undefined
    const handle = handleOf(id)
    const key = numberedKey('Session', handle.number)
    const text = await store.get(key)
    if (text === undefined) return undefined
    const { marks, payload } = readSession(text)
    if (marks.check !== handle.check) return undefined
    memory()?.set(key, text)
    return { ...payload, jti: id }
  }

  async function findByUid(uid: string): Promise<Payload | undefined> {
    const number = await store.get(numberedKey('uid', numberOf(uid)))
    if (number === undefined || number === ended) return undefined
    const key = numberedKey('Session', number)
    const text = await store.get(key)
    if (text === undefined) return undefined
    const { marks, payload } = readSession(text)
    if (payload.uid !== uid) return undefined
    memory()?.set(key, text)
    return { ...payload, jti: sessionAlias({ number, check: marks.check }) }
  }

  async function save(id: string, payload: Payload, seconds: number): Promise<void> {
    const handle = handleOf(id)
    const key = numberedKey('Session', handle.number)
    const request = memory()
    const found = request === undefined ? await store.get(key) : request.get(key)
    if (found === undefined) await create(handle, payload, seconds)
    else await update(handle, found, payload, seconds)
  }

  async function update(handle: Handle, found: string, payload: Payload, seconds: number): Promise<void> {
    const key = numberedKey('Session', handle.number)
    const pointer = numberedKey('uid', numberOf(String(payload.uid)))
    const window = windowAt(clock)
    let stored = found
    let next = payload
    for (let attempt = 0; attempt < attempts; attempt += 1) {
      const before = readSession(stored)
      const text = writeSession({ check: handle.check, window }, next)
      const indexed = before.marks.window === window && before.payload.accountId === next.accountId
      const [saved] = await Promise.all([
        store.swap(key, stored, text, seconds),
        store.swap(pointer, handle.number, handle.number, seconds + pointerGrace),
        indexed ? undefined : index(next, seconds),
      ])
      if (saved) {
        memory()?.set(key, text)
        return
      }
      const latest = await store.get(key)
      if (latest === undefined) return
      const standing = readSession(latest).payload
      // Somebody signed in meanwhile: what this request knew of the session is past.
      if (standing.accountId !== next.accountId || standing.loginTs !== next.loginTs) return
      stored = latest
      next = { ...next, authorizations: union(standing.authorizations, next.authorizations) }
    }
    throw new DuepassiError('busy', 'the session is written by too many requests at once', { retryAfter: 1 })
  }

  async function create(handle: Handle, payload: Payload, seconds: number): Promise<void> {
    const key = numberedKey('Session', handle.number)
    const pointer = numberedKey('uid', numberOf(String(payload.uid)))
    const text = writeSession({ check: handle.check, window: windowAt(clock) }, payload)
    let standing = memory()?.get(pointer)
    const written = Promise.all([store.put(key, text, seconds), index(payload, seconds)])
    // The record stands before the pointer is taken from another: whoever takes it next removes a record that is there.
    if (standing !== undefined) await written
    for (let attempt = 0; attempt < attempts; attempt += 1) {
      const [taken] = await Promise.all([
        standing === undefined
          ? store.add(pointer, handle.number, seconds + pointerGrace)
          : store.swap(pointer, standing, handle.number, seconds + pointerGrace),
        written,
      ])
      if (taken) {
        if (standing !== undefined && standing !== ended && standing !== handle.number) {
          await store.drop(numberedKey('Session', standing))
        }
        memory()?.set(key, text)
        return
      }
      standing = await store.get(pointer)
    }
    await store.drop(key)
    throw new DuepassiError('busy', 'the session is replaced by too many requests at once', { retryAfter: 1 })
  }

  async function index({ accountId, uid }: Payload, seconds: number): Promise<void> {
    if (typeof accountId === 'string') await indexSession(store, clock, accountId, String(uid), seconds)
  }

  async function destroy(id: string): Promise<void> {
    const { number } = handleOf(id)
    const key = numberedKey('Session', number)
    const known = memory()?.get(key)
    const gone = known === undefined ? undefined : store.drop(key)
    const text = known ?? (await store.take(key))
    if (text === undefined) return
    const pointer = numberedKey('uid', numberOf(String(readSession(text).payload.uid)))
    const [released] = await Promise.all([store.swap(pointer, number, ended, 1), gone])
    memory()?.delete(key)
    if (released) memory()?.set(pointer, ended)
  }

  return { find, findByUid, save, destroy }
}

const union = (one: unknown, other: unknown): unknown =>
  isRecord(one) && isRecord(other) ? { ...one, ...other } : (other ?? one)
