import { z } from 'zod'
import type { Credential } from '../../directory/directory.ts'

/** So many bytes in base64; the shortest are seeds of old tokens. */
const key = (least: number, most: number) =>
  z.base64().refine((text) => {
    const { length } = Buffer.from(text, 'base64')
    return length >= least && length <= most
  })

const oath = {
  algorithm: z.enum(['sha1', 'sha256', 'sha512']),
  digits: z.literal([6, 8]),
  key: key(10, 64),
}

/** What a token computes its codes from, as the inventory has it, and as a credential keeps it. */
export const hotpKey = z.object({ kind: z.literal('hotp'), ...oath })
export const totpKey = z.object({ kind: z.literal('totp'), ...oath, period: z.literal([30, 60]) })
export const yubicoKey = z.object({
  kind: z.literal('yubico'),
  key: key(16, 16),
  /** What the key types in front of each code, in modhex; null: nothing. */
  publicId: z
    .string()
    .regex(/^(?:[cbdefghijklnrtuv]{2}){1,16}$/)
    .nullable(),
  privateId: z.string().regex(/^[0-9a-f]{12}$/),
})

export const serialNumber = z.string().regex(/^[A-Za-z0-9._:/-]{1,64}$/)

/** Milliseconds since the Unix epoch, outside of which the token is not accepted. */
export const span = { notBefore: z.int().nullable(), notAfter: z.int().nullable() }

const kept = { v: z.literal(1), serial: serialNumber, ...span }

const stored = z.discriminatedUnion('kind', [
  z.strictObject({ ...hotpKey.shape, ...kept }),
  z.strictObject({
    ...totpKey.shape,
    ...kept,
    /** Steps by which the token's clock is ahead (negative: behind). */
    drift: z.int().min(-20).max(20),
  }),
  z.strictObject({ ...yubicoKey.shape, ...kept }),
])

export type StoredToken = z.infer<typeof stored>
export type HotpToken = Extract<StoredToken, { kind: 'hotp' }>
export type TotpToken = Extract<StoredToken, { kind: 'totp' }>
export type YubicoToken = Extract<StoredToken, { kind: 'yubico' }>

/** @throws Error, which tells nothing of what is stored, when the secret is not one of ours */
export const readToken = ({ id, secret }: Pick<Credential, 'id' | 'secret'>): StoredToken => {
  try {
    return stored.parse(JSON.parse(secret))
  } catch {
    throw new Error(`The hardware token ${id} is not stored as it should be`)
  }
}

export const writeToken = (token: StoredToken): string => JSON.stringify(token)
