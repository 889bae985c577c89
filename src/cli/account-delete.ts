import { disable } from './account-state.ts'
import { Refusal } from './io.ts'
import { type Ending, endSessions } from './session-endings.ts'

/**
 * Forgets an account. It is disabled first, and its sessions end while it is still there: where that fails nothing is deleted,
 * and nobody is left with a session of nobody's. The audit trail stays.
 */
export const deleteAccount = async (on: Ending, { yes }: { yes: boolean }): Promise<string> => {
  const { account, directory, record } = on
  const { id, username } = account
  if (!yes)
    throw new Refusal(
      `This forgets the account ${username} with its factors and browsers, for ever. Say --yes if that is meant.`,
    )
  await disable(on)
  const untold = await endSessions(
    on,
    'account-removed',
    `The account ${username} is disabled, and not deleted so far`,
  )
  await directory.removeAccount(id)
  await record('account.removed', { accountId: id, reason: 'by-administrator' })
  return `The account ${username} is deleted; its sessions and grants are ended. The audit trail stays, under ${id}.${untold}`
}
