import { setTimeout as pause } from 'node:timers/promises'
import type { Clock } from '../clock.ts'
import { DuepassiError } from '../errors.ts'
import { endGrants, indexSession, isOver, isStanding, leaving, windowAt } from './account-index.ts'
import { addedTo, authorizationsIn, grantIdsIn, joinAuthorizations } from './authorizations.ts'
import { type Payload, readSession, writeSession } from './record.ts'
import { type Handle, handleOf, isAlias, numberedKey, numberOf, sessionAlias } from './record-keys.ts'
import type { Store } from './store.ts'

/** What the store said to the request that is being answered; undefined outside of a request. */
export type Memory = () => Map<string, string> | undefined

/** The pointer from the uid outlives the session it points to. */
const pointerGrace = 60

/** How often a lost race is tried again; each loss means that somebody else went forward. */
const attempts = 8

/** Milliseconds between the looks for the id that takes the place of one that left. */
const betweenLooks = 5

/**
 * Sessions: the record under the hash of the cookie's id, and a pointer to it from the session's `uid`, which stays the
 * same when the id changes at a sign-in. Of one uid one record is alive: whoever writes a new id takes the pointer by
 * compare-and-set, then removes the record that it replaced.
 *
 * A session that was found is saved by compare-and-set too: one that ended meanwhile (logout, lock) stays ended, and of
 * two requests that each added a relying party neither loses the other's, though one of them changed the id. All that a
 * session gave out is known by its record, or it could not be ended with it: a request that finds its session ended from
 * elsewhere when it saves ends what it gave out by itself.
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
    if (!isStanding(number)) return undefined
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
      if (latest === undefined) return saveLate(addedIn(next, found))
      const standing = readSession(latest).payload
      const joined = join(standing, next)
      if (joined === undefined) return
      stored = latest
      next = joined
    }
    throw new DuepassiError('busy', 'the session is written by too many requests at once', { retryAfter: 1 })
  }

  /** The id that the request knew is no more: what it gave out goes where the session is now, or ends with it. */
  async function saveLate(payload: Payload): Promise<void> {
    const pointer = numberedKey('uid', numberOf(String(payload.uid)))
    if (grantIdsIn(authorizationsIn(payload.authorizations)).length === 0) return
    for (let attempt = 0; attempt < attempts; attempt += 1) {
      const number = await store.get(pointer)
      if (isOver(number)) return endGrants(store, authorizationsIn(payload.authorizations))
      if (number === undefined) return
      const key = numberedKey('Session', number)
      const stored = number === leaving ? undefined : await store.get(key)
      if (stored === undefined) {
        await pause(betweenLooks)
        continue
      }
      const { marks, payload: standing } = readSession(stored)
      if (standing.accountId !== payload.accountId) return
      const authorizations = joinAuthorizations(payload.authorizations, standing.authorizations)
      if (await store.swap(key, stored, writeSession(marks, { ...standing, authorizations }))) return
    }
  }

  async function create(handle: Handle, given: Payload, seconds: number): Promise<void> {
    const key = numberedKey('Session', handle.number)
    const pointer = numberedKey('uid', numberOf(String(given.uid)))
    const left = memory()?.get(leftAt(pointer))
    const payload = left === undefined ? given : withAdded(given, left)
    const text = writeSession({ check: handle.check, window: windowAt(clock) }, payload)
    let standing = memory()?.get(pointer)
    // The record stands before the pointer does: whoever takes or ends that one next removes a record that is there.
    await Promise.all([store.put(key, text, seconds), index(payload, seconds)])
    for (let attempt = 0; attempt < attempts; attempt += 1) {
      const taken =
        standing === undefined
          ? await store.add(pointer, handle.number, seconds + pointerGrace)
          : await store.swap(pointer, standing, handle.number, seconds + pointerGrace)
      if (taken) {
        memory()?.set(key, text)
        const replaced = isStanding(standing) && standing !== handle.number ? standing : undefined
        const before = replaced && (await store.take(numberedKey('Session', replaced)))
        return before === undefined ? undefined : saveLate(readSession(before).payload)
      }
      standing = await store.get(pointer)
      if (isOver(standing)) {
        await Promise.all([store.drop(key), endGrants(store, authorizationsIn(payload.authorizations))])
        return
      }
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
    const taken = store.take(key)
    const text = known ?? (await taken)
    if (text === undefined) return
    const pointer = numberedKey('uid', numberOf(String(readSession(text).payload.uid)))
    const [released, last = text] = await Promise.all([store.swap(pointer, number, leaving, 1), taken])
    memory()?.delete(key)
    if (!released) {
      if (isOver(await store.get(pointer))) await endGrants(store, authorizationsIn(authorizationsOf(last)))
      return
    }
    memory()?.set(pointer, leaving)
    // Another request has saved it since this one found it.
    if (last !== text)
      memory()?.set(leftAt(pointer), JSON.stringify(addedTo(authorizationsOf(text), authorizationsOf(last))))
  }

  return { find, findByUid, save, destroy }
}

/** Where a request remembers what others gave out in the session that it takes away, to write it under another id. */
const leftAt = (pointer: string): string => `${pointer} left`

const authorizationsOf = (text: string): unknown => readSession(text).payload.authorizations

const withAdded = (payload: Payload, added: string): Payload => ({
  ...payload,
  authorizations: joinAuthorizations(JSON.parse(added), payload.authorizations),
})

/** A session with nothing but what this request gave out. */
const addedIn = (payload: Payload, found: string): Payload => ({
  ...payload,
  authorizations: addedTo(authorizationsOf(found), payload.authorizations),
})

/** The latest of the session with what both gave out; undefined for another account's. */
const join = (standing: Payload, next: Payload): Payload | undefined => {
  if (standing.accountId !== undefined && standing.accountId !== next.accountId) return undefined
  const authorizations = joinAuthorizations(standing.authorizations, next.authorizations)
  const { loginTs } = standing
  // Somebody signed in meanwhile: what else this request knew of the session is past.
  const isPast = typeof loginTs === 'number' && loginTs > Number(next.loginTs ?? 0)
  const latest = isPast ? standing : next
  return { ...latest, ...(authorizations !== undefined && { authorizations }) }
}
