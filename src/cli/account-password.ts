import { endSignIns } from '../challenge/sign-ins.ts'
import { systemClock } from '../clock.ts'
import type { OnAccount } from './account.ts'
import { endSessions } from './account-state.ts'
import { hashPassword } from './parts.ts'

/**
 * The new password holds first, and durably; then ends what the old one began: sign-ins under way, trusted browsers,
 * sessions and grants. The person is told, since somebody else may have asked for this.
 */
export const setPassword = async (
  { account, directory, record, withStore, tell }: OnAccount,
  password: string,
): Promise<string> => {
  await directory.changeAccount(account.id, {
    passwordHash: await hashPassword(password),
    passwordDue: null,
  })
  // Before the trust, so that no sign-in under way gives it anew; a store that is down is reported when the sessions end.
  await withStore((store) => endSignIns(store, account.id)).catch(() => undefined)
  await directory.endTrust(account.id)
  await record('password.changed', { accountId: account.id, reason: 'administrator' })
  await tell({ kind: 'password-changed', accountId: account.id })
  await endSessions({ account, withStore }, `The password of ${account.username} is changed`)
  return `The password of ${account.username} is changed; its sessions, grants and trusted browsers are ended.`
}

/** The person chooses a new password at the next sign-in, in whatever browser; until then nothing ends. */
export const expirePassword = async ({ account, directory, record }: OnAccount): Promise<string> => {
  await directory.changeAccount(account.id, { passwordDue: systemClock.now() })
  await record('password.expired', { accountId: account.id, reason: 'administrator' })
  return `${account.username} has to choose a new password at the next sign-in; nothing is ended until then.`
}
