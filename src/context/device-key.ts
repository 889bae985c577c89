import { compactVerify, decodeProtectedHeader, importJWK, type JWK } from 'jose'
import { z } from 'zod'

/** What a browser signs with the key of a device: for this provider, in this very interaction. */
const signed = z.object({ aud: z.string(), nonce: z.string() })

const publicKey = z.strictObject({
  kty: z.literal('EC'),
  crv: z.literal('P-256'),
  x: z.string().regex(/^[\w-]{43}$/),
  y: z.string().regex(/^[\w-]{43}$/),
})

/** The issuer, and the interaction, which only the browser that began it can answer. */
export interface Asked {
  issuer: string
  uid: string
}

const typ = 'device-proof+jwt'

/** Longer input is no signature of ours. */
const mostCharacters = 2_000

/** Proofs that one login page sends: as many as people share a browser. */
const mostProofs = 10

const isSignedBy = async (jws: string, key: JWK, { issuer, uid }: Asked): Promise<boolean> => {
  try {
    const { payload, protectedHeader } = await compactVerify(jws, await importJWK(key, 'ES256'), {
      algorithms: ['ES256'],
    })
    const { aud, nonce } = signed.parse(JSON.parse(new TextDecoder().decode(payload)))
    return protectedHeader.typ === typ && aud === issuer && nonce === uid
  } catch {
    return false
  }
}

/**
 * The public key of a new device, as JSON, from a JWS that it signed and that names it (`jwk`, RFC 7515 §4.1.3); undefined
 * where the browser does not hold the private half.
 */
export const readDeviceKey = async (jws: string, asked: Asked): Promise<string | undefined> => {
  if (jws.length > mostCharacters) return undefined
  try {
    const key = publicKey.parse(decodeProtectedHeader(jws).jwk)
    return (await isSignedBy(jws, key, asked)) ? JSON.stringify(key) : undefined
  } catch {
    return undefined
  }
}

/** Whether one of the signatures that a login page sent, apart by spaces, is by the key of this device. */
export const provesDevice = async (sent: string, key: string, asked: Asked): Promise<boolean> => {
  const proofs = sent.split(' ').slice(0, mostProofs)
  const fits = proofs.filter((jws) => jws !== '' && jws.length <= mostCharacters)
  const jwk = publicKey.parse(JSON.parse(key))
  return (await Promise.all(fits.map((jws) => isSignedBy(jws, jwk, asked)))).includes(true)
}
