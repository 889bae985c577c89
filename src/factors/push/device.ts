import { calculateJwkThumbprint } from 'jose'
import { z } from 'zod'
import type { Credential } from '../../directory/directory.ts'

const coordinate = z.string().regex(/^[\w-]{43}$/)

/** The public half of the key that the browser of the phone keeps and cannot give away (P-256, RFC 7518 §6.2). */
export const deviceKey = z.strictObject({
  kty: z.literal('EC'),
  crv: z.literal('P-256'),
  x: coordinate,
  y: coordinate,
})

export type DeviceKey = z.infer<typeof deviceKey>

/** What is kept of the phone's own authenticator, which verifies its user at each approval. */
const keptAuthenticator = z.strictObject({
  /** Credential id, base64url. */
  id: z.string().min(1),
  /** As `Presence` wrote it. */
  secret: z.string().min(1),
  counter: z.int().nonnegative(),
})

export type KeptAuthenticator = z.infer<typeof keptAuthenticator>

/** What is kept of a phone, beside its thumbprint (the handle) and the time of the last request that it approved. */
export const storedDevice = z.strictObject({
  v: z.literal(1),
  key: deviceKey,
  authenticator: keptAuthenticator,
  /** Where it is told, as `PushDelivery.readAddress` answered; null: whoever opens the app is asked. */
  address: z.string().min(1).nullable(),
  /** Of the codes for when it has no network: base32. */
  offline: z.string().min(16),
  /** Of its notifications. */
  language: z.enum(['en', 'it']),
  /** Such as `ios`, in its own words. */
  platform: z.string(),
})

export type PushDevice = z.infer<typeof storedDevice>

/** @throws Error, which tells nothing of what is stored, when the secret is not one of ours */
export const readDevice = ({ id, secret }: Pick<Credential, 'id' | 'secret'>): PushDevice => {
  try {
    return storedDevice.parse(JSON.parse(secret))
  } catch {
    throw new Error(`The authenticator app ${id} is not stored as it should be`)
  }
}

export const writeDevice = (device: PushDevice): string => JSON.stringify(device)

/** RFC 7638 with SHA-256, base64url: the handle of the credential. */
export const thumbprintOf = (key: DeviceKey): Promise<string> => calculateJwkThumbprint(key, 'sha256')
