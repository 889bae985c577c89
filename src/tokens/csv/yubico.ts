import { type Draft, decodeKey } from '../draft.ts'
import { decodeHex } from '../encodings.ts'
import { showable } from '../fault.ts'
import type { CsvRecord } from './records.ts'

/**
 * What Yubico's tools log (yubikeylogger.cpp of the Personalization Tool; "Key Provisioning Data Format" of its KSM).
 */

/** The first cell of the log's own lines, which describe no token. */
const isLogLine = (event: string): boolean => /^(?:logging start|configuration (?:update|swap))$/i.test(event)

const isEvent = (event: string): boolean =>
  isLogLine(event) || /^(?:yubico otp|oath-hotp|static password|challenge-response)\b/i.test(event)

export const isTraditional = ({ cells }: CsvRecord): boolean => isEvent(cells[0] ?? '')

/**
 * `event,time,slot,public id,private id,key,access code,new access code,0,0,0,digits,counter,…`. There is no serial
 * number: the public id is one, for it is unique and what the key types. Undefined for a line that is no token.
 */
export function traditionalDraft({ line, cells }: CsvRecord, ordinal: number): Draft | undefined {
  const [event = '', , , publicId = '', privateId, key] = cells
  if (isLogLine(event)) return undefined
  const place = { line, ordinal, serial: publicId, manufacturer: 'Yubico' }
  if (/^yubico otp$/i.test(event))
    return { ...place, kind: 'yubico', publicId, privateId, ...decodeKey(key, decodeHex, 'key_not_hex') }
  if (/^oath-hotp$/i.test(event))
    return {
      ...place,
      kind: 'hotp',
      digits: cells[11],
      counter: cells[12],
      ...decodeKey(key, decodeHex, 'key_not_hex'),
    }
  return { ...place, kind: showable(event), faults: [] }
}

/** `serial,public id,private id,key,access code,time,`: the KSM's format, and "Yubico format" of the tool. */
export const isProvisioning = ({ cells }: CsvRecord): boolean =>
  cells.length >= 6 &&
  /^\d+$/.test(cells[0] ?? '') &&
  /^(?:[cbdefghijklnrtuv]{2})*$/i.test(cells[1] ?? '') &&
  /^(?:[0-9a-f]{2})+$/i.test(cells[3] ?? '')

/**
 * Which of the modes a record is of, its third cell tells: a private id, the moving factor of a HOTP key (which a key for
 * challenge and response cannot be told from), or nothing for a static password.
 */
export function provisioningDraft({ line, cells }: CsvRecord, ordinal: number): Draft {
  const [serial, publicId, mode = '', key] = cells
  const place = { line, ordinal, serial, manufacturer: 'Yubico' }
  if (mode === '') return { ...place, kind: 'static', faults: [] }
  const decoded = decodeKey(key, decodeHex, 'key_not_hex')
  return /^\d{1,7}$/.test(mode)
    ? { ...place, kind: 'hotp', counter: mode, ...decoded }
    : { ...place, kind: 'yubico', publicId, privateId: mode, ...decoded }
}
