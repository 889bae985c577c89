import type { OnAccount } from './account.ts'
import { type Ending, endSessions, endSignInsFirst } from './session-endings.ts'

export const unlock = async (on: OnAccount): Promise<string> => {
  const { account, directory, record } = on
  const { lockedAt } = await directory.standing(account.id)
  // What was proven before the lock is no beginning of a sign-in after it.
  if (lockedAt !== null) await endSignInsFirst(on)
  await directory.clearAttempts(account.id)
  await record('factor.unlocked', { accountId: account.id, reason: 'administrator' })
  return lockedAt === null
    ? `The second factor of ${account.username} was not locked; its count of wrong codes is back to none.`
    : `The second factor of ${account.username} is unlocked.`
}

/**
 * Needs no sealing key: whoever lost theirs must still be able to let people enrol anew. What was signed in with the
 * removed factors ends, and the person is told, since somebody else may have asked for this.
 */
export const resetFactors = async (on: Ending & Pick<OnAccount, 'tell'>): Promise<string> => {
  const { account, directory, record, tell } = on
  await endSignInsFirst(on)
  const { factors, lockedAt } = await directory.standing(account.id)
  const removed = await directory.removeCredentials(account.id)
  await directory.endTrust(account.id)
  await directory.clearAttempts(account.id)
  for (const factor of factors)
    await record('factor.removed', { accountId: account.id, factor, reason: 'administrator' })
  if (lockedAt !== null) await record('factor.unlocked', { accountId: account.id, reason: 'administrator' })
  await tell({ kind: 'factors-reset', accountId: account.id })
  const untold = await endSessions(on, 'factors-reset', `The factors of ${account.username} are removed`)
  const count = removed === 1 ? 'One credential' : `${removed === 0 ? 'No' : removed} credentials`
  return `${count} of ${account.username} removed, wrong codes forgotten, sessions ended. The next sign-in begins with enrolment where a second factor is required.${untold}`
}
