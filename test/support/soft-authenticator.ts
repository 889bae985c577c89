/**
 * An authenticator and a browser in software (WebAuthn L3 §6, §5.1.3, §5.1.4): keys, flags and counters as the test
 * sets them. It does as it is told, not as it is asked: it makes a key of an algorithm that was not offered, and
 * answers without having verified its user, so that the checks of the server are seen. `tamper` changes one thing.
 */
import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'
import type {
  AuthenticationResponseJSON,
  PublicKeyCredentialCreationOptionsJSON,
  PublicKeyCredentialRequestOptionsJSON,
  RegistrationResponseJSON,
} from '@simplewebauthn/server'
import { isoCBOR } from '@simplewebauthn/server/helpers'
import type { TestCertificate } from './certificates.ts'

export interface SoftAuthenticatorSettings {
  algorithm: SoftAlgorithm
  aaguid: string
  /** May be synced (BE). */
  backupEligible: boolean
  /** Is synced (BS). */
  backedUp: boolean
  /** `step` 0 with `start` 0: it does not count. */
  counter: { start: number; step: number }
  /** Its user was verified by a PIN or a finger (UV). */
  userVerification: boolean
  /** Keeps the credential, and its user's handle, so that nobody has to say who they are. */
  discoverable: boolean
  attestation: 'none' | 'packed-self' | PackedSigner
  transports: string[]
}

/** Attestation by a certificate; the chain goes on from the one that signs, without the root. */
export interface PackedSigner {
  signer: TestCertificate
  chain?: readonly TestCertificate[]
}

export interface SoftCredential {
  id: string
  rpId: string
  userHandle: string
  discoverable: boolean
  algorithm: SoftAlgorithm
  publicKey: KeyObject
  privateKey: KeyObject
  counter: number
}

/** What the browser says of the page, and what of it all is changed. */
export interface Ceremony {
  origin: string
  crossOrigin?: boolean
  topOrigin?: string
  tamper?: Tamper
}

export interface Tamper {
  /** Before it is hashed and signed. */
  clientData?: (data: Record<string, unknown>) => Record<string, unknown>
  /** Before it is signed. */
  authenticatorData?: (data: Buffer) => Buffer
  credentialId?: Buffer
  /** The COSE key that is registered. */
  publicKey?: (key: Map<number, number | Uint8Array>) => Map<number, number | Uint8Array>
  attestation?: (object: AttestationObject) => AttestationObject
  signature?: (signature: Buffer) => Buffer
  /** `get` answers by this credential, whatever is allowed. */
  credential?: string
}

export interface AttestationObject {
  fmt: string
  attStmt: Map<string, number | Uint8Array | Uint8Array[]>
  authData: Uint8Array
}

const algorithms = {
  ES256: { id: -7, hash: 'sha256' },
  ES384: { id: -35, hash: 'sha384' },
  EdDSA: { id: -8, hash: null },
  RS256: { id: -257, hash: 'sha256' },
  'ML-DSA-44': { id: -48, hash: null },
  'ML-DSA-65': { id: -49, hash: null },
  'ML-DSA-87': { id: -50, hash: null },
} as const

export type SoftAlgorithm = keyof typeof algorithms

/** Bits of the flags in authenticator data (WebAuthn L3 §6.1). */
export const flag = { up: 1, uv: 4, be: 8, bs: 16, at: 64, ed: 128 } as const

const sha256 = (data: string | Buffer) => createHash('sha256').update(data).digest()

const newKeys = (algorithm: SoftAlgorithm) => {
  if (algorithm === 'ES256') return generateKeyPairSync('ec', { namedCurve: 'P-256' })
  if (algorithm === 'ES384') return generateKeyPairSync('ec', { namedCurve: 'P-384' })
  if (algorithm === 'EdDSA') return generateKeyPairSync('ed25519')
  if (algorithm === 'RS256') return generateKeyPairSync('rsa', { modulusLength: 2048 })
  if (algorithm === 'ML-DSA-44') return generateKeyPairSync('ml-dsa-44')
  return algorithm === 'ML-DSA-65' ? generateKeyPairSync('ml-dsa-65') : generateKeyPairSync('ml-dsa-87')
}

