import type { IncomingMessage } from 'node:http'

/** The address as the browser sent it: Express cuts the mount path off `url` and keeps the whole in `originalUrl`. */
export const addressOf = (req: IncomingMessage & { originalUrl?: string }): string =>
  req.originalUrl ?? req.url ?? '/'

/** The path alone; empty for a request target that is none, which anybody can send. */
export const pathOf = (req: IncomingMessage): string =>
  URL.parse(addressOf(req), 'http://relative.invalid')?.pathname ?? ''
