import type { Directory, Token } from '../directory/directory.ts'
import { findAccount } from './account.ts'
import { printable } from './account-show.ts'
import { Refusal } from './io.ts'
import { activeCredential, usernameOf } from './tokens-find.ts'
import { kinds } from './tokens-preview.ts'

export interface Listing {
  account?: string
  unassigned: boolean
  json: boolean
}

interface Listed extends Omit<Token, 'seed' | 'accountId' | 'importedAt'> {
  /** User name of whom it is assigned to. */
  account: string | null
  /** User name of whom it is active for. */
  activeFor: string | null
  importedAt: string
}

/** The inventory, or some of it, by serial number; no seed. */
export const listTokens = async (directory: Directory, options: Listing): Promise<string> => {
  if (options.unassigned && options.account !== undefined)
    throw new Refusal('Tokens of an account are assigned: give --account or --unassigned, not both.')
  const account = options.account === undefined ? undefined : await findAccount(directory, options.account)
  const tokens = (await directory.tokens(account?.id)).filter(
    ({ accountId }) => !options.unassigned || accountId === null,
  )
  const nameOf = createNames(directory)
  const listed: Listed[] = []
  for (const { seed: _, accountId, importedAt, ...token } of tokens) {
    const active = await activeCredential(directory, token)
    listed.push({
      ...token,
      account: accountId === null ? null : await nameOf(accountId),
      activeFor: active === undefined ? null : await nameOf(active.accountId),
      importedAt: new Date(importedAt).toISOString(),
    })
  }
  if (options.json) return JSON.stringify(listed, null, 2)
  return listed.length === 0 ? 'There are no such tokens.' : listed.map(describeToken).join('\n')
}

const describeToken = ({ serial, kind, manufacturer, model, account, activeFor }: Listed): string => {
  const make = [manufacturer, model].filter((part) => part !== null).join(' ')
  return [
    `${serial}  ${kinds[kind]}`,
    make === '' ? 'unknown model' : printable(make),
    account === null ? 'assigned to nobody' : `assigned to ${account}`,
    activeFor === null ? 'not active' : activeFor === account ? 'active' : `active for ${activeFor}`,
  ].join(', ')
}

const createNames = (directory: Directory): ((accountId: string) => Promise<string>) => {
  const names = new Map<string, string>()
  return async (accountId) => {
    const name = names.get(accountId) ?? (await usernameOf(directory, accountId))
    names.set(accountId, name)
    return name
  }
}
