import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'

/** As much of a request as the room looks at. */
export const requestFrom = (
  remoteAddress: string | undefined,
  headers: IncomingHttpHeaders = {},
): IncomingMessage => ({ socket: { remoteAddress }, headers }) as unknown as IncomingMessage
