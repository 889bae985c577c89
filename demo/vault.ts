import { createServer, type IncomingMessage } from 'node:http'
import accepts from 'accepts'
import { type AccessToken, requireAuthentication } from '../src/index.ts'

/** The scope that the vault's tokens need. */
export const vaultScope = 'vault:open'

/** The address of the vault, which is its resource indicator as well: the `aud` of its tokens. */
export const vaultAt = (port: number): string => `http://localhost:${port}/vault`

const treasures = {
  en: {
    title: 'Grandmother Ada’s tiramisù',
    text: 'Six eggs, 500 g of mascarpone, 120 g of sugar, coffee without milk, and no cream. Never cream.',
  },
  it: {
    title: 'Il tiramisù di nonna Ada',
    text: 'Sei uova, 500 g di mascarpone, 120 g di zucchero, caffè senza latte, e niente panna. Mai la panna.',
  },
}

/**
 * A resource server of its own: it has no session and no page, and takes what a token says. It opens to keys that cannot
 * be phished, used within the hour; to whoever proved less it says what is missing (RFC 9470).
 */
export const startVault = async ({
  issuer,
  port,
}: {
  issuer: string
  /** 0 takes a free one. */
  port: number
}): Promise<{ url: string; close(): Promise<void> }> => {
  const server = createServer()
  await new Promise<void>((resolve, reject) =>
    server.once('error', reject).listen(port, 'localhost', resolve),
  )
  const { port: taken } = server.address() as { port: number }
  const url = vaultAt(taken)
  const guard = requireAuthentication({
    issuer,
    audience: url,
    acr: ['phr', 'phrh'],
    maxAge: 3600,
    scope: [vaultScope],
    fetch: globalThis.fetch,
  })
  server.on('request', (request: IncomingMessage & { token?: AccessToken }, response) => {
    if (request.method !== 'GET' || request.url !== '/vault') return response.writeHead(404).end()
    guard(request, response, () => {
      const language = accepts(request).languages(['en', 'it']) === 'it' ? 'it' : 'en'
      response.writeHead(200, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' })
      response.end(JSON.stringify({ ...treasures[language], acr: request.token?.acr }))
    }).catch(() => response.destroy())
  })
  return {
    url,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  }
}
