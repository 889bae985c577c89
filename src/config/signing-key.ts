import { createPrivateKey, createPublicKey, type JsonWebKey, sign, verify } from 'node:crypto'

/** `material` tells keys apart whatever their `kid`; it is public. */
export type SigningKey = { algorithms: readonly string[]; material: string } | { unusable: string }

type Jwk = Record<string, unknown>

/** What signs, by key type: `crv` for curves. Anything else is refused. */
const kinds = [
  { kty: 'EC', crv: 'P-256', algorithms: ['ES256'], digest: 'sha256', material: 'x' },
  { kty: 'OKP', crv: 'Ed25519', algorithms: ['EdDSA', 'Ed25519'], digest: null, material: 'x' },
  { kty: 'RSA', crv: undefined, algorithms: ['PS256', 'RS256'], digest: 'sha256', material: 'n' },
] as const

const bitsOf = (base64url: unknown): number => {
  const bytes = Buffer.from(typeof base64url === 'string' ? base64url : '', 'base64url')
  const first = bytes.findIndex((byte) => byte !== 0)
  return first < 0 ? 0 : (bytes.length - first) * 8 - Math.clz32(bytes[first] ?? 0) + 24
}

/** A signature by the private part must verify with the public part, which is what relying parties get. */
const partsFit = (jwk: JsonWebKey, digest: string | null): boolean => {
  try {
    const probe = Buffer.from('duepassi')
    const { d: _, p: _p, q: _q, dp: _dp, dq: _dq, qi: _qi, ...open } = jwk
    const signature = sign(digest, probe, createPrivateKey({ key: jwk, format: 'jwk' }))
    return verify(digest, probe, createPublicKey({ key: open, format: 'jwk' }), signature)
  } catch {
    return false
  }
}

/** Why a JWK will not do as the public key of a signer, if so. */
export const describePublicKey = (jwk: Jwk, alg: string): string | undefined => {
  const kind = kinds.find(({ kty, crv }) => kty === jwk.kty && crv === jwk.crv)
  const algorithms: readonly string[] = kind?.algorithms ?? []
  if (!algorithms.includes(alg)) return `is no key for ${alg}.`
  if (jwk.d !== undefined) return 'is a private key; only its public part belongs here.'
  if (kind?.kty === 'RSA' && bitsOf(jwk.n) < 2048) return 'is an RSA key of less than 2048 bits.'
  try {
    createPublicKey({ key: jwk as JsonWebKey, format: 'jwk' })
    return undefined
  } catch {
    return 'is broken.'
  }
}

/** What a configured JWK can sign, or why it cannot. RSA from 2048 bits (RFC 7518 §3.3). */
export const describeSigningKey = (jwk: Jwk): SigningKey => {
  const kind = kinds.find(({ kty, crv }) => kty === jwk.kty && crv === jwk.crv)
  if (!kind) return { unusable: 'is of a kind that signs no tokens here: EC P-256, Ed25519 and RSA do.' }
  if (jwk.d === undefined) return { unusable: 'is a public key; its private part `d` is missing.' }
  if (jwk.use !== undefined && jwk.use !== 'sig')
    return { unusable: 'is not for signing: its `use` is not `sig`.' }
  const algorithms: readonly string[] = kind.algorithms
  const alg = jwk.alg
  if (alg !== undefined && !(typeof alg === 'string' && algorithms.includes(alg))) {
    return { unusable: `has an \`alg\` that does not fit; this key can be ${algorithms.join(' or ')}.` }
  }
  if (kind.kty === 'RSA' && bitsOf(jwk.n) < 2048)
    return { unusable: 'is an RSA key of less than 2048 bits; 3072 are advised.' }
  if (!partsFit(jwk, kind.digest))
    return { unusable: 'is broken: its private and public parts do not belong together.' }
  return { algorithms: typeof alg === 'string' ? [alg] : algorithms, material: String(jwk[kind.material]) }
}
