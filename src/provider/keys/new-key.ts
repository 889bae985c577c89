import { calculateJwkThumbprint, exportJWK, generateKeyPair } from 'jose'
import { type RandomBytes, randomId } from '../../crypto/random.ts'
import type { RingKey } from '../../directory/directory.ts'
import type { Wanted } from './key-stages.ts'

/** What cookies are signed with. */
export const cookieAlgorithm = 'HS256'

/** 2048 bits would do (RFC 7518 §3.3); a key that signs tokens for months gets what NIST SP 800-57 asks for beyond 2030. */
const rsaBits = 3072

/** Makes the material of a key that is wanted. The `kid` of a signing key is its RFC 7638 thumbprint. */
export const makeKey = async (wanted: Wanted, at: number, random: RandomBytes): Promise<RingKey> => {
  const made =
    wanted.use === 'cookies'
      ? { kid: randomId(random), material: random(32).toString('base64') }
      : await makeSigningKey(wanted.alg)
  return { ...wanted, ...made, createdAt: at, endsAt: null }
}

const makeSigningKey = async (alg: string): Promise<Pick<RingKey, 'kid' | 'material'>> => {
  const { privateKey } = await generateKeyPair(alg, { extractable: true, modulusLength: rsaBits })
  const jwk = await exportJWK(privateKey)
  const kid = await calculateJwkThumbprint(jwk)
  return { kid, material: JSON.stringify({ ...jwk, kid, alg, use: 'sig' }) }
}
