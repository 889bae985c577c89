import type { Draft, DraftFault } from './draft.ts'
import { isModhex } from './encodings.ts'
import { showable } from './fault.ts'
import type { TokenSeed } from './token.ts'

type Report = (reason: DraftFault['reason'], found?: string) => undefined

/**
 * Whether a draft describes a token that can be used here: the one validator of all formats.
 *
 * @param now milliseconds since the epoch, to tell expired tokens.
 * @returns the token, or everything that is wrong with it.
 */
export function judge(draft: Draft, now: number): TokenSeed | DraftFault[] {
  const faults = draft.faults.map(({ reason, detail }) => ({ reason, detail: showable(detail) }))
  const report: Report = (reason, found) => {
    faults.push({ reason, detail: showable(found) })
    return undefined
  }
  const kind = readKind(draft.kind, report)
  const serial = readSerial(draft.serial, report)
  // What a token of another kind should look like, nobody knows here.
  if (kind === undefined) return faults
  const key = readKey(draft, kind, report)
  const token = {
    manufacturer: readText(draft.manufacturer, report),
    model: readText(draft.model, report),
    owner: readText(draft.owner, report),
    ...(kind === 'yubico' ? yubicoOf(draft, report) : oathOf(draft, kind, report)),
    ...readSpan(draft, now, report),
  }
  if (serial === undefined || key === undefined || faults.length > 0) return faults
  return { serial, kind, key: key.toString('base64'), ...token }
}

function readKind(text: string | undefined, report: Report): TokenSeed['kind'] | undefined {
  const kind = text?.toLowerCase()
  return kind === 'hotp' || kind === 'totp' || kind === 'yubico' ? kind : report('kind_unsupported', text)
}

function readSerial(serial: string | undefined, report: Report): string | undefined {
  if (serial === undefined || serial === '') return report('serial_missing')
  if (serial.length > 64) return report('serial_too_long')
  return /^[A-Za-z0-9._:/-]+$/.test(serial) ? serial : report('serial_invalid', serial)
}

/**
 * RFC 4226 §4 wants 16 bytes at least; tokens with 10 are still about. Longer than the block of SHA-1 is of no use, and
 * the hash of the key would take its place.
 */
function readKey({ key }: Draft, kind: TokenSeed['kind'], report: Report): Buffer | undefined {
  if (key === undefined) return undefined
  const [least, most] = kind === 'yubico' ? [16, 16] : [10, 64]
  if (key.length < least) return report('key_too_short')
  return key.length > most ? report('key_too_long') : key
}

type Parameters = Pick<TokenSeed, 'algorithm' | 'digits' | 'period' | 'counter' | 'publicId' | 'privateId'>

function oathOf(draft: Draft, kind: TokenSeed['kind'], report: Report): Parameters {
  return {
    algorithm: readAlgorithm(draft.algorithm, report),
    digits: readDigits(draft.digits, report),
    period: kind === 'totp' ? readPeriod(draft.period, report) : null,
    counter: kind === 'hotp' ? readCounter(draft.counter, report) : 0,
    publicId: null,
    privateId: null,
  }
}

function yubicoOf({ publicId = '', privateId = '' }: Draft, report: Report): Parameters {
  const front = publicId.toLowerCase()
  if (front !== '' && !isModhex(front)) report('public_id_invalid')
  if (!/^[0-9a-f]{12}$/i.test(privateId)) report('private_id_invalid')
  return {
    algorithm: 'sha1',
    digits: 6,
    period: null,
    counter: 0,
    publicId: front === '' ? null : front,
    privateId: privateId.toLowerCase(),
  }
}

/** As the vendors spell it: `sha1`, `SHA-256`, `HMAC-SHA512`, `TOTP-HMAC-SHA-1`. */
function readAlgorithm(text: string | undefined, report: Report): TokenSeed['algorithm'] {
  if (text === undefined || text === '') return 'sha1'
  const size = /^(?:[HT]OTP-?)?(?:HMAC-?)?SHA-?(1|256|512)$/i.exec(text)?.[1]
  if (size === undefined) report('algorithm_unsupported', text)
  return size === '512' ? 'sha512' : size === '256' ? 'sha256' : 'sha1'
}

function readDigits(text: string | undefined, report: Report): 6 | 8 {
  if (text === '8') return 8
  if (text !== undefined && text !== '' && text !== '6') report('digits_unsupported', text)
  return 6
}

function readPeriod(text: string | undefined, report: Report): 30 | 60 {
  if (text === '60') return 60
  if (text !== undefined && text !== '' && text !== '30') report('period_unsupported', text)
  return 30
}

function readCounter(text: string | undefined, report: Report): number {
  if (text === undefined || text === '') return 0
  if (!/^\d{1,15}$/.test(text)) report('counter_invalid', text)
  return Number(text)
}

function readText(text: string | undefined, report: Report): string | null {
  if (text === undefined || text === '') return null
  if (text.length > 256 || /\p{Cc}/u.test(text)) report('text_invalid')
  return text
}

function readSpan(draft: Draft, now: number, report: Report): Pick<TokenSeed, 'notBefore' | 'notAfter'> {
  const read = (dates: readonly string[] = []): number[] =>
    dates.flatMap((text) => {
      const date = readDate(text)
      if (date === undefined) report('date_invalid')
      return date ?? []
    })
  const begins = read(draft.notBefore)
  const ends = read(draft.notAfter)
  const notAfter = ends.length > 0 ? Math.min(...ends) : null
  if (notAfter !== null && notAfter <= now) report('expired')
  return { notBefore: begins.length > 0 ? Math.max(...begins) : null, notAfter }
}

/** xs:dateTime; without a time zone it is taken as UTC, as the canonical form has it. */
function readDate(text: string): number | undefined {
  const [whole, zone] = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(Z|[+-]\d\d:\d\d)?$/.exec(text) ?? []
  if (whole === undefined) return undefined
  const date = Date.parse(zone === undefined ? `${whole}Z` : whole)
  return Number.isNaN(date) ? undefined : date
}
