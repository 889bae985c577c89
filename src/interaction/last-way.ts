import type { IncomingMessage, ServerResponse } from 'node:http'

/**
 * Which factor worked last in this browser, so that it is asked first the next time. It is no secret and proves nothing: a
 * name that is not one of the person's factors is not heeded.
 */
const name = (secure: boolean): string => (secure ? '__Host-duepassi-way' : 'duepassi-way')

/** Seconds: half a year. */
const kept = 180 * 86_400

export const lastWayIn = (req: IncomingMessage): string | undefined =>
  /(?:^|;\s*)(?:__Host-)?duepassi-way=([a-z-]{1,40})(?:;|$)/.exec(req.headers.cookie ?? '')?.[1]

export const rememberWay = (res: ServerResponse, factor: string, secure: boolean): void => {
  res.appendHeader(
    'Set-Cookie',
    `${name(secure)}=${factor}; Path=/; Max-Age=${kept}; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}`,
  )
}
