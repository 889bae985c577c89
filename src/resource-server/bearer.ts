import type { IncomingMessage } from 'node:http'
import { type Refusal, refusals } from './refusal.ts'

/** RFC 6750 §2.1: the scheme in any case (RFC 9110 §11.1), then a `b64token`. */
const bearer = /^Bearer +([\w.~+/-]+=*)$/i

/**
 * The access token of a request, from its `Authorization` header and from nowhere else: what is in an address ends up in
 * histories and logs, and what is in a form may be sent by any page (RFC 9700 §4.3.2, RFC 6750 §5.3).
 *
 * @param body the parsed body, where the host has read it
 * @returns undefined where there is none
 */
export const readBearer = (
  request: Pick<IncomingMessage, 'url' | 'headers' | 'rawHeaders'>,
  body: unknown,
): string | Refusal | undefined => {
  if (isInAddress(request.url) || isInBody(body)) return refusals.elsewhere()
  if (countOf(request, 'authorization') > 1) return refusals.twice()
  const { authorization } = request.headers
  if (authorization === undefined || !/^Bearer(?: |$)/i.test(authorization)) return undefined
  return bearer.exec(authorization)?.[1] ?? refusals.invalid()
}

const isInAddress = (url = ''): boolean => {
  const query = url.indexOf('?')
  return query >= 0 && new URLSearchParams(url.slice(query + 1)).has('access_token')
}

const isInBody = (body: unknown): boolean =>
  typeof body === 'object' && body !== null && Object.hasOwn(body, 'access_token')

/** Node keeps the first of several and drops the rest; whoever stands in front may have looked at another. */
const countOf = ({ rawHeaders }: Pick<IncomingMessage, 'rawHeaders'>, name: string): number =>
  rawHeaders.filter((header, index) => index % 2 === 0 && header.toLowerCase() === name).length
