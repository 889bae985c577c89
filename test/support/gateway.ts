import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { OutboundFetch } from '../../src/outbound/guarded-fetch.ts'

export interface GatewayRequest {
  /** Where it was sent: the gateway stands for any host. */
  url: string
  headers: IncomingHttpHeaders
  body: string
}

export interface Gateway {
  requests: GatewayRequest[]
  /** `{ status: 200 }` when it is absent, or answers undefined. */
  answer: (request: GatewayRequest) => { status: number; json?: unknown; headers?: object } | undefined
  fetch: OutboundFetch
  /** `http://127.0.0.1:<port>` */
  origin: string
  close(): void
}

/** One HTTP server for all those that are configured by their address, whatever that is. */
export async function startGateway(): Promise<Gateway> {
  const server = createServer((req, res) => {
    void text(req).then((body) => {
      const { headers } = req
      const request = { url: String(headers['x-sent-to']), headers, body }
      gateway.requests.push(request)
      const { status, json, headers: more = {} } = gateway.answer(request) ?? { status: 200 }
      res.writeHead(status, { ...more }).end(json === undefined ? '' : JSON.stringify(json))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const gateway: Gateway = {
    requests: [],
    answer: () => undefined,
    origin,
    fetch: async (url, init) => {
      const headers = new Headers(init?.headers)
      headers.set('x-sent-to', String(url))
      return globalThis.fetch(origin, { ...init, headers })
    },
    close() {
      server.closeAllConnections()
      server.close()
    },
  }
  return gateway
}
