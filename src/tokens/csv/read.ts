import type { Draft } from '../draft.ts'
import { sift } from '../sift.ts'
import type { TokenFile, TokenFileFormat } from '../token.ts'
import { TokenFileError } from '../token-file-error.ts'
import { draftOf, formatOf, readHeader } from './columns.ts'
import { genericColumns, isGeneric, isPair, twoColumns } from './generic.ts'
import { type CsvRecord, readRecords } from './records.ts'
import { isProvisioning, isTraditional, provisioningDraft, traditionalDraft } from './yubico.ts'

interface Dialect {
  format: TokenFileFormat
  /** Undefined for a line that is no token. */
  draft(record: CsvRecord, ordinal: number): Draft | undefined
}

/** Without a header; a record that any of these knows settles what the whole file is. */
const dialects: readonly (Dialect & { knows(record: CsvRecord): boolean })[] = [
  { format: 'csv-yubico-traditional', knows: isTraditional, draft: traditionalDraft },
  { format: 'csv-generic', knows: isGeneric, draft: (...record) => draftOf(genericColumns, ...record) },
  { format: 'csv-yubico', knows: isProvisioning, draft: provisioningDraft },
  { format: 'csv-two-columns', knows: isPair, draft: (...record) => draftOf(twoColumns, ...record) },
]

/** Reads a CSV text. The first record may be a bad one, so that every record is asked for the dialect. */
export function readCsv(text: string, now: number): TokenFile {
  const records = readRecords(text)
  const [first] = records
  if (first === undefined) throw new TokenFileError('no_tokens')
  const header = readHeader(first)
  const dialect: Dialect | undefined =
    header !== undefined
      ? { format: formatOf(header), draft: (...record) => draftOf(header, ...record) }
      : records.map((record) => dialects.find(({ knows }) => knows(record))).find(Boolean)
  if (dialect === undefined) throw new TokenFileError('not_a_token_file')
  const drafts: Draft[] = []
  for (const record of header === undefined ? records : records.slice(1)) {
    const draft = dialect.draft(record, drafts.length + 1)
    if (draft !== undefined) drafts.push(draft)
  }
  if (drafts.length === 0) throw new TokenFileError('no_tokens')
  return { format: dialect.format, protection: 'plain', signed: false, ...sift(drafts, now) }
}
