/** COSE algorithm identifiers (IANA). The fully specified twins −9, −19 are not offered (WebAuthn L3 §5.4). */
export const coseIdentifiers = {
  ES256: -7,
  EdDSA: -8,
  RS256: -257,
  'ML-DSA-44': -48,
  'ML-DSA-65': -49,
  'ML-DSA-87': -50,
} as const

export type Algorithm = keyof typeof coseIdentifiers

/** Every authenticator knows one of them, and every runtime verifies all of them (WebAuthn L3 §5.4). */
export const defaultAlgorithms: readonly Algorithm[] = ['ES256', 'EdDSA', 'RS256']

/** Labels of COSE_Key (RFC 9052 §7.1, RFC 9053 §7, RFC 8230 §4); −1 is the curve, the modulus or the ML-DSA key. */
export const coseLabels = { kty: 1, alg: 3, crv: -1, n: -1 } as const

const keyTypes = { okp: 1, ec2: 2, rsa: 3, akp: 7 } as const

const curves = { p256: 1, ed25519: 6 } as const

const smallestModulus = 256

/**
 * The algorithm of a parsed COSE key, when it is one of the allowed ones and the key fits it: WebAuthn L3 §5.8.5 binds
 * −7 to P-256 and −8 to Ed25519; an RSA modulus has 2048 bits or more (NIST SP 800-131A).
 */
export const algorithmOf = (
  key: ReadonlyMap<number, unknown>,
  allowed: readonly Algorithm[],
): Algorithm | undefined => {
  const name = allowed.find((candidate) => coseIdentifiers[candidate] === key.get(coseLabels.alg))
  return name !== undefined && fits(name, key) ? name : undefined
}

const fits = (name: Algorithm, key: ReadonlyMap<number, unknown>): boolean => {
  const kty = key.get(coseLabels.kty)
  if (name === 'ES256') return kty === keyTypes.ec2 && key.get(coseLabels.crv) === curves.p256
  if (name === 'EdDSA') return kty === keyTypes.okp && key.get(coseLabels.crv) === curves.ed25519
  if (name !== 'RS256') return kty === keyTypes.akp
  const modulus = key.get(coseLabels.n)
  return kty === keyTypes.rsa && modulus instanceof Uint8Array && modulus.length >= smallestModulus
}
