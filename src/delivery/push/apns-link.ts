import { type ClientHttp2Session, connect, constants } from 'node:http2'

/** Requests to one HTTP/2 server over one connection, which is made when it is needed. */
export interface ApnsLink {
  post(
    path: string,
    headers: Record<string, string>,
    body: string,
  ): Promise<{ status: number; body: string; retryAfter: string | null }>
  /** At once: what is under way is for the caller to wait for. */
  close(): Promise<void>
}

/** Idle connections are ended before somebody between forgets them, and says nothing. */
const longestIdle = 240_000
const longestAnswer = 4_096

/**
 * @param patience milliseconds for a request, the connection included
 */
export function apnsLink(origin: string, patience: number, ca?: string): ApnsLink {
  let current: ClientHttp2Session | undefined
  const forget = (session: ClientHttp2Session) => {
    if (current === session) current = undefined
  }
  const open = (): ClientHttp2Session => {
    if (current && !current.closed && !current.destroyed) return current
    const session = connect(origin, ca === undefined ? {} : { ca })
    current = session
    session.setTimeout(longestIdle, () => session.close())
    // Each request hears of it by itself.
    session.on('error', () => forget(session))
    session.on('goaway', () => forget(session))
    session.on('close', () => forget(session))
    return session
  }
  return {
    post: (path, headers, body) =>
      new Promise((resolve, reject) => {
        const session = open()
        const request = session.request({ ':method': 'POST', ':path': path, ...headers })
        const timer = setTimeout(() => {
          // Whoever does not answer one request in time will not answer the next.
          session.destroy()
          reject(new DOMException('the server did not answer in time', 'TimeoutError'))
        }, patience)
        let status = 0
        let retryAfter: string | null = null
        let text = ''
        request.on('response', (answer) => {
          status = Number(answer[constants.HTTP2_HEADER_STATUS])
          retryAfter = answer['retry-after'] ?? null
        })
        request.setEncoding('utf8').on('data', (chunk: string) => {
          if (text.length < longestAnswer) text += chunk
        })
        request.on('error', reject)
        request.on('close', () => {
          clearTimeout(timer)
          if (status === 0) reject(new Error('the server closed the connection'))
          else resolve({ status, body: text, retryAfter })
        })
        request.end(body)
      }),
    close: async () => {
      current?.destroy()
    },
  }
}
