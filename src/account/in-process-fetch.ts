import type { IncomingMessage, ServerResponse } from 'node:http'

/** The part of the Fetch API that openid-client uses. */
export type InProcessFetch = (
  url: string,
  options: { method: string; headers: Record<string, string>; body?: unknown; signal?: AbortSignal },
) => Promise<Response>

/** Statuses whose answers have no body (Fetch, "null body status"). */
const withoutBody = new Set([101, 103, 204, 205, 304])

/**
 * Requests to our own origin, handed to our own handler: they never leave the process, and need neither a port nor a
 * certificate. The handler sees them as it sees those of a TLS proxy, so that it names its addresses by the same origin.
 * Redirects are not followed.
 *
 * @throws TypeError for any other origin
 */
export const createInProcessFetch =
  (handler: (req: IncomingMessage, res: ServerResponse) => void, origin: string): InProcessFetch =>
  async (address, { method, headers, body, signal }) => {
    const url = new URL(address)
    if (url.origin !== origin) throw new TypeError(`${url.origin} is not the origin of the provider`)
    const protocol = url.protocol.slice(0, -1)
    const { inject } = await import('light-my-request')
    const answer = await inject(
      (req, res) => {
        // Where no proxy is configured, X-Forwarded-Proto is not believed.
        Object.assign(req.socket, { encrypted: protocol === 'https' })
        handler(req, res)
      },
      {
        method,
        url: `${url.pathname}${url.search}`,
        headers: {
          ...headers,
          host: url.host,
          'x-forwarded-proto': protocol,
          'x-forwarded-host': url.host,
        },
        ...(body != null && { payload: String(body) }),
        ...(signal && { signal }),
      },
    )
    const { statusCode: status, rawPayload } = answer
    return new Response(withoutBody.has(status) ? null : new Uint8Array(rawPayload), {
      status,
      headers: headersOf(answer.headers),
    })
  }

const headersOf = (given: Record<string, unknown>): Headers => {
  const headers = new Headers()
  for (const [name, value] of Object.entries(given))
    for (const one of Array.isArray(value) ? value : [value])
      if (one !== undefined) headers.append(name, String(one))
  return headers
}
