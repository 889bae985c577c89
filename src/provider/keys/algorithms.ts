import type { Config } from '../../config/schema.ts'

/** What tokens may be signed with; the first is what a client gets that asks for nothing else. */
export const signatures = ['ES256', 'EdDSA', 'PS256', 'RS256'] as const

export type SignatureAlgorithm = (typeof signatures)[number]

type Keys = Pick<Config, 'keys'>
type Jwk = NonNullable<Config['keys']['signing']>[number]

/** Whether a configured key can make such signatures. */
export const fits = (jwk: Jwk, alg: string): boolean => {
  if (jwk['alg'] !== undefined && jwk['alg'] !== alg) return false
  if (alg === 'ES256') return jwk.kty === 'EC' && jwk['crv'] === 'P-256'
  if (alg === 'EdDSA') return jwk.kty === 'OKP' && jwk['crv'] === 'Ed25519'
  return jwk.kty === 'RSA' && (alg === 'PS256' || alg === 'RS256')
}

/** For which Duepassi has a key made by itself: what is configured, or, where nobody brings a key, what everybody knows. */
const ownAlgorithms = ({ keys }: Keys): readonly SignatureAlgorithm[] =>
  keys.algorithms ?? (keys.signing || keys.signers ? [] : ['ES256', 'RS256'])

/** Signed by somebody else's machine, whatever other keys there are. */
export const isSignedElsewhere = ({ keys }: Keys, alg: string): boolean =>
  keys.signers?.some((signer) => signer.signs && signer.alg === alg) ?? false

/** Whether a key of the configuration signs where the ring has none. */
export const isConfigured = ({ keys }: Keys, alg: string): boolean =>
  keys.signing?.some((jwk) => fits(jwk, alg)) ?? false

/**
 * For which there is a key, best first. It follows from the configuration alone: the ring has a key for each of these before
 * the provider answers, and none for any other.
 */
export const signatureAlgorithms = (config: Keys): SignatureAlgorithm[] =>
  signatures.filter(
    (alg) =>
      ownAlgorithms(config).includes(alg) || isConfigured(config, alg) || isSignedElsewhere(config, alg),
  )
