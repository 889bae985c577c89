import { createPrivateKey, createPublicKey, type JsonWebKey, type KeyObject, sign } from 'node:crypto'
import { type Configuration, ExternalSigningKey } from 'oidc-provider'
import type { Config } from '../../config/schema.ts'

type Jwk = NonNullable<Config['keys']['signing']>[number]
type Keys = NonNullable<Configuration['jwks']>['keys']

/** Signatures that take less time than a hand-over to the thread pool, where they would also wait behind password hashes. */
const quick = [
  { kty: 'EC', crv: 'P-256', alg: 'ES256', digest: 'sha256' },
  { kty: 'OKP', crv: 'Ed25519', alg: 'EdDSA', digest: null },
] as const

type Quick = (typeof quick)[number]

/** Signs at once, on the main thread, with a key object that is made once. */
class QuickKey extends ExternalSigningKey {
  readonly #private: KeyObject
  readonly #public: KeyObject
  readonly #digest: Quick['digest']

  constructor(jwk: Jwk, { alg, digest }: Quick) {
    super()
    this.#private = createPrivateKey({ key: jwk as JsonWebKey, format: 'jwk' })
    this.#public = createPublicKey(this.#private)
    this.#digest = digest
    Object.assign(this, { alg, ...(typeof jwk.kid === 'string' && { kid: jwk.kid }) })
  }

  override keyObject(): KeyObject {
    return this.#public
  }

  /** RFC 7518 §3.4: r and s side by side, no DER; RFC 8037 §3.1 for Ed25519. */
  override sign(data: Uint8Array): Buffer {
    return sign(this.#digest, data, { key: this.#private, dsaEncoding: 'ieee-p1363' })
  }
}

/** The configured keys as oidc-provider takes them; RSA keys, whose signatures take long, stay with the thread pool. */
export const signingKeys = (keys: readonly Jwk[]): Keys =>
  keys.map((jwk) => {
    const kind = quick.find(
      ({ kty, crv, alg }) => kty === jwk.kty && crv === jwk['crv'] && (jwk.alg ?? alg) === alg,
    )
    // What oidc-provider cannot ask such a key for stays with it as well.
    const plain = jwk['x5c'] !== undefined || jwk['key_ops'] !== undefined
    return kind && !plain ? new QuickKey(jwk, kind) : jwk
  }) as unknown as Keys
