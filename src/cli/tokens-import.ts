import type { RecordEvent } from '../audit/trail.ts'
import { systemClock } from '../clock.ts'
import type { Directory, Token } from '../directory/directory.ts'
import { DuepassiError } from '../errors.ts'
import { describeFault } from '../tokens/fault.ts'
import { planImport } from '../tokens/import.ts'
import type { TokenFault, TokenFile } from '../tokens/token.ts'
import { Refusal } from './io.ts'
import { inventoryFor } from './tokens-inventory.ts'
import { counted, describeOwners, fileAsJson } from './tokens-preview.ts'

export interface ImportOptions {
  dryRun: boolean
  json: boolean
}

interface On {
  directory: Directory
  record: RecordEvent
  say(text: string): void
}

/**
 * Checks a file against the inventory, says what it finds, and stores all of its tokens, or none.
 *
 * @throws Refusal that names every bad row
 */
export const importTokens = async (on: On, file: TokenFile, options: ImportOptions): Promise<void> => {
  const { directory, record } = on
  const inventory = await inventoryFor(directory, file)
  const { add, faults } = planImport(file, inventory, systemClock.now())
  const stored = faults.length > 0 || options.dryRun ? faults : await store(directory, file, add)
  const imported = stored.length > 0 || options.dryRun ? 0 : add.length
  if (imported > 0) await audit(record, file.format, add)
  if (options.json)
    on.say(JSON.stringify({ ...fileAsJson(file, stored, inventory.accounts), imported }, null, 2))
  if (stored.length > 0) throw new Refusal(refusalOf(stored, options.json))
  if (!options.json) on.say([...describeOwners(file, inventory.accounts), outcome(add, options)].join('\n'))
}

/** Answers what is wrong with it by now, where somebody else changed the inventory meanwhile. */
const store = async (
  directory: Directory,
  file: TokenFile,
  tokens: readonly Token[],
): Promise<TokenFault[]> => {
  try {
    await directory.addTokens(tokens)
    return []
  } catch (error) {
    if (!(error instanceof DuepassiError && error.code === 'token_exists')) throw error
    const { faults } = planImport(file, await inventoryFor(directory, file), systemClock.now())
    if (faults.length === 0)
      throw new Refusal('Somebody else changes the inventory. Nothing was imported: run this again.')
    return faults
  }
}

const audit = async (record: RecordEvent, format: string, tokens: readonly Token[]): Promise<void> => {
  await record('token.imported', { factor: 'hardware-token', reason: format })
  const owners = [...new Set(tokens.map(({ accountId }) => accountId))].filter((id) => id !== null)
  for (const accountId of owners)
    await record('token.assigned', { accountId, factor: 'hardware-token', reason: 'import' })
}

const refusalOf = (faults: readonly TokenFault[], asJson: boolean): string => {
  const rows = new Set(faults.map(({ ordinal }) => ordinal)).size
  const summary = `Nothing was imported: ${counted(rows, 'row')} of the file cannot be. Correct the file, or take them out of it.`
  return asJson ? summary : [...faults.map(describeFault), summary].join('\n')
}

const outcome = (tokens: readonly Token[], { dryRun }: ImportOptions): string => {
  const owned = tokens.filter(({ accountId }) => accountId !== null).length
  const what = counted(tokens.length, 'token')
  const assigned = owned === 0 ? '' : `, ${owned} of them assigned`
  return dryRun
    ? `${what} would be imported${assigned}. This was a dry run: nothing was written.`
    : `${what} imported${assigned}.`
}
