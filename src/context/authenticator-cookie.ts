import type { IncomingMessage, ServerResponse } from 'node:http'
import { accountTag } from './device-cookie.ts'

/**
 * For which accounts a browser is an authenticator itself, so that a sign-in in it needs no notification. It is no secret and
 * proves nothing: whoever answers signs.
 */
const nameOf = (secure: boolean): string => `${secure ? '__Host-' : ''}duepassi-authenticator`

/** Seconds: half a year; the app renews it whenever it is opened. */
const kept = 180 * 86_400

/** Accounts that one app holds; more is no browser of a person. */
const most = 20

const wellFormed = /^[\w-]{16}(\.[\w-]{16}){0,19}$/

/** By its exact name: what a neighbouring host could set has no prefix (RFC 6265bis §4.1.3.2). */
const tagsIn = (req: IncomingMessage, secure: boolean): string[] => {
  const start = `${nameOf(secure)}=`
  const pairs = (req.headers.cookie ?? '').split(';').map((pair) => pair.trim())
  const tags = pairs.find((pair) => pair.startsWith(start))?.slice(start.length) ?? ''
  return wellFormed.test(tags) ? tags.split('.') : []
}

export const isAuthenticatorHere = (req: IncomingMessage, accountId: string, secure: boolean): boolean =>
  tagsIn(req, secure).includes(accountTag(accountId))

/** `here`: whether it is one for this account from now on. */
export const noteAuthenticatorHere = (
  req: IncomingMessage,
  res: ServerResponse,
  accountId: string,
  { here, secure }: { here: boolean; secure: boolean },
): void => {
  const others = tagsIn(req, secure).filter((tag) => tag !== accountTag(accountId))
  const tags = here ? [accountTag(accountId), ...others].slice(0, most) : others
  res.appendHeader(
    'Set-Cookie',
    `${nameOf(secure)}=${tags.join('.')}; Path=/; Max-Age=${tags.length > 0 ? kept : 0}; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}`,
  )
}
