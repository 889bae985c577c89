import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject } from 'node:crypto'
import { DuepassiError } from '../errors.ts'
import { type RandomBytes, systemRandom } from './random.ts'

/**
 * Seals text for storage. `binding` names the place it belongs to (such as `credential:<account>:<id>`) and is not
 * stored: a record that is moved elsewhere does not open. `open` and `reseal` throw `sealed_badly`.
 */
export interface Sealer {
  seal(plain: string, binding: string): string
  open(sealed: string, binding: string): string
  /** For rotation: sealed with the first key; the input itself where it is already. */
  reseal(sealed: string, binding: string): string
}

export interface SealingKey {
  /** 1 to 16 letters, digits, `-`, `_`; written into each record. */
  id: string
  /** 32 bytes, base64. */
  key: string
}

const version = 'v1'
/** 96 bits, and no tag shorter than 128 bits (NIST SP 800-38D §5.2.1.1, §5.2.1.2). */
const ivLength = 12
const tagLength = 16
const form = /^v1\.([\w-]{1,16})\.([\w-]{16})\.([\w-]{22,})$/

/**
 * AES-256-GCM; the first key seals, all open. A record is `v1.<key id>.<iv>.<ciphertext and tag>`, base64url. With
 * random IVs a key is good for 2^32 records (NIST SP 800-38D §8.3).
 *
 * @throws DuepassiError `not_configured` without keys, or for an id or key of another form.
 */
export function createSealer(sealingKeys: readonly SealingKey[], random: RandomBytes = systemRandom): Sealer {
  const keys = readKeys(sealingKeys)
  const first = sealingKeys[0]?.id ?? ''

  const seal: Sealer['seal'] = (plain, binding) => {
    const iv = random(ivLength)
    const cipher = createCipheriv('aes-256-gcm', keyOf(first), iv, { authTagLength: tagLength })
    cipher.setAAD(associatedData(first, binding))
    const parts = [cipher.update(plain, 'utf8'), cipher.final(), cipher.getAuthTag()]
    return `${version}.${first}.${iv.toString('base64url')}.${Buffer.concat(parts).toString('base64url')}`
  }

  const open: Sealer['open'] = (sealed, binding) => {
    const { id, iv, ciphertext, tag } = parse(sealed)
    const decipher = createDecipheriv('aes-256-gcm', keyOf(id), iv, { authTagLength: tagLength })
    decipher.setAAD(associatedData(id, binding))
    decipher.setAuthTag(tag)
    try {
      return Buffer.concat([decipher.update(ciphertext), decipher.final()]).toString('utf8')
    } catch {
      throw new DuepassiError(
        'sealed_badly',
        `a record sealed with key ${id} was altered or belongs elsewhere`,
      )
    }
  }

  const reseal: Sealer['reseal'] = (sealed, binding) =>
    parse(sealed).id === first ? sealed : seal(open(sealed, binding), binding)

  const keyOf = (id: string): KeyObject => {
    const key = keys.get(id)
    if (!key) throw new DuepassiError('sealed_badly', `sealing key ${id} is missing (keys.sealing)`)
    return key
  }

  return { seal, open, reseal }
}

/** Key objects, made once: with a Buffer OpenSSL sets the key up at each call. */
function readKeys(sealingKeys: readonly SealingKey[]): Map<string, KeyObject> {
  if (sealingKeys.length === 0) throw misfit('at least one sealing key is needed')
  const keys = new Map<string, KeyObject>()
  for (const { id, key } of sealingKeys) {
    if (!/^[\w-]{1,16}$/.test(id)) throw misfit('a sealing key id has 1 to 16 letters, digits, `-`, `_`')
    if (keys.has(id)) throw misfit(`sealing key ${id} is listed twice`)
    const bytes = Buffer.from(key, 'base64')
    if (bytes.length !== 32) throw misfit(`sealing key ${id} must be 32 random bytes in base64`)
    keys.set(id, createSecretKey(bytes))
  }
  return keys
}

const misfit = (message: string) => new DuepassiError('not_configured', `${message} (keys.sealing)`)

const associatedData = (id: string, binding: string): Buffer => Buffer.from(`${version}.${id}.${binding}`)

function parse(sealed: string) {
  const [, id = '', iv = '', body = ''] = form.exec(sealed) ?? []
  if (id === '') throw new DuepassiError('sealed_badly', 'a record that should be sealed is not')
  const bytes = Buffer.from(body, 'base64url')
  return {
    id,
    iv: Buffer.from(iv, 'base64url'),
    ciphertext: bytes.subarray(0, -tagLength),
    tag: bytes.subarray(-tagLength),
  }
}
