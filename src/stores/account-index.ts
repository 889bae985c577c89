import { setTimeout as pause } from 'node:timers/promises'
import { type Clock, systemClock } from '../clock.ts'
import { type Authorizations, authorizationsIn, grantIdsIn } from './authorizations.ts'
import { isRecord, readGrant, readSession } from './record.ts'
import { numberedKey, numberOf } from './record-keys.ts'
import type { Store } from './store.ts'

/**
 * Which sessions and grants an account has. One set per account and window of three days: what was indexed within a
 * window ends with its set, so that an account in daily use does not drag along everything it ever had. Members are
 * numbers (of a session's uid; with a minus, of a grant's id), which Redis keeps in 8 bytes each.
 */
const windowSeconds = 3 * 86_400

/** No session and no grant lives longer, in seconds: as far as the index is read back. */
export const longestLife = 370 * 86_400

export const windowAt = (clock: Clock): number => Math.floor(clock.now() / 1000 / windowSeconds)

const keyAt = (accountId: string, window: number) =>
  numberedKey('account', numberOf(`${window} ${accountId}`))

/**
 * Sessions are prolonged at each use, and indexed again only in the next window: their set lasts as long as one that is
 * saved at the window's last moment.
 */
export function indexSession(
  store: Store,
  clock: Clock,
  accountId: string,
  uid: string,
  seconds: number,
): Promise<void> {
  const window = windowAt(clock)
  const rest = Math.ceil((window + 1) * windowSeconds - clock.now() / 1000)
  return store.include(keyAt(accountId, window), numberOf(uid), rest + seconds)
}

export function indexGrant(
  store: Store,
  clock: Clock,
  accountId: string,
  grantId: string,
  seconds: number,
): Promise<void> {
  return store.include(keyAt(accountId, windowAt(clock)), `-${numberOf(grantId)}`, seconds)
}

const finishedKey = (accountId: string) => numberedKey('finished', numberOf(accountId))

/** A sign-in that is over but for the browser, which has to follow: until then it is no session, and would become one. */
export const indexFinished = (
  store: Store,
  accountId: string,
  interactionKey: string,
  seconds: number,
): Promise<void> => store.include(finishedKey(accountId), interactionKey, seconds)

/** Ends them, so that nothing becomes of them. */
export const endFinished = async (store: Store, accountId: string): Promise<void> => {
  const keys = await store.members(finishedKey(accountId))
  await Promise.all(keys.map((key) => store.drop(key)))
}

async function membersOf(
  store: Store,
  accountId: string,
  clock: Clock,
): Promise<{ uids: string[]; grants: string[] }> {
  const now = windowAt(clock)
  const windows = Array.from({ length: Math.ceil(longestLife / windowSeconds) + 2 }, (_, back) => now - back)
  const sets = await Promise.all(windows.map((window) => store.members(keyAt(accountId, window))))
  const members = [...new Set(sets.flat())]
  return {
    uids: members.filter((member) => !member.startsWith('-')),
    grants: members.filter((member) => member.startsWith('-')).map((member) => member.slice(1)),
  }
}

/** A session that is open now; times in seconds since the Unix epoch. */
export interface OpenSession {
  uid: string
  loginTs: number | undefined
  exp: number
  acr: string | undefined
  amr: string[]
  /** By client id, as oidc-provider keeps them: `sid` goes into logout tokens. */
  authorizations: Authorizations
}

export interface OpenGrant {
  clientId: string
  exp: number
  scope: string
}

/** @throws DuepassiError `store_unavailable` */
export async function sessionsOf(
  store: Store,
  accountId: string,
  clock: Clock = systemClock,
): Promise<OpenSession[]> {
  const { uids } = await membersOf(store, accountId, clock)
  const now = Math.floor(clock.now() / 1000)
  const found = await Promise.all(uids.map((number) => findNumbered(store, number)))
  return found
    .flatMap((one) => (one?.accountId === accountId ? one.session : []))
    .filter(({ exp }) => exp > now)
}

/** @throws DuepassiError `store_unavailable` */
export async function sessionOf(
  store: Store,
  accountId: string,
  uid: string,
): Promise<OpenSession | undefined> {
  const found = await findStill(store, numberOf(uid))
  return found?.accountId === accountId ? found.session : undefined
}

/** How often, and after how many milliseconds, one looks for a session that is getting another id. */
const [looks, betweenLooks] = [20, 5]

/** A session that is asked for by its uid is not taken for ended because its id changes this very moment. */
const findStill = async (store: Store, number: string): Promise<Found | undefined> => {
  for (let look = 1; look < looks; look += 1) {
    const found = await findNumbered(store, number)
    if (found || (await store.get(numberedKey('uid', number))) === undefined) return found
    await pause(betweenLooks)
  }
  return findNumbered(store, number)
}

interface Found {
  accountId: unknown
  session: OpenSession
}

const openSession = (text: string): Found => {
  const { accountId, uid, loginTs, exp, acr, amr, authorizations } = readSession(text).payload
  const session = {
    uid: String(uid),
    loginTs: typeof loginTs === 'number' ? loginTs : undefined,
    exp: Number(exp),
    acr: typeof acr === 'string' ? acr : undefined,
    amr: Array.isArray(amr) ? amr.map(String) : [],
    authorizations: authorizationsIn(authorizations),
  }
  return { accountId, session }
}

