import type { IncomingMessage } from 'node:http'
import { DuepassiError } from '../errors.ts'

/** As large as the bodies that oidc-provider itself accepts. */
const maxBytes = 56 * 1024

/**
 * The fields of an urlencoded form. Where the host's own body parser has run, `req.body` is taken instead.
 *
 * @throws DuepassiError `bad_form`: another content type, more than 56 kB, a field given twice, a value that is not text.
 */
export async function readForm(req: IncomingMessage & { body?: unknown }): Promise<Record<string, string>> {
  if (req.body !== undefined) return fieldsOf(parsedBody(req.body))
  const type = req.headers['content-type']?.split(';')[0]?.trim().toLowerCase()
  if (type !== 'application/x-www-form-urlencoded') throw badForm('the content type is not urlencoded')
  return fieldsOf(new URLSearchParams(await readText(req)))
}

function parsedBody(body: unknown): [string, unknown][] {
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw badForm('the parsed body is no object')
  return Object.entries(body)
}

function fieldsOf(entries: Iterable<[string, unknown]>): Record<string, string> {
  // Without a prototype, a field that is not there is undefined whatever its name.
  const fields: Record<string, string> = Object.create(null)
  for (const [name, value] of entries) {
    if (typeof value !== 'string') throw badForm('a value is not text')
    if (name in fields) throw badForm('a field is given twice')
    fields[name] = value
  }
  return fields
}

/**
 * The body as text.
 *
 * @throws DuepassiError `bad_form`: more than 56 kB, or nothing that can be read.
 */
export async function readText(req: IncomingMessage): Promise<string> {
  if (!req.readable) throw badForm('the body was read already, and is not in req.body')
  const chunks: Buffer[] = []
  let size = 0
  try {
    // Left undestroyed, so that the refusal still reaches whoever sends too much.
    for await (const chunk of req.iterator({ destroyOnReturn: false })) {
      size += chunk.length
      if (size > maxBytes) throw badForm('the body is too large')
      chunks.push(chunk)
    }
    return Buffer.concat(chunks).toString('utf8')
  } catch (cause) {
    if (cause instanceof DuepassiError) throw cause
    throw new DuepassiError('bad_form', 'the body ended early', { cause })
  }
}

const badForm = (reason: string): DuepassiError => new DuepassiError('bad_form', reason)

/**
 * Refuses a request that changes something unless it comes from our own pages: `Sec-Fetch-Site: same-origin`, or,
 * where the browser sends none (it does so to trustworthy addresses only), our own `Origin`.
 *
 * @param ownOrigin the origin of the configured issuer; never one derived from the request (Koa 3's `ctx.origin`
 * answers the Origin header itself, so comparing with it always succeeds).
 * @throws DuepassiError `cross_site`
 */
export function guardCrossSite(req: IncomingMessage, ownOrigin: string): void {
  if (req.method === 'GET' || req.method === 'HEAD' || req.method === 'OPTIONS') return
  const site = req.headers['sec-fetch-site']
  const own = site === undefined ? req.headers.origin === ownOrigin : site === 'same-origin'
  if (!own) throw new DuepassiError('cross_site', 'the request does not come from our own pages')
}
