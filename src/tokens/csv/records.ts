import { CsvError, type InfoRecord, parse } from 'csv-parse/sync'
import { TokenFileError } from '../token-file-error.ts'

export interface CsvRecord {
  /** Where it ends, which is where it begins but for a cell of several lines. */
  line: number
  cells: readonly string[]
}

/** Far above every real file of 16 MiB; they keep the parser's memory within bounds. */
const mostLines = 500_000
const longestLine = 65_536

function assertBounded(text: string): void {
  let line = 1
  for (let begin = 0; begin < text.length; line++) {
    const end = text.indexOf('\n', begin)
    const next = end < 0 ? text.length : end + 1
    if (next - begin > longestLine) throw new TokenFileError('malformed', `line ${line}`)
    begin = next
  }
  if (line > mostLines) throw new TokenFileError('too_large')
}

/** Separated by commas, semicolons (spreadsheets in half of Europe) or tabs: whatever the first line has most of. */
function delimiterOf(text: string): string {
  const first = /^\s*(?!#)\S.*$/m.exec(text)?.[0] ?? ''
  const counted = [',', ';', '\t'].map((mark) => ({ mark, count: first.split(mark).length }))
  return counted.reduce((best, other) => (other.count > best.count ? other : best)).mark
}

/** The records of a CSV text, trimmed; empty lines and lines that begin with # are left out. */
export function readRecords(text: string): CsvRecord[] {
  assertBounded(text)
  try {
    const records = parse(text, {
      delimiter: delimiterOf(text),
      info: true,
      trim: true,
      skip_empty_lines: true,
      skip_records_with_empty_values: true,
      relax_column_count: true,
      comment: '#',
      comment_no_infix: true,
      max_record_size: longestLine,
    }) as unknown as { record: string[]; info: InfoRecord }[]
    return records.map(({ record, info }) => ({ line: info.lines, cells: record }))
  } catch (error) {
    if (!(error instanceof CsvError)) throw error
    // Its message quotes the cell, so only the line is passed on.
    throw new TokenFileError('malformed', typeof error.lines === 'number' ? `line ${error.lines}` : undefined)
  }
}
