import { timingSafeEqual } from 'node:crypto'
import { compactVerify, decodeProtectedHeader, importJWK } from 'jose'
import { z } from 'zod'
import type { DeviceKey } from './device.ts'

/** 256 bits, base64url: ids, nonces, hashes, thumbprints. */
export const bytes32 = z.string().regex(/^[\w-]{43}$/)

/** What every signature of a device says: for whom, when (seconds since the Unix epoch), and a name of its own. */
export const signedClaims = { aud: z.string(), iat: z.int(), jti: z.string().regex(/^[\w-]{16,128}$/) }

/** Longer input is no signature of ours. */
const mostCharacters = 2_000

/** Seconds by which the clock of a device may be off. */
const skew = 60

/**
 * Header and payload of a compact JWS (RFC 7515 §7.1), of exactly these shapes; undefined where they are not. Nothing is
 * verified: it only says which key it claims to be by.
 */
export const readSigned = <Header, Payload>(
  jws: string,
  header: z.ZodType<Header>,
  payload: z.ZodType<Payload>,
): { header: Header; payload: Payload } | undefined => {
  if (jws.length > mostCharacters || !/^[\w-]+\.[\w-]+\.[\w-]+$/.test(jws)) return undefined
  try {
    const body = Buffer.from(jws.split('.')[1] ?? '', 'base64url').toString()
    return { header: header.parse(decodeProtectedHeader(jws)), payload: payload.parse(JSON.parse(body)) }
  } catch {
    return undefined
  }
}

/** ES256 and nothing else, whatever the header says (RFC 8725 §3.1). */
export const isSignedBy = async (jws: string, key: DeviceKey): Promise<boolean> => {
  try {
    await compactVerify(jws, await importJWK(key, 'ES256'), { algorithms: ['ES256'] })
    return true
  } catch {
    return false
  }
}

/** `iat` in seconds, `now` in milliseconds since the Unix epoch. */
export const isFresh = (iat: number, now: number): boolean => Math.abs(iat - now / 1000) <= skew

export const isSameText = (one: string, other: string): boolean => {
  const [a, b] = [Buffer.from(one), Buffer.from(other)]
  return a.length === b.length && timingSafeEqual(a, b)
}
