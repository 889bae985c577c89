import { decodeBase64 } from '../encodings.ts'
import type { ReadOptions } from '../read-options.ts'
import { sift } from '../sift.ts'
import type { TokenFile } from '../token.ts'
import { TokenFileError } from '../token-file-error.ts'
import { kindOf } from './algorithms.ts'
import { draftOf, type KeyEntry } from './keys.ts'
import { openKeys, readSealed, type SealedKey } from './opening.ts'
import { localPins } from './policy.ts'
import {
  attributeOf,
  child,
  children,
  lineCounter,
  parseXml,
  StructureError,
  textOf,
  type XmlElement,
} from './xml.ts'

/** Reads a PSKC file. @throws TokenFileError */
export async function readPskc(text: string, options: ReadOptions): Promise<TokenFile> {
  const container = parseXml(text, 'KeyContainer')
  try {
    return await readContainer(container, text, options)
  } catch (error) {
    throw error instanceof StructureError ? new TokenFileError('malformed') : error
  }
}

async function readContainer(container: XmlElement, text: string, options: ReadOptions): Promise<TokenFile> {
  // Drafts had a Device where there now is a KeyPackage, and said 1 or 1.0 all the same.
  if (attributeOf(container, 'Version') !== '1.0' || children(container, 'Device').length > 0)
    throw new TokenFileError('version_unsupported')
  const entries = keysOf(container, text)
  if (entries.length === 0) throw new TokenFileError('no_tokens')
  const sealed = new Map<KeyEntry, SealedKey>()
  for (const entry of entries) {
    const value = sealedIn(entry)
    if (value !== undefined) sealed.set(entry, value)
  }
  const opened = await openAll(container, sealed, options)
  const drafts = entries.map((entry) => draftOf(entry, opened.get(entry), opened.size > 0))
  return {
    format: 'pskc',
    protection: protectionOf(container, opened.size > 0),
    signed: children(container, 'Signature').length > 0,
    ...sift(drafts, options.now),
  }
}

function protectionOf(container: XmlElement, encrypted: boolean): TokenFile['protection'] {
  if (!encrypted) return 'plain'
  return child(container, 'EncryptionKey', 'DerivedKey') === undefined ? 'pre-shared-key' : 'password'
}

/** The keys of all packages, but for PINs that stay in the token. */
function keysOf(container: XmlElement, text: string): KeyEntry[] {
  const lineOf = lineCounter(text)
  const entries = children(container, 'KeyPackage').flatMap((keyPackage) => {
    const line = lineOf(keyPackage)
    const keys = children(keyPackage, 'Key')
    return keys.map((key) => ({ line, key, device: children(keyPackage, 'DeviceInfo')[0] }))
  })
  const pins = localPins(entries.map(({ key }) => key))
  return entries
    .filter(({ key }) => kindOf(attributeOf(key, 'Algorithm')) !== 'pin' || !pins.has(attributeOf(key, 'Id')))
    .map((entry, index) => ({ ...entry, ordinal: index + 1 }))
}

/** Undefined where the secret is not encrypted, or too odd to tell, which its draft will say. */
function sealedIn({ key }: KeyEntry): SealedKey | undefined {
  const secret = children(children(key, 'Data')[0], 'Secret')[0]
  const [value] = children(secret, 'EncryptedValue')
  if (value === undefined) return undefined
  const mac = textOf(secret, 'ValueMAC')
  return { ...readSealed(value), mac: mac === undefined ? undefined : (decodeBase64(mac) ?? Buffer.alloc(0)) }
}

async function openAll(
  container: XmlElement,
  sealed: ReadonlyMap<KeyEntry, SealedKey>,
  options: ReadOptions,
): Promise<Map<KeyEntry, Buffer>> {
  const [first, ...others] = sealed.values()
  if (first === undefined) {
    if (options.password !== undefined || options.preSharedKey !== undefined)
      throw new TokenFileError('not_encrypted')
    return new Map()
  }
  const keys = await openKeys(container, [first, ...others], options)
  const entries = [...sealed.keys()]
  return new Map(keys.map((key, index) => [entries[index] as KeyEntry, key]))
}
