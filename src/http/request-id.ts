import type { IncomingMessage } from 'node:http'
import { type RandomBytes, randomId } from '../crypto/random.ts'

/** Long enough to be one, and nothing that could forge a log line. */
const isWellFormed = (id: unknown): id is string =>
  typeof id === 'string' && /^[A-Za-z0-9][\w.:-]{7,63}$/.test(id)

/** The proxy's `X-Request-Id` where a proxy is configured and it is well-formed, otherwise a new one. */
export const requestIdOf = (
  request: IncomingMessage,
  { proxy, random }: { proxy: boolean; random: RandomBytes },
): string => {
  const given = request.headers['x-request-id']
  return proxy && isWellFormed(given) ? given : randomId(random)
}
