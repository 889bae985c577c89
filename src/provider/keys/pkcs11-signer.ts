import { createHash, type JsonWebKey } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { ck, codeOf, misfit, type Pkcs11, usePkcs11 } from './pkcs11-module.ts'
import type { Sign } from './remote-key.ts'

export interface Pkcs11SignerOptions {
  alg: 'ES256' | 'PS256' | 'RS256'
  /** Path of the library. */
  module: string
  /** Label of the token. */
  token: string
  pin: string
  /** Label of the private and of the public key. */
  key: string
  /** Milliseconds for one signature. Default: 5000. */
  patience?: number
}

/** PKCS#11 Current Mechanisms 2.40 §2.1, §2.3. CKM_ECDSA takes the digest, and answers r and s side by side. */
const mechanisms = {
  ES256: { mechanism: 0x1041, hashed: true, longest: 64 },
  RS256: { mechanism: 0x40, hashed: false, longest: 1024 },
  PS256: {
    mechanism: 0x43,
    // SHA-256, MGF1 with SHA-256, as much salt as hash (RFC 7518 §3.5); the type is what pkcs11js calls CK_PARAMS_RSA_PSS.
    parameter: { type: 5, hashAlg: 0x250, mgf: 2, saltLen: 32 },
    hashed: false,
    longest: 1024,
  },
} as const

/** Signatures under way at once; a session of PKCS#11 makes one after the other. */
const lanes = 4

interface Lane {
  session: Buffer
  key: Buffer
  /** Ends when the signature before does. */
  tail: Promise<unknown>
}

/**
 * A key in a hardware module, by its PKCS#11 library. Signatures are made in the thread pool; only their beginning
 * (C_SignInit) runs on the main thread.
 *
 * @throws DuepassiError `not_configured` where the package, the library, the token or the key cannot be found
 */
export const openPkcs11Signer = async (
  options: Pkcs11SignerOptions,
): Promise<{ publicKey: JsonWebKey; sign: Sign; close(): void }> => {
  const { alg, patience = 5_000 } = options
  const { mechanism, hashed, longest, ...rest } = mechanisms[alg]
  const used = await usePkcs11(options.module)
  const { api } = used
  try {
    const first = openLane(api, options)
    const open: Lane[] = [first]
    while (open.length < lanes) open.push(openLane(api, options))
    let turn = 0

    const signIn = async (lane: Lane, input: Buffer): Promise<Buffer> => {
      api.C_SignInit(lane.session, { mechanism, ...rest }, lane.key)
      return Buffer.from(await api.C_SignAsync(lane.session, input, Buffer.alloc(longest)))
    }

    return {
      publicKey: readPublicKey(api, first.session, options),
      async sign(data) {
        const input = hashed ? createHash('sha256').update(data).digest() : data
        const lane = open[turn++ % lanes] ?? first
        const signature = lane.tail
          .then(() => signIn(lane, input))
          // The module was restarted, or forgot who is signed in: everything is opened anew, once.
          .catch(() => {
            Object.assign(lane, reopened(api, lane, options))
            return signIn(lane, input)
          })
        lane.tail = signature.catch(() => {})
        return Promise.race([signature, late(patience)])
      },
      close() {
        for (const { session } of open) closeQuietly(api, session)
        used.close()
      },
    }
  } catch (error) {
    used.close()
    throw error
  }
}

const late = async (patience: number): Promise<never> => {
  await pause(patience, undefined, { ref: false })
  throw new Error('the module did not sign in time')
}

const reopened = (api: Pkcs11, { session }: Lane, options: Pkcs11SignerOptions): Omit<Lane, 'tail'> => {
  closeQuietly(api, session)
  const { tail: _, ...fresh } = openLane(api, options)
  return fresh
}

const closeQuietly = (api: Pkcs11, session: Buffer): void => {
  try {
    api.C_CloseSession(session)
  } catch {
    // It is closed already.
  }
}

const openLane = (api: Pkcs11, { token, pin, key }: Pkcs11SignerOptions): Lane => {
  const slot = api
    .C_GetSlotList(true)
    .find((candidate) => api.C_GetTokenInfo(candidate).label.trimEnd() === token)
  if (!slot) throw misfit(`finds no token ${token}`)
  const session = api.C_OpenSession(slot, ck.serialSession)
  try {
    api.C_Login(session, ck.user, pin)
  } catch (cause) {
    if (codeOf(cause) !== ck.alreadyLoggedIn) throw misfit(`cannot sign in to the token ${token}`, cause)
  }
  return { session, key: findKey(api, session, ck.privateKey, key), tail: Promise.resolve() }
}

const findKey = (api: Pkcs11, session: Buffer, kind: number, label: string): Buffer => {
  api.C_FindObjectsInit(session, [
    { type: ck.attribute.class, value: kind },
    { type: ck.attribute.label, value: label },
  ])
  const [found, another] = api.C_FindObjects(session, 2)
  api.C_FindObjectsFinal(session)
  const name = kind === ck.privateKey ? 'private' : 'public'
  if (!found) throw misfit(`finds no ${name} key ${label}`)
  if (another) throw misfit(`finds more than one ${name} key ${label}`)
  return found
}

/** OID 1.2.840.10045.3.1.7, DER. */
const p256 = '06082a8648ce3d030107'

const readPublicKey = (api: Pkcs11, session: Buffer, { alg, key }: Pkcs11SignerOptions): JsonWebKey => {
  const object = findKey(api, session, ck.publicKey, key)
  const read = (type: number): Buffer => {
    const [attribute] = api.C_GetAttributeValue(session, object, [{ type }])
    if (!attribute) throw misfit(`cannot read the public key ${key}`)
    return attribute.value
  }
  const text = (bytes: Buffer): string => bytes.toString('base64url')
  try {
    if (alg !== 'ES256')
      return {
        kty: 'RSA',
        n: text(read(ck.attribute.modulus)),
        e: text(read(ck.attribute.publicExponent)),
      }
    if (read(ck.attribute.ecParameters).toString('hex') !== p256) throw misfit(`needs a key on P-256: ${key}`)
    // An OCTET STRING around 04 ‖ x ‖ y (PKCS#11 Current Mechanisms §2.3.3).
    const point = read(ck.attribute.ecPoint).subarray(-65)
    if (point.length !== 65 || point[0] !== 4) throw misfit(`cannot read the public key ${key}`)
    return { kty: 'EC', crv: 'P-256', x: text(point.subarray(1, 33)), y: text(point.subarray(33)) }
  } catch (cause) {
    throw codeOf(cause) === undefined ? cause : misfit(`finds no key for ${alg} under ${key}`, cause)
  }
}
