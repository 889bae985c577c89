import { isRecord } from './record.ts'

/** What a session is to one relying party: `sid` goes into its tokens, and its codes and tokens hang on the grant. */
export interface Authorization {
  sid?: string
  grantId?: string
  /** The grant outlives a sign-out (`offline_access`). */
  persistsLogout?: boolean
  /** What other requests of the session made at the same time, and gave out too. */
  others?: ReadonlyArray<Omit<Authorization, 'others'>>
}

/** By client id, as oidc-provider keeps them in a session. */
export type Authorizations = Record<string, Authorization>

export const authorizationsIn = (value: unknown): Authorizations =>
  isRecord(value)
    ? Object.fromEntries(
        Object.entries(value).filter((entry): entry is [string, Authorization] => isRecord(entry[1])),
      )
    : {}

const each = ({ others = [], ...own }: Authorization): Array<Omit<Authorization, 'others'>> => [
  own,
  ...others,
]

export const grantIdsIn = (authorizations: Authorizations): string[] =>
  Object.values(authorizations)
    .flatMap(each)
    .flatMap(({ grantId }) => (typeof grantId === 'string' ? grantId : []))

/** Every `sid` by which a relying party may know the session. */
export const sidsIn = (authorization: Authorization): string[] => [
  ...new Set(each(authorization).flatMap(({ sid }) => (typeof sid === 'string' ? sid : []))),
]

/** What the latest has and the one before had not. What a request took away on purpose is not brought back by it. */
export const addedTo = (before: unknown, latest: unknown): Authorizations => {
  const known = authorizationsIn(before)
  return Object.fromEntries(
    Object.entries(authorizationsIn(latest)).flatMap(([client, one]) => {
      const had = known[client] ? each(known[client]) : []
      const [first, ...others] = each(one).filter((given) => !had.some((other) => isSame(given, other)))
      return first ? [[client, { ...first, ...(others.length > 0 && { others }) }]] : []
    }),
  )
}

const isSame = (one: Authorization, other: Authorization): boolean =>
  one.sid === other.sid && one.grantId === other.grantId && one.persistsLogout === other.persistsLogout

/**
 * What two requests made of one session, neither of which knew of the other. Of two grants for one relying party both are
 * kept, since tokens of both are out: whoever ends the session has to find them.
 */
export const joinAuthorizations = (before: unknown, latest: unknown): Authorizations | undefined => {
  if (!isRecord(before) && !isRecord(latest)) return undefined
  const [ones, others] = [authorizationsIn(before), authorizationsIn(latest)]
  const joined = Object.entries(others).map(([client, one]) => [client, joinTwo(ones[client], one)])
  return { ...ones, ...Object.fromEntries(joined) }
}

const joinTwo = (before: Authorization | undefined, latest: Authorization): Authorization => {
  const { others: _, ...own } = latest
  if (!before) return latest
  const known = [...each(before), ...each(latest)]
  const isOwn = (one: Authorization) => one.grantId === own.grantId && one.sid === own.sid
  const apart = known.filter(
    (one, index) =>
      !isOwn(one) &&
      (one.grantId !== undefined || one.sid !== undefined) &&
      known.findIndex(({ sid, grantId }) => sid === one.sid && grantId === one.grantId) === index,
  )
  const persists = known.some((one) => isOwn(one) && one.persistsLogout)
  return {
    ...own,
    ...(persists && { persistsLogout: true }),
    ...(apart.length > 0 && { others: apart }),
  }
}
