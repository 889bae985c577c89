import { request } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { CustomFetch } from 'openid-client'
import { Agent, fetch as undiciFetch } from 'undici'
import { issueAuthority, issueCertificate, type TestCertificate } from '../../support/certificates.ts'

export const certificateHeader = 'Client-Cert'
export const verifiedHeader = 'Client-Cert-Verify'

export const keyOf = ({ privateKey }: TestCertificate): string =>
  String(privateKey.export({ type: 'pkcs8', format: 'pem' }))

/** As RFC 9440 §2.1 writes it. */
export const inHeader = ({ der }: TestCertificate): string => `:${der.toString('base64')}:`

/**
 * A TLS proxy that asks for client certificates: hands over what the connection has, verified or not, and nothing that
 * the request says of itself.
 */
export const openTlsEntrance = async (port: number, authority: TestCertificate) => {
  const root = issueAuthority('Entrance')
  const own = issueCertificate({ commonName: 'localhost', dnsName: 'localhost', issuer: root })
  const server = createServer(
    { key: keyOf(own), cert: own.pem, ca: authority.pem, requestCert: true, rejectUnauthorized: false },
    (req, res) => {
      const socket = req.socket as TLSSocket
      const {
        [certificateHeader.toLowerCase()]: _,
        [verifiedHeader.toLowerCase()]: _v,
        ...rest
      } = req.headers
      const { raw } = socket.getPeerCertificate()
      const onward = request(
        {
          host: '127.0.0.1',
          port,
          path: req.url,
          method: req.method,
          headers: {
            ...rest,
            'x-forwarded-proto': 'https',
            'x-forwarded-host': req.headers.host,
            ...(raw && {
              [certificateHeader]: `:${raw.toString('base64')}:`,
              [verifiedHeader]: socket.authorized ? 'SUCCESS' : 'FAILED',
            }),
          },
        },
        (answer) => {
          res.writeHead(answer.statusCode ?? 502, answer.headers)
          answer.pipe(res)
        },
      )
      onward.on('error', () => res.writeHead(502).end())
      req.pipe(onward)
    },
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const agents: Agent[] = []
  return {
    origin: `https://localhost:${(server.address() as AddressInfo).port}`,
    /** `fetch` of somebody with a certificate, or without any. */
    fetchWith(certificate?: TestCertificate): CustomFetch {
      const dispatcher = new Agent({
        connect: {
          ca: root.pem,
          ...(certificate && { cert: certificate.pem, key: keyOf(certificate) }),
        },
      })
      agents.push(dispatcher)
      return async (url, init) =>
        (await undiciFetch(url, { ...init, dispatcher } as never)) as unknown as Response
    },
    async close() {
      await Promise.all(agents.map((agent) => agent.destroy()))
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
