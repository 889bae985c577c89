import { z } from 'zod'
import { hotpKey, type StoredToken, serialNumber, span, totpKey, yubicoKey } from './credential.ts'

const about = {
  serial: serialNumber,
  model: z.string().nullable().default(null),
  notBefore: span.notBefore.default(null),
  notAfter: span.notAfter.default(null),
}

/** A token as the inventory keeps it. What else is there, such as its owner, does not matter here. */
const seed = z.discriminatedUnion('kind', [
  hotpKey.extend({ ...about, counter: z.int().min(0) }),
  totpKey.extend(about),
  yubicoKey.extend(about),
])

type Seed = z.infer<typeof seed>

export interface InventoryToken {
  token: StoredToken
  /** From where on it was not used, as a credential's counter. */
  counter: number
  model: string | null
}

/** Before all time steps, and before every use of a Yubico OTP: 0 is the first of them. */
const unused = -1

/** @throws Error, which tells nothing of the seed, when it is not one, or is another token's */
export const readSeed = (serial: string, text: string): InventoryToken => {
  const found = parsed(text)
  if (found?.serial !== serial)
    throw new Error(`The seed of the hardware token ${serial} is not stored as it should be`)
  return tokenOf(found)
}

const parsed = (text: string): Seed | undefined => {
  try {
    return seed.parse(JSON.parse(text))
  } catch {
    return undefined
  }
}

const tokenOf = ({ model, ...found }: Seed): InventoryToken => {
  if (found.kind === 'totp') return { token: { ...found, v: 1, drift: 0 }, counter: unused, model }
  if (found.kind === 'yubico') return { token: { ...found, v: 1 }, counter: unused, model }
  const { counter, ...token } = found
  return { token: { ...token, v: 1 }, counter, model }
}
