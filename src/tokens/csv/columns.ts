import { type Draft, decodeKey } from '../draft.ts'
import { decodeBase32, decodeHex } from '../encodings.ts'
import { showable } from '../fault.ts'
import type { TokenFileFormat } from '../token.ts'
import { TokenFileError } from '../token-file-error.ts'
import type { CsvRecord } from './records.ts'

/** What a column holds, and the names it goes by (in any case, with or without spaces and punctuation). */
const names = {
  serial: ['serial', 'serialnumber', 'serialno', 'tokenserial', 'tokenserialnumber', 'sn'],
  hexKey: ['key', 'seed', 'secret', 'keyhex', 'seedhex', 'secrethex', 'hexkey', 'hexseed'],
  /** Microsoft's "secret key", as Deepnet, Token2 and others deliver it. */
  base32Key: ['secretkey', 'secretkeybase32', 'seedbase32', 'secretbase32', 'keybase32', 'base32'],
  kind: ['type', 'kind', 'tokentype', 'hotptotp'],
  digits: ['digits', 'length', 'otplen', 'otplength', 'otpdigits', '68'],
  counter: ['counter', 'movingfactor'],
  period: ['period', 'interval', 'timeinterval', 'timestep'],
  /** Which of the two it is, the kind says. */
  counterOrPeriod: ['counterperiod', 'counterorperiod'],
  algorithm: ['algorithm', 'hash', 'hashlib', 'hashalgorithm'],
  owner: ['upn', 'userprincipalname', 'owner', 'user', 'username'],
  manufacturer: ['manufacturer', 'vendor'],
  model: ['model'],
} as const

export type Column = keyof typeof names

const columnOf = new Map(
  Object.entries(names).flatMap(([column, spellings]) =>
    spellings.map((spelling) => [spelling as string, column as Column] as const),
  ),
)

const plain = (cell: string): string => cell.toLowerCase().replace(/[^a-z0-9]+/g, '')

/** The columns that a first line names; undefined where it is no header, which has a serial and a key. */
export function readHeader({ cells }: CsvRecord): Column[] | undefined {
  const named = cells.slice(0, cells.findLastIndex((cell) => cell !== '') + 1)
  const columns = named.map((cell) => columnOf.get(plain(cell)))
  if (!columns.includes('serial')) return undefined
  if (!columns.includes('hexKey') && !columns.includes('base32Key')) return undefined
  const unknown = named.find((_, at) => columns[at] === undefined)
  if (unknown !== undefined) throw new TokenFileError('column_unknown', showable(unknown))
  if (new Set(columns).size < columns.length) throw new TokenFileError('malformed', 'a column is there twice')
  return columns as Column[]
}

export function formatOf(columns: readonly Column[]): TokenFileFormat {
  if (columns.includes('base32Key')) return 'csv-entra'
  return columns.length === 2 ? 'csv-two-columns' : 'csv-generic'
}

/** A record under its columns as a draft. Without a column for it: TOTP, SHA-1, 6 digits, 30 seconds. */
export function draftOf(columns: readonly Column[], { line, cells }: CsvRecord, ordinal: number): Draft {
  const cell = (column: Column): string | undefined => {
    const at = columns.indexOf(column)
    return at < 0 ? undefined : cells[at]
  }
  // A file with counters and no kind is one of HOTP tokens.
  const counts = columns.includes('counter') && !columns.includes('period')
  const { key, faults } = columns.includes('base32Key')
    ? decodeKey(cell('base32Key'), decodeBase32, 'key_not_base32')
    : decodeKey(cell('hexKey'), decodeHex, 'key_not_hex')
  if (cells.slice(columns.length).some((extra) => extra !== '')) faults.push({ reason: 'columns' })
  return {
    line,
    ordinal,
    serial: cell('serial'),
    kind: columns.includes('kind') ? cell('kind') : counts ? 'hotp' : 'totp',
    digits: cell('digits'),
    counter: cell('counter') ?? cell('counterOrPeriod'),
    period: cell('period') ?? cell('counterOrPeriod'),
    algorithm: cell('algorithm'),
    owner: cell('owner'),
    manufacturer: cell('manufacturer'),
    model: cell('model'),
    key,
    faults,
  }
}
