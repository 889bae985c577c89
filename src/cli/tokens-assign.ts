import type { RecordEvent } from '../audit/trail.ts'
import type { Directory } from '../directory/directory.ts'
import { findAccount } from './account.ts'
import { Refusal } from './io.ts'
import { activeCredential, findToken, usernameOf } from './tokens-find.ts'

/** Says who may activate a token; undefined: nobody. It takes nothing away that is active. */
export const assignToken = async (
  { directory, record }: { directory: Directory; record: RecordEvent },
  serial: string,
  named: string | undefined,
): Promise<string> => {
  const token = await findToken(directory, serial)
  const account = named === undefined ? undefined : await findAccount(directory, named)
  const active = await activeCredential(directory, token)
  if (active && active.accountId !== account?.id) {
    const holder = await usernameOf(directory, active.accountId)
    throw new Refusal(
      `The token ${token.serial} is active for ${holder}, whose second factor it is. Remove it there first: ${holder} can, on the security page, or \`duepassi account reset-factors\` removes all factors.`,
    )
  }
  const whose = account === undefined ? 'nobody' : account.username
  const next = account?.id ?? null
  if (token.accountId === next) return `The token ${token.serial} is assigned to ${whose} already.`
  if (!(await directory.assignToken(token.serial, token.accountId, next)))
    throw new Refusal(`The token ${token.serial} was changed by somebody else meanwhile. Run this again.`)
  if (token.accountId !== null)
    await record('token.unassigned', { accountId: token.accountId, factor: 'hardware-token' })
  if (next !== null) await record('token.assigned', { accountId: next, factor: 'hardware-token' })
  const before =
    token.accountId === null ? '' : `, no longer to ${await usernameOf(directory, token.accountId)}`
  return account === undefined
    ? `The token ${token.serial} is assigned to nobody${before}.`
    : `The token ${token.serial} is assigned to ${whose}${before}; it is active once they have typed a code of it.`
}
