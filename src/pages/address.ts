import type { IncomingMessage } from 'node:http'

/** The address as the browser sent it: Express cuts the mount path off `url` and keeps the whole in `originalUrl`. */
export const addressOf = (req: IncomingMessage & { originalUrl?: string }): string =>
  req.originalUrl ?? req.url ?? '/'

export const pathOf = (req: IncomingMessage): string =>
  new URL(addressOf(req), 'http://relative.invalid').pathname
