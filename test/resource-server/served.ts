import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { request } from 'undici'
import type { AccessToken, RequireAuthentication } from '../../src/index.ts'

export interface Answer {
  status: number
  challenge: string | undefined
  headers: Record<string, string | string[] | undefined>
  body: string
}

export interface Served {
  ask(headers?: Record<string, string | string[]>, path?: string, body?: string): Promise<Answer>
  close(): Promise<void>
}

/** A resource server on a free port. */
export const serve = async (listener: RequestListener): Promise<Served> => {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    async ask(headers = {}, path = '/', body) {
      const answer = await request(`http://127.0.0.1:${port}${path}`, {
        // An array sends a header as often as it has values.
        headers: Object.entries(headers).flatMap(([name, value]) =>
          [value].flat().flatMap((one) => [name, one]),
        ),
        ...(body !== undefined && { method: 'POST', body }),
      })
      const challenge = answer.headers['www-authenticate']
      return {
        status: answer.statusCode,
        challenge: challenge === undefined ? undefined : String(challenge),
        headers: answer.headers,
        body: await answer.body.text(),
      }
    },
    close: () => new Promise((resolve) => server.close(() => resolve()).closeAllConnections()),
  }
}

/** In `node:http`: whoever passes is told whose token it was. */
export const serveGuarded = (guard: RequireAuthentication): Promise<Served> =>
  serve(
    (req: IncomingMessage & { token?: AccessToken }, res) =>
      void guard(req, res, () => res.end(`passed: ${req.token?.sub}`)),
  )

export const bearer = (token: string): { authorization: string } => ({ authorization: `Bearer ${token}` })
