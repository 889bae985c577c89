/** Who subscribed, on which device, and what waits for a device that is not there. */
import { randomBytes, randomUUID } from 'node:crypto'
import type { Line, PushedMessage } from './chromium-push-stream.ts'

export interface Registration {
  token: string
  /** Of the browser profile, given at checkin. */
  device: string
  app: string
  /** `wp:<origin>#<guid>-V2`. */
  subtype: string
  /** Of the page that subscribed. */
  origin: string
  /** base64url without padding. */
  applicationServerKey: string
}

/** Kept until the device has it. */
interface Kept {
  message: PushedMessage
  token: string
  topic: string | undefined
  expiresAt: number
  /** Over which it went; undefined: it waits. */
  sent?: { line: Line; frame: number }
}

export class Registry {
  readonly #secrets = new Map<string, string>()
  readonly #registrations = new Map<string, Registration>()
  readonly #lines = new Map<string, Line>()
  readonly #kept = new Map<string, Kept[]>()
  readonly #now: () => number

  constructor(now: () => number) {
    this.#now = now
  }

  /** A device and its security token: the one that it names, or a new one. */
  checkIn(known: string): { device: string; secret: string } {
    const device = this.#secrets.has(known) ? known : String(randomBytes(8).readBigUInt64LE() >> 1n)
    const secret = this.#secrets.get(device) ?? String(randomBytes(8).readBigUInt64LE() >> 1n)
    this.#secrets.set(device, secret)
    return { device, secret }
  }

  isDevice(device: string, secret: string): boolean {
    return this.#secrets.get(device) === secret
  }

  /** As Google does, answers the same token for the same registration as long as that lives. */
  register(wanted: Omit<Registration, 'token' | 'origin'>): Registration {
    const known = this.registrations().find(
      ({ device, subtype, applicationServerKey }) =>
        device === wanted.device &&
        subtype === wanted.subtype &&
        applicationServerKey === wanted.applicationServerKey,
    )
    if (known) return known
    const origin = /^wp:(.+?)#/.exec(wanted.subtype)?.[1]?.replace(/\/$/, '') ?? ''
    const token = `${randomBytes(8).toString('base64url')}:${randomBytes(99).toString('base64url')}`
    const registration = { ...wanted, token, origin }
    this.#registrations.set(token, registration)
    return registration
  }

  /** `sender` of `*`: all that the subtype subscribed to. */
  unregister(device: string, subtype: string, sender: string): void {
    for (const registration of this.registrations()) {
      const isOfSender = sender === '*' || registration.applicationServerKey === sender
      if (registration.device === device && registration.subtype === subtype && isOfSender)
        this.forget(registration.token)
    }
  }

  forget(token: string): void {
    this.#registrations.delete(token)
  }

  find(token: string): Registration | undefined {
    return this.#registrations.get(token)
  }

  registrations(): Registration[] {
    return [...this.#registrations.values()]
  }

  /** Delivers at once, or when the device comes back in time; a later one of the same topic replaces it. */
  accept(to: Registration, given: { body: Uint8Array; ttl: number; topic: string | undefined }): string {
    const sentAt = this.#now()
    const message: PushedMessage = {
      id: randomUUID(),
      app: to.app,
      subtype: to.subtype,
      sender: to.applicationServerKey,
      ttl: given.ttl,
      sentAt,
      body: given.body,
    }
    const line = this.#lines.get(to.device)
    const { token, device } = to
    const { topic, ttl } = given
    const entry: Kept = { message, token, topic, expiresAt: sentAt + ttl * 1000 }
    if (line) entry.sent = { line, frame: line.push(message) }
    const isReplaced = (one: Kept) =>
      one.sent === undefined && topic !== undefined && one.token === token && one.topic === topic
    if (ttl > 0) this.#keep(device, (kept) => [...kept.filter((one) => !isReplaced(one)), entry])
    return message.id
  }

  /** What the device does not have, it gets now: also what went over a line that broke. */
  opened(device: string, line: Line, received: readonly string[]): void {
    this.#lines.get(device)?.cut()
    this.#lines.set(device, line)
    const isWanted = ({ message, token, expiresAt }: Kept) =>
      !received.includes(message.id) && expiresAt > this.#now() && this.find(token) !== undefined
    this.#keep(device, (kept) => kept.filter(isWanted))
    for (const entry of this.#kept.get(device) ?? []) entry.sent = { line, frame: line.push(entry.message) }
  }

  acknowledged(device: string, line: Line, frame: number): void {
    this.#keep(device, (kept) =>
      kept.filter(({ sent }) => !(sent && sent.line === line && sent.frame <= frame)),
    )
  }

  #keep(device: string, change: (kept: Kept[]) => Kept[]): void {
    this.#kept.set(device, change(this.#kept.get(device) ?? []))
  }

  closed(device: string, line: Line): void {
    if (this.#lines.get(device) === line) this.#lines.delete(device)
  }

  lines(): Map<string, Line> {
    return this.#lines
  }

  waiting(): number {
    return [...this.#kept.values()].flat().filter(({ sent }) => sent === undefined).length
  }
}
