/** Checkin and registration, as Chromium's google_apis/gcm/engine/{checkin,registration,unregistration}_request.cc ask. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { content, fixed64, integer, readMessage } from './chromium-push-protobuf.ts'
import type { Registry } from './chromium-push-registry.ts'

/** AndroidCheckinRequest in, AndroidCheckinResponse out (google_apis/gcm/protocol/checkin.proto). */
export const checkIn = (registry: Registry, body: Buffer, now: number): Buffer => {
  const { device, secret } = registry.checkIn(String(readMessage(body).get(2)?.[0] ?? ''))
  return Buffer.concat([
    integer(1, 1),
    integer(3, now),
    fixed64(7, BigInt(device)),
    fixed64(8, BigInt(secret)),
    content(11, '1'),
  ])
}

/** One form registers and unregisters; what is wrong is said in the body, with status 200. */
export const register = (
  registry: Registry,
  req: IncomingMessage,
  res: ServerResponse,
  body: Buffer,
): void => {
  const form = new URLSearchParams(String(body))
  const field = (name: string) => form.get(name) ?? ''
  const [, device = '', secret = ''] = /^AidLogin (\d+):(\d+)$/.exec(req.headers.authorization ?? '') ?? []
  const [subtype, sender] = [field('X-subtype'), field('sender').replace(/=+$/, '')]
  res.setHeader('content-type', 'text/plain')
  if (!registry.isDevice(device, secret) || device !== field('device'))
    res.end('Error=PHONE_REGISTRATION_ERROR')
  else if (field('delete') === 'true') {
    registry.unregister(device, subtype, sender)
    res.end(`token=${field('app')}`)
  } else {
    const { token } = registry.register({ device, app: field('app'), subtype, applicationServerKey: sender })
    res.end(`token=${token}`)
  }
}
