import { createDecipheriv, createHmac, timingSafeEqual } from 'node:crypto'
import { decodeBase64 } from '../encodings.ts'
import type { ReadOptions } from '../read-options.ts'
import { TokenFileError } from '../token-file-error.ts'
import { type Cipher, ciphers, hmacs, nameIn } from './algorithms.ts'
import { findKey } from './encryption-key.ts'
import { attributeOf, child, textOf, type XmlElement, type XmlNode } from './xml.ts'

/** An encrypted value: with CBC, the IV and the ciphertext. */
export interface Sealed {
  cipher: Cipher
  bytes: Buffer
}

/** Of an `EncryptedDataType`. @throws TokenFileError where it is of an unknown kind, or broken. */
export function readSealed(node: XmlNode): Sealed {
  const algorithm = attributeOf(child(node, 'EncryptionMethod'), 'Algorithm')
  const cipher = ciphers.get(algorithm ?? '')
  if (cipher === undefined) throw new TokenFileError('protection_unsupported', nameIn(algorithm))
  const bytes = decodeBase64(textOf(node, 'CipherData', 'CipherValue') ?? '')
  if (bytes === undefined) throw new TokenFileError('malformed')
  return { cipher, bytes }
}

/** A key of the file, and the MAC that it was sent with. */
export interface SealedKey extends Sealed {
  mac: Buffer | undefined
}

/**
 * Decrypts the keys of a file, all or none: every MAC is checked before the first of them is decrypted.
 *
 * @returns the keys in the order of `sealed`.
 * @throws TokenFileError
 */
export async function openKeys(
  container: XmlElement,
  sealed: readonly [SealedKey, ...SealedKey[]],
  options: ReadOptions,
): Promise<Buffer[]> {
  const { keyBytes } = sealed[0].cipher
  if (sealed.some(({ cipher }) => cipher.keyBytes !== keyBytes)) throw new TokenFileError('malformed')
  const key = await findKey(container, keyBytes, options)
  checkMacs(child(container, 'MACMethod'), key, sealed)
  return sealed.map((one) => open(one, key).bytes)
}

/**
 * RFC 6030 §6.1.1: the MAC is over IV and ciphertext. CBC has to have one; key wrap, which checks itself, may.
 *
 * A wrong password and a changed file look alike, for both end in MACs that do not fit. What tells them apart is whether
 * the MAC key, which is encrypted too, came out whole.
 */
function checkMacs(method: XmlNode | undefined, key: Buffer, sealed: readonly SealedKey[]): void {
  const checked = sealed.filter(({ cipher, mac }) => cipher.mode === 'cbc' || mac !== undefined)
  if (checked.length === 0) return
  if (method === undefined) throw new TokenFileError('mac_missing')
  const algorithm = attributeOf(method, 'Algorithm')
  const hash = hmacs.get(algorithm ?? '')
  if (hash === undefined) throw new TokenFileError('protection_unsupported', nameIn(algorithm))
  if (child(method, 'MACKeyReference') !== undefined)
    throw new TokenFileError('protection_unsupported', 'MACKeyReference')
  const macKey = openMacKey(child(method, 'MACKey'), key)
  const fits = checked.filter(({ bytes, mac }) => {
    if (mac === undefined) throw new TokenFileError('mac_missing')
    const expected = createHmac(hash, macKey.bytes).update(bytes).digest()
    return mac.length === expected.length && timingSafeEqual(mac, expected)
  })
  if (fits.length === checked.length) return
  throw new TokenFileError(fits.length === 0 && !macKey.whole ? 'wrong_secret' : 'mac_wrong')
}

interface Opened {
  bytes: Buffer
  /** It certainly is what was encrypted, for a wrong key does not come to this. */
  whole: boolean
}

/** Without a key of its own, the MAC is made with the key of the file (RFC 6030 §6.1.1). */
function openMacKey(node: XmlNode | undefined, key: Buffer): Opened {
  if (node === undefined) return { bytes: key, whole: false }
  const sealed = readSealed(node)
  if (sealed.cipher.keyBytes !== key.length) throw new TokenFileError('malformed')
  return open(sealed, key)
}

function open({ cipher, bytes }: Sealed, key: Buffer): Opened {
  const opened = cipher.mode === 'wrap' ? unwrap(cipher, bytes, key) : decrypt(cipher, bytes, key)
  if (opened === undefined) throw new TokenFileError('wrong_secret')
  return opened
}

/** What has to stand in front of the value after unwrapping: RFC 3394 §2.2.3.1, and RFC 5649 §3. */
const wrapChecks = { '': Buffer.alloc(8, 0xa6), '-pad': Buffer.from('a65959a6', 'hex') } as const

/** RFC 3394 takes whole blocks of 8 bytes only, so that seeds of 20 are wrapped by RFC 5649 under the same name. */
function unwrap({ name }: Cipher, bytes: Buffer, key: Buffer): Opened | undefined {
  if (bytes.length < 16 || bytes.length % 8 !== 0) return undefined
  for (const [padding, check] of Object.entries(wrapChecks))
    try {
      const decipher = createDecipheriv(`${name}${padding}`, key, check)
      return { bytes: Buffer.concat([decipher.update(bytes), decipher.final()]), whole: true }
    } catch {
      // The check failed: the other kind of wrapping, or the wrong key.
    }
  return undefined
}

const block = 16

/**
 * The last byte says how many bytes of padding there are. RFC 6030 §6.4 wants them all alike (PKCS #5), XML Encryption §5.2
 * leaves the others open, and so do the libraries that vendors write these files with.
 */
function decrypt({ name }: Cipher, bytes: Buffer, key: Buffer): Opened | undefined {
  if (bytes.length < 2 * block || bytes.length % block !== 0) return undefined
  const decipher = createDecipheriv(name, key, bytes.subarray(0, block)).setAutoPadding(false)
  const padded = Buffer.concat([decipher.update(bytes.subarray(block)), decipher.final()])
  const count = padded.at(-1) ?? 0
  if (count < 1 || count > block || count === padded.length) return undefined
  const padding = padded.subarray(-count)
  // A wrong key ends in a single 1, which is padding, once in 256 times; hardly ever in four bytes alike.
  const whole = count >= 4 && padding.every((byte) => byte === count)
  return { bytes: padded.subarray(0, -count), whole }
}
