import type { Draft } from './draft.ts'
import { showable } from './fault.ts'
import { judge } from './judge.ts'
import type { TokenFile } from './token.ts'

/** Drafts become rows, or faults. A serial number is doubled whatever its case, and whether or not its row is good. */
export function sift(drafts: readonly Draft[], now: number): Pick<TokenFile, 'rows' | 'faults'> {
  const rows: TokenFile['rows'] = []
  const faults: TokenFile['faults'] = []
  const seen = new Map<string, number>()
  for (const draft of drafts) {
    const { line, ordinal } = draft
    const judged = judge(draft, now)
    const found = Array.isArray(judged) ? judged : []
    const earlier = draft.serial ? seen.get(draft.serial.toUpperCase()) : undefined
    if (earlier !== undefined) found.push({ reason: 'serial_doubled', detail: `as in line ${earlier}` })
    else if (draft.serial) seen.set(draft.serial.toUpperCase(), line)
    if (!Array.isArray(judged) && earlier === undefined) rows.push({ line, ordinal, token: judged })
    const serial = showable(draft.serial) ?? null
    for (const { reason, detail } of found)
      faults.push({ line, ordinal, serial, reason, ...(detail === undefined ? {} : { detail }) })
  }
  return { rows, faults }
}
