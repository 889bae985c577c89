import { systemClock } from '../clock.ts'
import type { OnAccount } from './account.ts'
import { type Ending, endSessions } from './session-endings.ts'

/** Refuses from now on, then ends what is open. The first is durable and does not wait for the second. */
export const setDisabled = async (on: Ending): Promise<string> => {
  const { account } = on
  await disable(on)
  const untold = await endSessions(
    on,
    'account-disabled',
    `The account ${account.username} is disabled and gets no more tokens`,
  )
  return `The account ${account.username} is disabled; its sessions and grants are ended.${untold}`
}

export const disable = async ({
  account,
  directory,
  record,
}: Pick<OnAccount, 'account' | 'directory' | 'record'>): Promise<void> => {
  if (account.disabledAt !== null) return
  await directory.changeAccount(account.id, { disabledAt: systemClock.now() })
  await record('account.disabled', { accountId: account.id })
}

export const setEnabled = async ({
  account,
  directory,
  record,
}: Pick<OnAccount, 'account' | 'directory' | 'record'>): Promise<string> => {
  if (account.disabledAt === null) return `The account ${account.username} was not disabled.`
  await directory.changeAccount(account.id, { disabledAt: null })
  await record('account.enabled', { accountId: account.id })
  return `The account ${account.username} is enabled.`
}
