import type { z } from 'zod'

export const transportKinds = ['web', 'fcm', 'apns', 'ntfy', 'webhook'] as const

export type TransportKind = (typeof transportKinds)[number]

/** All that a device is told, however it gets there. */
export interface Notification {
  /** Of the request. */
  id: string
  /** Seconds since the Unix epoch. */
  expires: number
  /** Seconds left, 1 at least. */
  ttl: number
  /** Generic text. */
  title: string
  body: string
  /** Where the app shows the request. */
  navigate: string
  /** The same for each try of one message, and for no other. */
  key: string
}

export interface Answer {
  status: number
  /** Header of that name. */
  retryAfter?: string | null
  /** Nobody is at that address any more. */
  gone?: boolean
  /** A word for the log, such as BadDeviceToken. */
  reason?: string | undefined
}

/** Somebody at an address that was read. */
export interface Recipient {
  /** As it is kept: plain JSON, always in the same order. */
  address: object
  /** Once. Rejects when nobody answered. */
  post(notification: Notification): Promise<Answer>
}

export interface Transport {
  readonly kind: TransportKind
  /** Undefined: not an address of this kind, or none that may be used. */
  recipient(given: unknown): Recipient | undefined
  close(): Promise<void>
}

/** @param shape reads an address; what it answers is kept, and posted to */
export const transport = <Address extends object>(
  kind: TransportKind,
  shape: z.ZodType<Address>,
  post: (address: Address, notification: Notification) => Promise<Answer>,
  close: () => Promise<void> = async () => {},
): Transport => ({
  kind,
  recipient(given) {
    const { data: address } = shape.safeParse(given)
    return address && { address, post: (notification) => post(address, notification) }
  },
  close,
})

/** Of an answer whose body says nothing. */
export async function readAnswer(response: Response): Promise<Answer> {
  await response.body?.cancel().catch(() => {})
  return { status: response.status, retryAfter: response.headers.get('retry-after') }
}