/** COSE_Key (RFC 9052 §7). */
const coseKey = (algorithm: SoftAlgorithm, publicKey: KeyObject): Map<number, number | Uint8Array> => {
  const jwk = publicKey.export({ format: 'jwk' })
  const bytes = (value: unknown) => Buffer.from(String(value), 'base64url')
  const { id } = algorithms[algorithm]
  const key = (kty: number, ...parameters: Array<[number, number | Uint8Array]>) =>
    new Map<number, number | Uint8Array>([[1, kty], [3, id], ...parameters])
  if (jwk.kty === 'EC')
    return key(2, [-1, jwk.crv === 'P-256' ? 1 : 2], [-2, bytes(jwk.x)], [-3, bytes(jwk.y)])
  if (jwk.kty === 'OKP') return key(1, [-1, 6], [-2, bytes(jwk.x)])
  if (jwk.kty === 'RSA') return key(3, [-1, bytes(jwk.n)], [-2, bytes(jwk.e)])
  return key(7, [-1, bytes(jwk['pub'])])
}

const clientDataOf = (type: string, challenge: string, ceremony: Ceremony): Buffer => {
  const { origin, crossOrigin = false, topOrigin, tamper } = ceremony
  const data = { type, challenge, origin, crossOrigin, ...(topOrigin !== undefined && { topOrigin }) }
  return Buffer.from(JSON.stringify(tamper?.clientData?.(data) ?? data))
}

const text = (bytes: Buffer) => bytes.toString('base64url')

export interface SoftAuthenticator {
  /** May be changed between ceremonies. */
  settings: SoftAuthenticatorSettings
  readonly credentials: SoftCredential[]
  /** As `navigator.credentials.create`; `options`: PublicKeyCredentialCreationOptionsJSON. */
  create(options: unknown, ceremony: Ceremony): RegistrationResponseJSON
  /** As `navigator.credentials.get`; `options`: PublicKeyCredentialRequestOptionsJSON. */
  get(options: unknown, ceremony: Ceremony): AuthenticationResponseJSON
}

