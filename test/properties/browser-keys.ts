import { CompactSign, type CryptoKey, exportJWK, generateKeyPair, type JWK } from 'jose'
import { issuer } from './plugin-alone.ts'

interface Pair {
  privateKey: CryptoKey
  jwk: JWK
}

const pairs = new Map<string, Promise<Pair>>()

const makePair = async (): Promise<Pair> => {
  const { privateKey, publicKey } = await generateKeyPair('ES256')
  const { kty, crv, x, y } = (await exportJWK(publicKey)) as Required<Pick<JWK, 'kty' | 'crv' | 'x' | 'y'>>
  return { privateKey, jwk: { kty, crv, x, y } }
}

/** What a page of ours makes a browser sign: with its own key, which no other browser has, for this interaction. */
export const signInBrowser = async (browser: string, uid: string): Promise<string> => {
  const pair = pairs.get(browser) ?? makePair()
  pairs.set(browser, pair)
  const { privateKey, jwk } = await pair
  return new CompactSign(new TextEncoder().encode(JSON.stringify({ aud: issuer, nonce: uid })))
    .setProtectedHeader({ alg: 'ES256', typ: 'device-proof+jwt', jwk })
    .sign(privateKey)
}
