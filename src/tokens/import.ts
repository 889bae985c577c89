import type { Account, Token } from '../directory/directory.ts'
import { showable } from './fault.ts'
import { nameOfOwner } from './owner.ts'
import type { TokenFault, TokenFile, TokenRow } from './token.ts'

/** What is there already, as far as a file is concerned. */
export interface Inventory {
  /** Serial numbers that are taken, as they are spelled there, by their upper case. */
  serials: ReadonlyMap<string, string>
  /** Serial numbers by the key that their token has, in base64. */
  keys: ReadonlyMap<string, string>
  /** By what `nameOfOwner` answers. */
  accounts: ReadonlyMap<string, Pick<Account, 'id'>>
}

export interface ImportPlan {
  /** What to store, in the order of the file; nothing where there is a fault. */
  add: Token[]
  /** Those of the file and those against the inventory, in the order of the file. */
  faults: TokenFault[]
}

/**
 * What importing a file would do. Nothing is imported of a file that has a fault anywhere.
 *
 * @param now milliseconds since the epoch
 */
export function planImport(
  { rows, faults }: Pick<TokenFile, 'rows' | 'faults'>,
  inventory: Inventory,
  now: number,
): ImportPlan {
  const keys = new Map<string, number>()
  const found = [...faults]
  for (const row of rows) found.push(...faultsOf(row, inventory, keys))
  if (found.length > 0) return { add: [], faults: found.sort((one, other) => one.ordinal - other.ordinal) }
  return { add: rows.map(({ token }) => tokenOf(token, inventory, now)), faults: [] }
}

/** `keys`: the lines in which keys stood so far. */
function faultsOf({ line, ordinal, token }: TokenRow, inventory: Inventory, keys: Map<string, number>) {
  const { serial, key, owner } = token
  const faults: TokenFault[] = []
  const report = (reason: TokenFault['reason'], detail?: string) =>
    faults.push({ line, ordinal, serial, reason, ...(detail !== undefined && { detail }) })
  const taken = inventory.serials.get(serial.toUpperCase())
  if (taken !== undefined) report('serial_taken', taken === serial ? undefined : `as ${taken}`)
  const holder = inventory.keys.get(key)
  if (holder !== undefined && taken === undefined) report('key_taken', `serial ${holder}`)
  const earlier = keys.get(key)
  if (earlier !== undefined) report('key_doubled', `as in line ${earlier}`)
  else keys.set(key, line)
  if (owner !== null) {
    const name = nameOfOwner(owner)
    if (name === undefined) report('owner_without_name')
    else if (!inventory.accounts.has(name)) report('owner_unknown', showableName(name))
  }
  return faults
}

/** No key looks like a mail address, which is longer than what is shown otherwise. */
function showableName(name: string): string | undefined {
  return /^[\x21-\x3f\x41-\x7e]{1,64}@[a-z0-9.-]{1,64}\.[a-z]{2,16}$/i.test(name) ? name : showable(name)
}

function tokenOf(token: TokenRow['token'], { accounts }: Inventory, now: number): Token {
  const { serial, kind, manufacturer, model, owner } = token
  const name = owner === null ? undefined : nameOfOwner(owner)
  return {
    serial,
    kind,
    manufacturer,
    model,
    seed: JSON.stringify(token),
    counter: null,
    accountId: (name === undefined ? undefined : accounts.get(name)?.id) ?? null,
    importedAt: now,
  }
}