/** @throws Error `InvalidStateError` or `NotAllowedError`, as a browser would, for `create` and `get` */
export const createSoftAuthenticator = (
  given: Partial<SoftAuthenticatorSettings> = {},
): SoftAuthenticator => {
  const settings: SoftAuthenticatorSettings = {
    algorithm: 'ES256',
    aaguid: '00000000-0000-0000-0000-000000000000',
    backupEligible: false,
    backedUp: false,
    counter: { start: 0, step: 0 },
    userVerification: true,
    discoverable: true,
    attestation: 'none',
    transports: ['internal'],
    ...given,
  }
  const credentials: SoftCredential[] = []

  const authenticatorData = (credential: SoftCredential, ceremony: Ceremony, attested?: Buffer) => {
    const { backupEligible, backedUp, userVerification } = settings
    const flags =
      flag.up |
      (userVerification ? flag.uv : 0) |
      (backupEligible ? flag.be : 0) |
      (backedUp ? flag.bs : 0) |
      (attested ? flag.at : 0)
    const head = Buffer.alloc(5)
    head.writeUInt8(flags)
    head.writeUInt32BE(credential.counter, 1)
    const data = Buffer.concat([sha256(credential.rpId), head, attested ?? Buffer.alloc(0)])
    return ceremony.tamper?.authenticatorData?.(data) ?? data
  }

  const attest = (credential: SoftCredential, authData: Buffer, clientData: Buffer): AttestationObject => {
    const signed = Buffer.concat([authData, sha256(clientData)])
    const { attestation } = settings
    if (attestation === 'none') return { fmt: 'none', attStmt: new Map(), authData }
    if (attestation === 'packed-self') {
      const { id, hash } = algorithms[credential.algorithm]
      const sig = sign(hash, signed, credential.privateKey)
      return {
        fmt: 'packed',
        attStmt: new Map<string, number | Uint8Array>([
          ['alg', id],
          ['sig', sig],
        ]),
        authData,
      }
    }
    const { signer, chain = [] } = attestation
    const attStmt = new Map<string, number | Uint8Array | Uint8Array[]>([
      ['alg', algorithms.ES256.id],
      ['sig', sign('sha256', signed, signer.privateKey)],
      ['x5c', [signer, ...chain].map(({ der }) => der)],
    ])
    return { fmt: 'packed', attStmt, authData }
  }

  return {
    settings,
    credentials,
    create(options, ceremony) {
      const asked = options as PublicKeyCredentialCreationOptionsJSON
      if (asked.excludeCredentials?.some(({ id }) => credentials.some((credential) => credential.id === id)))
        throw Object.assign(new Error('registered already'), { name: 'InvalidStateError' })
      const { algorithm, counter, discoverable } = settings
      const rawId = ceremony.tamper?.credentialId ?? randomBytes(32)
      const credential: SoftCredential = {
        id: text(rawId),
        rpId: asked.rp.id ?? '',
        userHandle: asked.user.id,
        discoverable,
        algorithm,
        ...newKeys(algorithm),
        counter: counter.start,
      }
      const key = coseKey(algorithm, credential.publicKey)
      const length = Buffer.alloc(2)
      length.writeUInt16BE(rawId.length)
      const attested = Buffer.concat([
        Buffer.from(settings.aaguid.replaceAll('-', ''), 'hex'),
        length,
        rawId,
        isoCBOR.encode(ceremony.tamper?.publicKey?.(key) ?? key),
      ])
      const clientData = clientDataOf('webauthn.create', asked.challenge, ceremony)
      const object = attest(credential, authenticatorData(credential, ceremony, attested), clientData)
      const { fmt, attStmt, authData } = ceremony.tamper?.attestation?.(object) ?? object
      credentials.push(credential)
      return {
        id: credential.id,
        rawId: credential.id,
        type: 'public-key',
        authenticatorAttachment: 'platform',
        response: {
          clientDataJSON: text(clientData),
          attestationObject: text(
            Buffer.from(
              isoCBOR.encode(
                new Map<string, string | typeof attStmt | Uint8Array>([
                  ['fmt', fmt],
                  ['attStmt', attStmt],
                  ['authData', authData],
                ]),
              ),
            ),
          ),
          transports: [...settings.transports],
        },
        clientExtensionResults: { credProps: { rk: discoverable } },
      }
    },
    get(options, ceremony) {
      const asked = options as PublicKeyCredentialRequestOptionsJSON
      const allowed = asked.allowCredentials ?? []
      const { tamper } = ceremony
      const credential = credentials.findLast(({ id, rpId, discoverable }) => {
        if (tamper?.credential !== undefined) return id === tamper.credential
        if (rpId !== asked.rpId) return false
        return allowed.length === 0 ? discoverable : allowed.some((descriptor) => descriptor.id === id)
      })
      if (!credential) throw Object.assign(new Error('no such credential'), { name: 'NotAllowedError' })
      credential.counter += settings.counter.step
      const clientData = clientDataOf('webauthn.get', asked.challenge, ceremony)
      const authData = authenticatorData(credential, ceremony)
      const { hash } = algorithms[credential.algorithm]
      const signature = sign(hash, Buffer.concat([authData, sha256(clientData)]), credential.privateKey)
      return {
        id: credential.id,
        rawId: credential.id,
        type: 'public-key',
        authenticatorAttachment: 'platform',
        response: {
          clientDataJSON: text(clientData),
          authenticatorData: text(authData),
          signature: text(tamper?.signature?.(signature) ?? signature),
          ...(credential.discoverable && { userHandle: credential.userHandle }),
        },
        clientExtensionResults: {},
      }
    },
  }
}
