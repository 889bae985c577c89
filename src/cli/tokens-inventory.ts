import type { Account, Directory } from '../directory/directory.ts'
import type { Inventory } from '../tokens/import.ts'
import { nameOfOwner } from '../tokens/owner.ts'
import type { TokenFile } from '../tokens/token.ts'

/** What the directory has of all that a file names. */
export const inventoryFor = async (
  directory: Directory,
  { rows }: Pick<TokenFile, 'rows'>,
): Promise<Inventory & { accounts: ReadonlyMap<string, Account> }> => {
  const serials = new Map<string, string>()
  const keys = new Map<string, string>()
  for (const { serial, seed } of await directory.tokens()) {
    serials.set(serial.toUpperCase(), serial)
    const key = keyIn(seed)
    if (key !== undefined) keys.set(key, serial)
  }
  const accounts = new Map<string, Account>()
  const asked = new Set<string>()
  for (const { token } of rows) {
    // A token that was removed, and works nevertheless.
    if (
      !serials.has(token.serial.toUpperCase()) &&
      (await directory.credentialByHandle('hardware-token', token.serial))
    )
      serials.set(token.serial.toUpperCase(), token.serial)
    const name = token.owner === null ? undefined : nameOfOwner(token.owner)
    if (name === undefined || asked.has(name)) continue
    asked.add(name)
    const account = await directory.accountByName(name)
    if (account) accounts.set(name, account)
  }
  return { serials, keys, accounts }
}

/** The error of a parser would repeat what it could not read. */
const keyIn = (seed: string): string | undefined => {
  try {
    const { key }: { key?: unknown } = JSON.parse(seed)
    return typeof key === 'string' ? key : undefined
  } catch {
    return undefined
  }
}
