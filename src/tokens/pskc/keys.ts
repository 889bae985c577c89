import { type Draft, type DraftFault, decodeKey } from '../draft.ts'
import { decodeBase64 } from '../encodings.ts'
import type { TokenPlace } from '../token.ts'
import { kindOf } from './algorithms.ts'
import { readDates, readPolicy } from './policy.ts'
import { attributeOf, child, StructureError, textOf, type XmlNode } from './xml.ts'

/** A key of the file, where it stands, and what it belongs to. */
export interface KeyEntry extends TokenPlace {
  device: XmlNode | undefined
  key: XmlNode
}

/**
 * A key as a draft.
 *
 * @param opened what its encrypted secret decrypted to; undefined where there is none.
 * @param encrypted whether the secrets of the file are to be encrypted.
 */
export function draftOf(entry: KeyEntry, opened: Buffer | undefined, encrypted: boolean): Draft {
  const { line, ordinal } = entry
  try {
    return { line, ordinal, ...describe(entry, opened, encrypted) }
  } catch (error) {
    if (!(error instanceof StructureError)) throw error
    return { line, ordinal, kind: 'hotp', serial: serialOf(entry), faults: [{ reason: 'structure_invalid' }] }
  }
}

function describe({ device, key }: KeyEntry, opened: Buffer | undefined, encrypted: boolean) {
  const parameters = child(key, 'AlgorithmParameters')
  const data = child(key, 'Data')
  const policy = child(key, 'Policy')
  const kind = kindOf(attributeOf(key, 'Algorithm'))
  const secret = readSecret(data, opened, encrypted)
  const faults = [...secret.faults, ...readPolicy(policy)]
  const owner = textOf(key, 'UserId') ?? textOf(device, 'UserId')
  return {
    serial: textOf(device, 'SerialNo'),
    manufacturer: textOf(device, 'Manufacturer'),
    model: textOf(device, 'Model'),
    kind,
    algorithm: textOf(parameters, 'Suite'),
    digits: kind === 'yubico' ? undefined : readDigits(child(parameters, 'ResponseFormat'), faults),
    counter: readNumber(data, 'Counter', faults),
    period: readNumber(data, 'TimeInterval', faults),
    ...(kind === 'yubico' ? yubicoIds(owner) : { owner }),
    ...readDates(device, policy),
    key: secret.key,
    faults,
  }
}

function serialOf({ device }: KeyEntry): string | undefined {
  try {
    return textOf(device, 'SerialNo')
  } catch {
    return undefined
  }
}

function readSecret(
  data: XmlNode | undefined,
  opened: Buffer | undefined,
  encrypted: boolean,
): Pick<Draft, 'key' | 'faults'> {
  const plain = textOf(data, 'Secret', 'PlainValue')
  if (opened !== undefined) {
    if (plain !== undefined) throw new StructureError()
    return { key: opened, faults: [] }
  }
  // Whoever put it there need not have known the password.
  if (encrypted && plain !== undefined) return { faults: [{ reason: 'key_not_encrypted' }] }
  return decodeKey(plain, decodeBase64, 'key_not_base64')
}

/** Of `ResponseFormat`; some writers leave the encoding out, which then is the one that codes have. */
function readDigits(format: XmlNode | undefined, faults: DraftFault[]): string | undefined {
  const encoding = attributeOf(format, 'Encoding') ?? 'DECIMAL'
  if (encoding !== 'DECIMAL') faults.push({ reason: 'digits_unsupported', detail: encoding })
  if (/^(?:true|1)$/.test(attributeOf(format, 'CheckDigits') ?? ''))
    faults.push({ reason: 'digits_unsupported', detail: 'CheckDigits' })
  return attributeOf(format, 'Length')
}

function readNumber(data: XmlNode | undefined, name: string, faults: DraftFault[]): string | undefined {
  const number = child(data, name)
  if (child(number, 'EncryptedValue') !== undefined)
    faults.push({ reason: 'parameter_encrypted', detail: name })
  return textOf(number, 'PlainValue')
}

/** `CN=<public id>, UID=<private id>` (draft-josefsson-keyprov-pskc-yubikey §3). */
function yubicoIds(userId: string | undefined): Pick<Draft, 'publicId' | 'privateId'> {
  const part = (name: string) => new RegExp(`(?:^|,)\\s*${name}=([^,]*)`).exec(userId ?? '')?.[1]?.trim()
  return { publicId: part('CN'), privateId: part('UID') }
}
