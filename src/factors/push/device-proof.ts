import { z } from 'zod'
import type { DeviceKey } from './device.ts'
import { bytes32, isFresh, isSignedBy, readSigned, signedClaims } from './signed.ts'

const header = z.strictObject({
  alg: z.literal('ES256'),
  typ: z.literal('device-call+jwt'),
  kid: bytes32,
})

const claims = z.strictObject({ ...signedClaims, htm: z.string(), htu: z.string() })

/** What a device says of a call that it makes. Nothing is proven before `isBy` says so, and `jti` was spent. */
export interface DeviceProof {
  /** Of the key that it claims: the handle of the credential. */
  thumbprint: string
  /** Spent once, for as long as a proof is good. */
  jti: string
  /** `key`: of the device with this thumbprint. */
  isBy(key: DeviceKey): Promise<boolean>
}

/** Seconds for which a `jti` has to be remembered: as long as its proof is good, on either side of now. */
export const proofSeconds = 120

/**
 * The proof in `Authorization: Device <jws>`, which is of the shape of RFC 9449; undefined where it is none for this very
 * call. `url`: absolute, without query. `now`: milliseconds since the Unix epoch.
 */
export const readDeviceProof = (
  jws: string,
  { issuer, method, url, now }: { issuer: string; method: string; url: string; now: number },
): DeviceProof | undefined => {
  const signed = readSigned(jws, header, claims)
  if (!signed) return undefined
  const { aud, htm, htu, iat, jti } = signed.payload
  if (aud !== issuer || htm !== method || htu !== url || !isFresh(iat, now)) return undefined
  return { thumbprint: signed.header.kid, jti, isBy: (key) => isSignedBy(jws, key) }
}
