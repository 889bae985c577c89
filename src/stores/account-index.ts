import { type Clock, systemClock } from '../clock.ts'
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

const endFinished = async (store: Store, accountId: string): Promise<void> => {
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
  authorizations: Record<string, { sid?: string; grantId?: string }>
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
  const texts = await Promise.all(
    uids.map(async (number) => {
      const id = await store.get(numberedKey('uid', number))
      return id === undefined || id === ended ? undefined : store.get(numberedKey('Session', id))
    }),
  )
  return texts
    .filter((text) => text !== undefined)
    .map((text) => readSession(text).payload)
    .filter((payload) => payload.accountId === accountId)
    .map(({ uid, loginTs, exp, acr, amr, authorizations }) => ({
      uid: String(uid),
      loginTs: typeof loginTs === 'number' ? loginTs : undefined,
      exp: Number(exp),
      acr: typeof acr === 'string' ? acr : undefined,
      amr: Array.isArray(amr) ? amr.map(String) : [],
      authorizations: isRecord(authorizations) ? (authorizations as OpenSession['authorizations']) : {},
    }))
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

/** Stands, for a second, where a session's id stood that ended: a request still under way cannot bring it back. */
export const ended = '-'

/** Ends one session. Its grants remain: tokens that outlive sessions (offline_access) are not the session's. */
export async function endSession(store: Store, uid: string): Promise<void> {
  await endNumbered(store, numberOf(uid))
}

async function endNumbered(store: Store, number: string): Promise<void> {
  const id = await store.take(numberedKey('uid', number))
  if (id !== undefined && id !== ended) await store.drop(numberedKey('Session', id))
}

/**
 * Ends every session and every grant of an account, and sign-ins that were about to become one, for lock and deprovisioning. With the grants, its codes, refresh
 * tokens and opaque access tokens are dead (see `revokeByGrantId` in oidc-adapter.ts); signed access tokens live until
 * their `exp`. Whoever calls this first sees to it that the account gets no new ones. `exceptSession`: the uid of a session
 * that goes on, with the grants of its relying parties.
 *
 * @throws DuepassiError `store_unavailable`: then some may be left; call it again.
 */
export async function revokeAccount(
  store: Store,
  accountId: string,
  clock: Clock = systemClock,
  exceptSession?: string,
): Promise<void> {
  const { uids, grants } = await membersOf(store, accountId, clock)
  const kept = exceptSession === undefined ? undefined : numberOf(exceptSession)
  const keptGrants = new Set(kept === undefined ? [] : await grantsOfSession(store, kept))
  await Promise.all([
    endFinished(store, accountId),
    ...grants
      .filter((number) => !keptGrants.has(number))
      .map((number) => store.drop(numberedKey('Grant', number))),
    ...uids.filter((number) => number !== kept).map((number) => endNumbered(store, number)),
  ])
}

async function grantsOfSession(store: Store, uidNumber: string): Promise<string[]> {
  const id = await store.get(numberedKey('uid', uidNumber))
  const text = id === undefined || id === ended ? undefined : await store.get(numberedKey('Session', id))
  const { authorizations } = text === undefined ? {} : readSession(text).payload
  return Object.values(isRecord(authorizations) ? authorizations : {}).flatMap((one) =>
    isRecord(one) && typeof one.grantId === 'string' ? [numberOf(one.grantId)] : [],
  )
}
