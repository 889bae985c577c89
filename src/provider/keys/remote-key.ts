import { constants, createPublicKey, type JsonWebKey, type KeyObject, verify } from 'node:crypto'
import { ExternalSigningKey, errors } from 'oidc-provider'

/** Whoever signs did not, or not well. `server_error` for whoever asked, and no token. */
export class SignerUnavailable extends errors.OIDCProviderError {
  constructor(kid: string, cause: unknown) {
    super(503, 'server_error', { cause, detail: `the signer of key ${kid} did not sign` })
  }
}

/** Makes the signature of a JWS signing input, in the form that JOSE wants (RFC 7518 §3.4: r and s side by side). */
export type Sign = (input: Buffer) => Promise<Buffer>

export interface RemoteKeyOptions {
  kid: string
  alg: string
  publicKey: KeyObject | JsonWebKey
  sign: Sign
}

/** How signatures of each algorithm are verified. */
const verifications: Record<string, { digest: string | null; options: object }> = {
  ES256: { digest: 'sha256', options: { dsaEncoding: 'ieee-p1363' } },
  EdDSA: { digest: null, options: {} },
  RS256: { digest: 'sha256', options: { padding: constants.RSA_PKCS1_PADDING } },
  PS256: {
    digest: 'sha256',
    options: { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST },
  },
}

/**
 * A key whose private part is on another machine. What comes back is verified with the public key before it goes into a
 * token; whatever is wrong with it is a `SignerUnavailable`.
 */
export class RemoteKey extends ExternalSigningKey {
  readonly #public: KeyObject
  readonly #sign: Sign
  readonly #name: string
  readonly #verification: (typeof verifications)[string]

  constructor({ kid, alg, publicKey, sign }: RemoteKeyOptions) {
    super()
    const verification = verifications[alg]
    if (!verification) throw new TypeError(`no signer signs ${alg}`)
    this.#verification = verification
    this.#public =
      'asymmetricKeyType' in publicKey
        ? (publicKey as KeyObject)
        : createPublicKey({ key: publicKey as JsonWebKey, format: 'jwk' })
    this.#sign = sign
    this.#name = kid
    Object.assign(this, { kid, alg })
  }

  override keyObject(): KeyObject {
    return this.#public
  }

  override async sign(data: Uint8Array): Promise<Buffer> {
    const input = Buffer.from(data)
    let signature: Buffer
    try {
      signature = await this.#sign(input)
    } catch (error) {
      throw new SignerUnavailable(this.#name, error)
    }
    const { digest, options } = this.#verification
    if (!verify(digest, input, { key: this.#public, ...options }, signature))
      throw new SignerUnavailable(this.#name, new Error('the signature does not verify'))
    return signature
  }
}
