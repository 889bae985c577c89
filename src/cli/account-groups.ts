import { isGroupName } from '../directory/group-name.ts'
import type { OnAccount } from './account.ts'
import { Refusal } from './io.ts'

export interface GroupChange {
  add: readonly string[]
  remove: readonly string[]
}

/** The same names, sorted and each once; refuses those that are none. */
export const checkedGroups = (names: readonly string[]): string[] => {
  const wrong = names.find((name) => !isGroupName(name))
  if (wrong !== undefined) {
    throw new Refusal(
      `A group is called by 1 to 40 letters, digits, "-", "_" and ".", not ${JSON.stringify(wrong)}.`,
    )
  }
  return [...new Set(names)].sort()
}

/** Adds to groups and removes from others; answers the groups then, one a line. Changes nothing when told nothing. */
export const changeGroups = async (
  { account, directory }: Pick<OnAccount, 'account' | 'directory'>,
  change: GroupChange,
): Promise<string> => {
  const { add, remove } = { add: checkedGroups(change.add), remove: checkedGroups(change.remove) }
  const both = add.find((name) => remove.includes(name))
  if (both !== undefined) throw new Refusal(`The group ${both} cannot be both added and removed.`)
  if (add.length + remove.length === 0) return listed(account.username, account.groups)
  const groups = [...new Set([...account.groups, ...add])].filter((name) => !remove.includes(name)).sort()
  await directory.changeAccount(account.id, { groups })
  return listed(account.username, groups)
}

const listed = (username: string, groups: readonly string[]): string =>
  groups.length === 0 ? `${username} is in no group.` : groups.join('\n')