const findNumbered = async (store: Store, number: string): Promise<Found | undefined> => {
  const id = idIn(await store.get(numberedKey('uid', number)))
  const text = id === undefined ? undefined : await store.get(numberedKey('Session', id))
  return text === undefined ? undefined : openSession(text)
}

/** @throws DuepassiError `store_unavailable` */
export async function grantsOf(
  store: Store,
  accountId: string,
  clock: Clock = systemClock,
): Promise<OpenGrant[]> {
  const { grants } = await membersOf(store, accountId, clock)
  const texts = await Promise.all(grants.map((number) => store.get(numberedKey('Grant', number))))
  return texts
    .filter((text) => text !== undefined)
    .map(readGrant)
    .filter((payload) => payload.accountId === accountId)
    .map(({ clientId, exp, openid }) => ({
      clientId: String(clientId),
      exp: Number(exp),
      scope: isRecord(openid) && typeof openid.scope === 'string' ? openid.scope : '',
    }))
}

/** Stands, for a second, where a session's id stood that gives way to another id, or was signed out. */
export const leaving = '-'

/**
 * Begins what stands where the id of a session stood that was ended from elsewhere, so that nothing under way brings it
 * back; the id follows, for whoever has to end it once more because the store was lost in between.
 */
const over = '!'

/** For as long as any request takes. */
const overSeconds = 900

export const isOver = (id: string | undefined): boolean => id?.startsWith(over) === true

export const isStanding = (id: string | undefined): id is string =>
  id !== undefined && id !== leaving && !isOver(id)

/** The id that a pointer names, although it may be that of a session whose end was not brought to its end. */
const idIn = (pointer: string | undefined): string | undefined => {
  if (pointer === undefined || pointer === leaving) return undefined
  return (isOver(pointer) ? pointer.slice(over.length) : pointer) || undefined
}

/**
 * Ends one session of an account, with the grants of its relying parties: its codes, refresh tokens (those that outlive
 * a sign-out too) and opaque access tokens are dead with them. Answers what it was; undefined where the account has no
 * such session.
 *
 * @throws DuepassiError `store_unavailable`: then something may be left; call it again.
 */
export async function endSession(
  store: Store,
  accountId: string,
  uid: string,
): Promise<OpenSession | undefined> {
  const number = numberOf(uid)
  const before = await findStill(store, number)
  if (before?.accountId !== accountId) return undefined
  const { isFirst, taken } = await endNumbered(store, number)
  // Without a record it was getting another id, which it gets no more.
  return (taken ?? (isFirst ? before : undefined))?.session
}

/**
 * The pointer goes first: from then on no request can save the session, and one that tries ends what it gave out by itself
 * (`session-records.ts`). What was saved until then is in the record that is taken here.
 */
async function endNumbered(
  store: Store,
  number: string,
): Promise<{ isFirst: boolean; taken: Found | undefined }> {
  const pointer = numberedKey('uid', number)
  let isFirst = false
  let id = await store.get(pointer)
  while (id === undefined || !isOver(id)) {
    const next = over + (isStanding(id) ? id : '')
    isFirst =
      id === undefined
        ? await store.add(pointer, next, overSeconds)
        : await store.swap(pointer, id, next, overSeconds)
    id = isFirst ? next : await store.get(pointer)
  }
  const left = idIn(id)
  const text = left === undefined ? undefined : await store.take(numberedKey('Session', left))
  const taken = text === undefined ? undefined : openSession(text)
  if (taken) await endGrants(store, taken.session.authorizations)
  return { isFirst, taken }
}

export const endGrants = async (store: Store, authorizations: Authorizations): Promise<void> => {
  const numbers = grantIdsIn(authorizations).map(numberOf)
  await Promise.all(numbers.map((number) => store.drop(numberedKey('Grant', number))))
}

/**
 * Ends every session and every grant of an account, and sign-ins that were about to become one, for lock and
 * deprovisioning. With the grants, its codes, refresh tokens and opaque access tokens are dead (see `revokeByGrantId` in
 * oidc-adapter.ts); signed access tokens live until their `exp`. Whoever calls this first sees to it that the account
 * gets no new ones. `exceptSession`: the uid of a session that goes on, with the grants of its relying parties. Answers
 * the sessions that were open.
 *
 * @throws DuepassiError `store_unavailable`: then some may be left; call it again.
 */
export async function revokeAccount(
  store: Store,
  accountId: string,
  clock: Clock = systemClock,
  exceptSession?: string,
): Promise<OpenSession[]> {
  const { uids, grants } = await membersOf(store, accountId, clock)
  const kept = exceptSession === undefined ? undefined : numberOf(exceptSession)
  const own = kept === undefined ? undefined : await findStill(store, kept)
  const keptGrants = new Set(grantIdsIn(own?.session.authorizations ?? {}).map(numberOf))
  const [ended] = await Promise.all([
    Promise.all(uids.filter((number) => number !== kept).map((number) => endNumbered(store, number))),
    endFinished(store, accountId),
    ...grants
      .filter((number) => !keptGrants.has(number))
      .map((number) => store.drop(numberedKey('Grant', number))),
  ])
  return ended.flatMap(({ taken }) => taken?.session ?? [])
}
