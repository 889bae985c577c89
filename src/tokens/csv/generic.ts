import type { Column } from './columns.ts'
import type { CsvRecord } from './records.ts'

/** Without a header the place of a cell says what it is: privacyIDEA's "OATH CSV", with an owner at the end. */
export const genericColumns: readonly Column[] = [
  'serial',
  'hexKey',
  'kind',
  'digits',
  'counterOrPeriod',
  'algorithm',
  'owner',
]

/** Serial number and seed, as Feitian, Authenex and others deliver them. */
export const twoColumns: readonly Column[] = ['serial', 'hexKey']

export const isGeneric = ({ cells }: CsvRecord): boolean => /^[ht]otp$/i.test(cells[2] ?? '')

/** That two cells are a token, a seed of 10 bytes or more shows. */
export const isPair = ({ cells }: CsvRecord): boolean =>
  cells.length === 2 && /^(?:[0-9a-f]{2}){10,}$/i.test(cells[1] ?? '')
