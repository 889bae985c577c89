import { createHash } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'

/** What a browser holds of a device: its name, and the secret that changes at each sign-in. */
export interface DeviceCookie {
  id: string
  secret: string
}

/** Seconds that a browser is remembered after its last sign-in: half a year. */
export const rememberedSeconds = 180 * 86_400

/** Tells accounts apart in one browser, without telling who they are. */
export const accountTag = (accountId: string): string =>
  createHash('sha256').update(`device:${accountId}`).digest('base64url').slice(0, 16)

const nameOf = (accountId: string, secure: boolean): string =>
  `${secure ? '__Host-' : ''}duepassi-device-${accountTag(accountId)}`

const wellFormed = /^([\w-]{22,43})\.([\w-]{43})$/

/** One cookie for each account, since several people may share a browser (RFC 6265bis §4.1.3.2 for the prefix). */
export const readDeviceCookie = (
  req: IncomingMessage,
  accountId: string,
  secure: boolean,
): DeviceCookie | undefined => {
  const start = `${nameOf(accountId, secure)}=`
  const value = (req.headers.cookie ?? '')
    .split(';')
    .map((pair) => pair.trim())
    .find((pair) => pair.startsWith(start))
    ?.slice(start.length)
  const [, id, secret] = wellFormed.exec(value ?? '') ?? []
  return id !== undefined && secret !== undefined ? { id, secret } : undefined
}

export const writeDeviceCookie = (
  res: ServerResponse,
  accountId: string,
  { id, secret }: DeviceCookie,
  secure: boolean,
): void => {
  res.appendHeader(
    'Set-Cookie',
    `${nameOf(accountId, secure)}=${id}.${secret}; Path=/; Max-Age=${rememberedSeconds}; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}`,
  )
}

/** What is kept of the secret. It has 256 bits, so that a plain hash does. */
export const hashOf = (secret: string): string => createHash('sha256').update(secret).digest('base64url')
