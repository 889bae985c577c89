import type { AccountParts } from './parts.ts'
import { type GoHome, gone, type Screen } from './screen.ts'

/**
 * Ending one of the person's other sessions, or all of them. It gives nobody anything, so the session is enough, as it is for
 * forgetting a browser. The session at hand ends by signing out.
 */
export const createEndSessions = ({
  sessions,
  goHome,
}: {
  sessions: AccountParts['sessions']
  goHome: GoHome
}): Screen => ({
  // The buttons are on the home page.
  show: (visit) => goHome(visit),
  async submit(visit, { intent }) {
    const { accountId } = visit.owner
    const { accessToken } = visit.session
    if (intent === 'end-others') {
      await sessions.endOthers(accountId, accessToken)
      return goHome(visit, { done: 'ended' })
    }
    if (intent !== 'end') return goHome(visit)
    const id = visit.place.value ?? ''
    const isOther = (await sessions.list(accountId, accessToken)).some((one) => one.id === id && !one.here)
    const ended = isOther && (await sessions.end(accountId, id))
    return goHome(visit, ended ? { done: 'ended' } : gone)
  },
})
