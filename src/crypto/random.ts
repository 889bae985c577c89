import { randomBytes } from 'node:crypto'

/** A source of cryptographically strong random bytes; comes in as a parameter wherever it is used. */
export type RandomBytes = (size: number) => Buffer

export const systemRandom: RandomBytes = (size) => randomBytes(size)

/** A random identifier of 128 bits, base64url (22 characters). */
export const randomId = (random: RandomBytes): string => random(16).toString('base64url')
