/**
 * The stream over which Chromium receives pushes (MCS, Chromium's google_apis/gcm/protocol/mcs.proto): one byte of
 * version, then frames of a tag, a length and a message.
 */
import type { Socket } from 'node:net'
import { content, integer, readMessage, readVarint, varint } from './chromium-push-protobuf.ts'

const version = 41
const tags = { ping: 0, pong: 1, login: 2, welcome: 3, close: 4, query: 7, message: 8 } as const
/** By tag, the field in which Chromium says how many of our frames it has. */
const acknowledging = new Map<number | undefined, number>([
  [tags.ping, 2],
  [tags.query, 10],
])

export interface PushedMessage {
  id: string
  /** The category and subtype of the registration, as Chromium named them. */
  app: string
  subtype: string
  /** Its application server key, base64url. */
  sender: string
  /** Seconds. */
  ttl: number
  /** Milliseconds since the Unix epoch. */
  sentAt: number
  /** Encrypted (RFC 8291). */
  body: Uint8Array
}

export interface Line {
  /** Answers the number of its frame. */
  push(message: PushedMessage): number
  cut(): void
}

export interface StreamEvents {
  /** Whether this device with this security token is let in. */
  login(device: string, securityToken: string): boolean
  /** @param received ids of messages that this device has. */
  open(device: string, line: Line, received: readonly string[]): void
  /** The device has all frames up to this one. */
  acknowledged(device: string, line: Line, frame: number): void
  closed(device: string, line: Line): void
}

export const serveStream = (socket: Socket, events: StreamEvents): void => {
  let received: Buffer = Buffer.alloc(0)
  let greeted = false
  let device: string | undefined
  let sent = 0

  const send = (tag: number, ...fields: Buffer[]) => {
    const message = Buffer.concat(fields)
    socket.write(Buffer.concat([Buffer.from([tag]), varint(message.length), message]))
    sent += 1
  }
  const line: Line = {
    push({ id, app, subtype, sender, ttl, sentAt, body }) {
      const data = (key: string, value: string) =>
        content(7, Buffer.concat([content(1, key), content(2, value)]))
      send(
        tags.message,
        content(2, id),
        content(3, sender),
        content(5, app),
        data('subtype', subtype),
        data('content-encoding', 'aes128gcm'),
        content(9, id),
        integer(10, sent + 1),
        integer(17, ttl),
        integer(18, sentAt),
        content(21, body),
      )
      return sent
    },
    cut: () => socket.destroy(),
  }

  const logIn = (message: Buffer) => {
    const fields = readMessage(message)
    const asking = String(fields.get(3)?.[0])
    if (!events.login(asking, String(fields.get(5)?.[0]))) return socket.destroy()
    socket.write(Buffer.from([version]))
    send(tags.welcome, content(1, 'login-1'), integer(5, 1), integer(6, 1), integer(8, Date.now()))
    device = asking
    events.open(asking, line, (fields.get(10) ?? []).map(String))
  }

  socket.on('data', (chunk) => {
    received = Buffer.concat([received, chunk])
    if (!greeted && received.length > 0) {
      if (received[0] !== version) return socket.destroy()
      greeted = true
      received = received.subarray(1)
    }
    for (;;) {
      const length = received.length > 1 ? readVarint(received, 1) : undefined
      const end = length && length.next + Number(length.value)
      if (length === undefined || end === undefined || end > received.length) return
      const tag = received[0]
      const message = received.subarray(length.next, end)
      received = received.subarray(end)
      const frame = readMessage(message).get(acknowledging.get(tag) ?? -1)?.[0]
      if (frame !== undefined && device !== undefined) events.acknowledged(device, line, Number(frame))
      if (tag === tags.login) logIn(message)
      else if (tag === tags.ping) send(tags.pong)
      else if (tag === tags.close) socket.end()
    }
  })
  socket.on('error', () => socket.destroy())
  socket.on('close', () => device !== undefined && events.closed(device, line))
}
