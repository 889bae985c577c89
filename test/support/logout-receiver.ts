import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import { freePort } from './machine.ts'

export interface LogoutReceiver {
  uri: string
  /** The logout tokens that came, as they are. */
  readonly tokens: string[]
  /** How it answers from now on. */
  answer: (req: IncomingMessage, res: ServerResponse) => void
  /** Verifies the only token that came, as a relying party does (Back-Channel Logout 1.0 §2.6). */
  verified(issuer: string, clientId: string): ReturnType<typeof jwtVerify>
  close(): Promise<void>
}

const accept: LogoutReceiver['answer'] = (_req, res) => res.writeHead(200).end()

/** The back-channel logout endpoint of a relying party, on this machine. */
export const startLogoutReceiver = async (): Promise<LogoutReceiver> => {
  const port = await freePort()
  const tokens: string[] = []
  const server = createServer((req, res) => {
    const chunks: Buffer[] = []
    req.on('data', (chunk: Buffer) => chunks.push(chunk))
    req.on('end', () => {
      const form = new URLSearchParams(Buffer.concat(chunks).toString())
      const isForm = req.headers['content-type']?.startsWith('application/x-www-form-urlencoded')
      if (req.method === 'POST' && isForm) tokens.push(...form.getAll('logout_token'))
      receiver.answer(req, res)
    })
  })
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  const receiver: LogoutReceiver = {
    uri: `http://127.0.0.1:${port}/backchannel`,
    tokens,
    answer: accept,
    async verified(issuer, clientId) {
      const [token, ...more] = tokens.splice(0)
      if (token === undefined || more.length > 0) throw new Error(`${more.length + (token ? 1 : 0)} tokens`)
      return jwtVerify(token, createRemoteJWKSet(new URL(`${issuer}/jwks`)), {
        issuer,
        audience: clientId,
        typ: 'logout+jwt',
        requiredClaims: ['iat', 'exp', 'jti', 'events'],
        currentDate: new Date(Date.now()),
      })
    },
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  return receiver
}
