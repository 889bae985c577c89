import { systemClock } from '../clock.ts'
import type { OnAccount } from './account.ts'
import { hashPassword } from './parts.ts'
import { type Ending, endSessions, endSignInsFirst } from './session-endings.ts'

/**
 * The new password holds first, and durably; then ends what the old one began: sign-ins under way, trusted browsers,
 * sessions and grants. The person is told, since somebody else may have asked for this.
 */
export const setPassword = async (
  on: Ending & Pick<OnAccount, 'tell'>,
  password: string,
): Promise<string> => {
  const { account, directory, record, tell } = on
  await directory.changeAccount(account.id, {
    passwordHash: await hashPassword(password),
    passwordDue: null,
  })
  // Before the trust, so that no sign-in under way gives it anew.
  await endSignInsFirst(on)
  await directory.endTrust(account.id)
  await record('password.changed', { accountId: account.id, reason: 'administrator' })
  await tell({ kind: 'password-changed', accountId: account.id })
  const untold = await endSessions(on, 'password-changed', `The password of ${account.username} is changed`)
  return `The password of ${account.username} is changed; its sessions, grants and trusted browsers are ended.${untold}`
}

/** The person chooses a new password at the next sign-in, in whatever browser; until then nothing ends. */
export const expirePassword = async ({ account, directory, record }: OnAccount): Promise<string> => {
  await directory.changeAccount(account.id, { passwordDue: systemClock.now() })
  await record('password.expired', { accountId: account.id, reason: 'administrator' })
  return `${account.username} has to choose a new password at the next sign-in; nothing is ended until then.`
}
