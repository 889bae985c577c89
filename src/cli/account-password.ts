import { endSignIns } from '../challenge/sign-ins.ts'
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
  await directory.changeAccount(account.id, { passwordHash: await hashPassword(password) })
  // Before the trust, so that no sign-in under way gives it anew; a store that is down is reported when the sessions end.
  await withStore((store) => endSignIns(store, account.id)).catch(() => undefined)
  await directory.endTrust(account.id)
  await record('password.changed', { accountId: account.id, reason: 'administrator' })
  await tell({ kind: 'password-changed', accountId: account.id })
  await endSessions({ account, withStore }, `The password of ${account.username} is changed`)
  return `The password of ${account.username} is changed; its sessions, grants and trusted browsers are ended.`
}
