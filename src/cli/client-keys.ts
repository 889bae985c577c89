import { createPublicKey, type JsonWebKey, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { Refusal } from './io.ts'

export type PublicJwk = JsonWebKey & { x5c?: string[] }

const privateParts = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']

const read = (file: string): string => {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    throw new Refusal(`The --jwks ${file} cannot be read.`)
  }
}

const keyOfCertificate = (file: string, pem: string): PublicJwk => {
  try {
    const certificate = new X509Certificate(pem)
    return { ...certificate.publicKey.export({ format: 'jwk' }), x5c: [certificate.raw.toString('base64')] }
  } catch {
    throw new Refusal(`The --jwks ${file} holds no usable certificate.`)
  }
}

const parsed = (file: string, text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    throw new Refusal(`The --jwks ${file} holds neither JSON nor a certificate.`)
  }
}

const checked = (file: string, key: unknown): PublicJwk => {
  if (typeof key !== 'object' || key === null) throw new Refusal(`The --jwks ${file} is no JWK Set.`)
  if (privateParts.some((part) => part in key))
    throw new Refusal(
      `The --jwks ${file} holds a private key. It belongs to the relying party alone: give its public part.`,
    )
  try {
    const { asymmetricKeyDetails } = createPublicKey({ key: key as JsonWebKey, format: 'jwk' })
    // RFC 7518 §3.3.
    if ((asymmetricKeyDetails?.modulusLength ?? 2048) >= 2048) return key as PublicJwk
  } catch {
    throw new Refusal(`The --jwks ${file} holds a key that cannot be used.`)
  }
  throw new Refusal(`The --jwks ${file} holds an RSA key of less than 2048 bits.`)
}

/**
 * Public keys of a relying party from a file: a JWK Set, a single JWK, or a certificate as PEM.
 * @throws Refusal for anything else, and for private keys
 */
export const readKeys = (file: string): { keys: PublicJwk[] } => {
  const text = read(file)
  if (text.trimStart().startsWith('-----BEGIN CERTIFICATE-----'))
    return { keys: [keyOfCertificate(file, text)] }
  const value = parsed(file, text) as { keys?: unknown }
  const keys = Array.isArray(value?.keys) ? value.keys : [value]
  if (keys.length === 0) throw new Refusal(`The --jwks ${file} holds no key.`)
  return { keys: keys.map((key) => checked(file, key)) }
}
