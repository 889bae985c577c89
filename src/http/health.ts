import type { IncomingMessage, ServerResponse } from 'node:http'

export type Readiness = Record<string, 'ok' | 'down'>

/** Milliseconds after which a part that did not answer counts as down. */
const patience = 3_000

const answer = (response: ServerResponse, status: number, body: object): void => {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' })
  response.end(`${JSON.stringify(body)}\n`)
}

const ask = async (ready: () => Promise<Readiness>): Promise<Readiness | undefined> => {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), patience)
  })
  try {
    return await Promise.race([ready(), late])
  } catch {
    return undefined
  } finally {
    clearTimeout(timer)
  }
}

/**
 * Answers `/health/live` (the process runs) and `/health/ready` (it may get requests: 200, or 503 with which part is
 * down). Answers false, having done nothing, when the path is another.
 */
export const answerHealth = (
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
  state: { draining: boolean; ready: () => Promise<Readiness> },
): boolean => {
  if (path !== '/health/live' && path !== '/health/ready') return false
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('allow', 'GET, HEAD')
    answer(response, 405, { status: 'method not allowed' })
  } else if (path === '/health/live') {
    answer(response, 200, { status: 'ok' })
  } else if (state.draining) {
    answer(response, 503, { status: 'draining' })
  } else {
    void ask(state.ready).then((parts) => {
      const ok = parts !== undefined && Object.values(parts).every((part) => part === 'ok')
      answer(response, ok ? 200 : 503, { status: ok ? 'ok' : 'down', ...parts })
    })
  }
  return true
}
