import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createAppFiles } from '../../src/authenticator/files.ts'

/** The app's files behind HTTP; 599 for what is not theirs. Paths are sent as they are. */
export const serveApp = async (issuer: string, name = 'Test') => {
  const files = createAppFiles({ issuer, brand: { name } })
  const server = createServer((req, res) => {
    if (!files(req, res)) res.writeHead(599).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    get: (path: string, headers: Record<string, string> = {}) =>
      new Promise<{ status: number; headers: Headers; body: string }>((resolve, reject) => {
        const sent = request({ host: '127.0.0.1', port, path, headers }, (res) => {
          const chunks: Buffer[] = []
          res.on('data', (chunk: Buffer) => chunks.push(chunk))
          res.on('end', () =>
            resolve({
              status: res.statusCode ?? 0,
              headers: new Headers(res.headers as Record<string, string>),
              body: Buffer.concat(chunks).toString(),
            }),
          )
        })
        sent.once('error', reject).end()
      }),
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

export type AppServer = Awaited<ReturnType<typeof serveApp>>
