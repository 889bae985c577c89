import { endSignIns } from '../challenge/sign-ins.ts'
import { systemClock } from '../clock.ts'
import { revokeAccount } from '../stores/account-index.ts'
import type { OnAccount } from './account.ts'
import { Refusal } from './io.ts'

/** Refuses from now on, then ends what is open. The first is durable and does not wait for the second. */
export const setDisabled = async ({ account, directory, record, withStore }: OnAccount): Promise<string> => {
  if (account.disabledAt === null) {
    await directory.changeAccount(account.id, { disabledAt: systemClock.now() })
    await record('account.disabled', { accountId: account.id })
  }
  await directory.endTrust(account.id)
  await endSessions(
    { account, withStore },
    `The account ${account.username} is disabled and gets no more tokens`,
  )
  return `The account ${account.username} is disabled; its sessions and grants are ended.`
}

/** Ends every session, grant and sign-in under way of an account; `done` says what is true even where that fails. */
export const endSessions = async (
  { account, withStore }: Pick<OnAccount, 'account' | 'withStore'>,
  done: string,
): Promise<void> => {
  try {
    await withStore(async (store) => {
      await endSignIns(store, account.id)
      await revokeAccount(store, account.id)
    })
  } catch {
    throw new Refusal(
      `${done}, but its sessions could not be ended: the store does not answer. Run this again when it does.`,
    )
  }
}

export const setEnabled = async ({ account, directory, record }: OnAccount): Promise<string> => {
  if (account.disabledAt === null) return `The account ${account.username} was not disabled.`
  await directory.changeAccount(account.id, { disabledAt: null })
  await record('account.enabled', { accountId: account.id })
  return `The account ${account.username} is enabled.`
}
