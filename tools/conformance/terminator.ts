import { type IncomingMessage, request, type ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Person } from './people.ts'

interface Terminated {
  /** Where the provider listens, on 127.0.0.1. */
  upstream: number
  /** Address to listen on, and the port; 0 takes a free one. */
  listen: { host: string; port: number }
  certificate: { cert: string; key: string }
  people: readonly Person[]
}

/** The page that asks for a code: whose it is, and the field. */
const account = /<p class="account">([^<]*)<\/p>/
const field = /<input id="code"(?=[^>]* name="code")/

/**
 * What the person does who reads the page: presses the button of the token and types what it shows. The suite's browser
 * cannot, so the code stands in the field already when the page reaches it. The provider knows nothing of it.
 */
const typeCode = async (page: string, people: readonly Person[]): Promise<string> => {
  const words = account.exec(page)?.[1]?.split(/\s/) ?? []
  const person = people.find(({ account: { username } }) => words.includes(username))
  if (!person || !field.test(page)) return page
  return page.replace(field, `<input id="code" value="${await person.press()}"`)
}

const bodyOf = async (stream: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString('utf8')
}

const isSecondStep = ({ url = '' }: IncomingMessage, { headers }: IncomingMessage): boolean =>
  /^\/interaction\/[\w-]+\/second-factor/.test(url) && String(headers['content-type']).startsWith('text/html')

/** As a TLS proxy in front of the provider: it says how it was asked, and believes nobody who says so too. */
const forwardedBy = ({ headers, socket }: IncomingMessage) => ({
  ...Object.fromEntries(Object.entries(headers).filter(([name]) => !/^(x-)?forwarded/.test(name))),
  'x-forwarded-proto': 'https',
  'x-forwarded-host': headers.host ?? '',
  'x-forwarded-for': socket.remoteAddress ?? '',
})

/** Ends TLS in front of the provider, and types the codes of the people's tokens into its pages. */
export const startTerminator = async ({
  upstream,
  listen,
  certificate,
  people,
}: Terminated): Promise<{ port: number; close(): Promise<void> }> => {
  const pass = async (
    asked: IncomingMessage,
    answer: IncomingMessage,
    res: ServerResponse,
  ): Promise<void> => {
    const { statusCode = 502, headers } = answer
    if (!isSecondStep(asked, answer)) {
      res.writeHead(statusCode, headers)
      answer.pipe(res)
      return
    }
    const page = await typeCode(await bodyOf(answer), people)
    res.writeHead(statusCode, { ...headers, 'content-length': Buffer.byteLength(page) })
    res.end(page)
  }
  const server = createServer(certificate, (req, res) => {
    const { method, url: path } = req
    const to = { host: '127.0.0.1', port: upstream, method, path, headers: forwardedBy(req) }
    const fail = () => (res.headersSent ? res.destroy() : res.writeHead(502).end())
    const passing = request(to, (answer) => void pass(req, answer, res).catch(fail))
    passing.once('error', fail)
    req.pipe(passing)
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(listen.port, listen.host, resolve)
  })
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  }
}
