/**
 * How oidc-provider's payloads are written. Left out: `jti` (the caller knows the id; the store must not) and `kind`
 * (the key says it). Sessions and grants, which are many and live long, are lists without names; `iat` is left out
 * there, nothing reads it.
 */
export type Payload = Record<string, unknown>

/** In place of what is not there: shorter than null, and no value that any of these properties has. */
const absent = 0
const orAbsent = (value: unknown) => value ?? absent
const presence = (value: unknown) => (value === absent ? undefined : value)

/** A used code or token: the second at which it was used stands before the text. */
export const markUsed = (text: string, second: number): string => second + text
const usedAt = (text: string): number | undefined => {
  const start = text.indexOf('{')
  return start > 0 ? Number(text.slice(0, start)) : undefined
}

export const isUsed = (text: string): boolean => usedAt(text) !== undefined

/** Writes a payload of any model but Session and Grant. */
export function write({ jti, kind: _, consumed, ...payload }: Payload): string {
  const text = JSON.stringify(withoutOwnId(payload, jti))
  return typeof consumed === 'number' ? markUsed(text, consumed) : text
}

export function read(text: string, jti: string): Payload {
  const consumed = usedAt(text)
  const payload: Payload = JSON.parse(text.slice(text.indexOf('{')))
  return {
    ...payload,
    ...(typeof payload.returnTo === 'string' ? { returnTo: payload.returnTo.replace(ownId, () => jti) } : {}),
    jti,
    ...(consumed === undefined ? {} : { consumed }),
  }
}

/** Stands for the interaction's uid in its own return address; no URL holds a bare brace. */
const ownId = '{}'

/** An interaction repeats its own uid in `returnTo`, and the cookie of the session, which nothing reads. */
function withoutOwnId(payload: Payload, jti: unknown): Payload {
  const { returnTo, session } = payload
  if (typeof returnTo !== 'string' || typeof jti !== 'string') return payload
  const { cookie: _, ...rest } = isRecord(session) ? session : {}
  return {
    ...payload,
    returnTo: returnTo.replace(jti, ownId),
    ...(isRecord(session) ? { session: rest } : {}),
  }
}

/** What the store adds to a session: the rest of the id's hash, and the window of the account index it stands in. */
export interface SessionMarks {
  check: string
  window: number
}

export function writeSession({ check, window }: SessionMarks, payload: Payload): string {
  const {
    jti: _,
    kind: __,
    iat: ___,
    uid,
    exp,
    accountId,
    loginTs,
    acr,
    amr,
    authorizations,
    ...rest
  } = payload
  const age = typeof loginTs === 'number' ? Number(exp) - loginTs : undefined
  const list = [
    check,
    uid,
    exp,
    accountId,
    age,
    briefAcr(acr),
    briefAmr(amr),
    window,
    briefAuthorizations(authorizations),
  ]
  return JSON.stringify([...list.map(orAbsent), ...extra(rest)])
}

export function readSession(text: string): { marks: SessionMarks; payload: Payload } {
  const [check, uid, exp, accountId, age, acr, amr, window, authorizations, rest] = JSON.parse(
    text,
  ) as unknown[]
  const payload = {
    uid,
    exp,
    accountId: presence(accountId),
    loginTs: age === absent ? undefined : Number(exp) - Number(age),
    acr: fullAcr(presence(acr)),
    amr: typeof amr === 'string' ? amr.split(' ') : presence(amr),
    authorizations: fullAuthorizations(presence(authorizations)),
    ...(isRecord(rest) ? rest : {}),
  }
  return { marks: { check: String(check), window: Number(window) }, payload: withoutUndefined(payload) }
}

export function writeGrant(payload: Payload): string {
  const { jti: _, kind: __, iat: ___, accountId, clientId, exp, openid, ...rest } = payload
  const scopeOnly = isRecord(openid) && Object.keys(openid).length === 1 && typeof openid.scope === 'string'
  const list = [accountId, clientId, exp, scopeOnly ? openid.scope : openid]
  return JSON.stringify([...list.map(orAbsent), ...extra(rest)])
}

export function readGrant(text: string): Payload {
  const [accountId, clientId, exp, openid, rest] = JSON.parse(text) as unknown[]
  return withoutUndefined({
    accountId: presence(accountId),
    clientId: presence(clientId),
    exp: presence(exp),
    openid: typeof openid === 'string' ? { scope: openid } : presence(openid),
    ...(isRecord(rest) ? rest : {}),
  })
}

const extra = (rest: Payload): Payload[] =>
  Object.values(rest).some((value) => value !== undefined) ? [rest] : []

const withoutUndefined = (payload: Payload): Payload =>
  Object.fromEntries(Object.entries(payload).filter(([, value]) => value !== undefined))

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The usual `acr` values (https://refeds.org/profile/mfa) share a long beginning. */
const acrBeginning = 'https://refeds.org/profile/'

const briefAcr = (acr: unknown): unknown => {
  if (typeof acr !== 'string') return acr
  if (acr.startsWith(acrBeginning)) return `~${acr.slice(acrBeginning.length)}`
  return acr.startsWith('~') ? { acr } : acr
}

const fullAcr = (acr: unknown): unknown => {
  if (isRecord(acr)) return acr.acr
  return typeof acr === 'string' && acr.startsWith('~') ? acrBeginning + acr.slice(1) : acr
}

const isWord = (value: unknown): value is string => typeof value === 'string' && /^[^\s]+$/.test(value)

const briefAmr = (amr: unknown): unknown =>
  Array.isArray(amr) && amr.length > 0 && amr.every(isWord) ? amr.join(' ') : amr

const persists = '!'

function briefAuthorizations(authorizations: unknown): unknown {
  if (!isRecord(authorizations)) return authorizations
  return Object.fromEntries(
    Object.entries(authorizations).map(([client, state]) => [client, briefAuthorization(state) ?? state]),
  )
}

/** "sid grantId", and a mark where it outlives the logout; undefined for anything else. */
function briefAuthorization(state: unknown): string | undefined {
  if (!isRecord(state)) return undefined
  const { sid, grantId, persistsLogout, ...rest } = state
  if (Object.keys(rest).length > 0 || !isWord(sid) || !isWord(grantId)) return undefined
  if (persistsLogout === undefined) return `${sid} ${grantId}`
  return persistsLogout === true ? `${sid} ${grantId} ${persists}` : undefined
}

function fullAuthorizations(authorizations: unknown): unknown {
  if (!isRecord(authorizations)) return authorizations
  return Object.fromEntries(
    Object.entries(authorizations).map(([client, state]) => {
      if (typeof state !== 'string') return [client, state]
      const [sid, grantId, mark] = state.split(' ')
      return [client, { sid, grantId, ...(mark === persists ? { persistsLogout: true } : {}) }]
    }),
  )
}
