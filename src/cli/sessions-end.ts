import { printable } from './account-show.ts'
import { Refusal } from './io.ts'
import { type Ending, endingsOn, endSessions, tellOf } from './session-endings.ts'

export interface Which {
  session?: string
  allOfAccount: boolean
}

/**
 * Ends one session with all that came of it, or everything that an account has: grants without a session too. The account
 * itself stays as it is, and its person may sign in again.
 */
export const endSessionsOf = async (on: Ending, { session, allOfAccount }: Which): Promise<string> => {
  const { account, withStore } = on
  if (allOfAccount === (session !== undefined)) throw new Refusal('Give --session or --all-of-account.')
  if (session === undefined) {
    const untold = await endSessions(on, 'by-administrator', `The account ${account.username} is as it was`)
    return `The sessions and grants of ${account.username} are ended; no browser is trusted any more.${untold}`
  }
  const { sessions } = await withStore((store) =>
    endingsOn(on, store).session(account.id, session, { reason: 'by-administrator' }),
  )
  if (sessions.length === 0)
    throw new Refusal(
      `${account.username} has no session "${printable(session)}"; \`duepassi sessions list\` lists them.`,
    )
  return `The session of ${account.username} is ended, with the grants that came of it; its browser is trusted no more.${await tellOf(on, sessions)}`
}
