import type { IncomingMessage, ServerResponse } from 'node:http'
import { DuepassiError } from '../errors.ts'
import { readText } from '../pages/form.ts'

/** What a call to the API is answered. `body` absent: 204. */
export interface Answer {
  status: number
  body?: Record<string, unknown>
  /** Seconds; sent as Retry-After. */
  retryAfter?: number
}

/** @throws DuepassiError `bad_form` for what is too large, or no JSON object */
export const readJson = async (req: IncomingMessage): Promise<Record<string, unknown>> => {
  const text = await readText(req)
  try {
    const body: unknown = JSON.parse(text)
    if (typeof body === 'object' && body !== null && !Array.isArray(body))
      return body as Record<string, unknown>
  } catch {}
  throw new DuepassiError('bad_form', 'the body is no JSON object')
}

export const sendAnswer = (res: ServerResponse, { status, body, retryAfter }: Answer): void => {
  res.writeHead(status, {
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...(body && { 'content-type': 'application/json' }),
    ...(retryAfter !== undefined && { 'retry-after': String(retryAfter) }),
  })
  res.end(body && JSON.stringify(body))
}
