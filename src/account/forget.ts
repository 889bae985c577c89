import type { AccountParts } from './parts.ts'
import { type GoHome, gone, type Screen } from './screen.ts'

/**
 * Forgetting one browser that the person signed in with, or all of them. They are asked more from then on and never less, so
 * the session is enough.
 */
export const createForget = ({
  devices,
  goHome,
}: Pick<AccountParts, 'devices'> & { goHome: GoHome }): Screen => ({
  // The buttons are on the home page.
  show: (visit) => goHome(visit),
  async submit(visit, { intent }) {
    const { owner, place } = visit
    if (intent !== 'forget' && intent !== 'forget-all') return goHome(visit)
    // An address without an id names nothing: only the other button means them all.
    const ids = intent === 'forget-all' ? undefined : [place.value ?? '']
    const removed = await devices.remove(owner.accountId, ids, 'by-owner')
    return goHome(visit, removed > 0 ? { done: 'forgotten' } : gone)
  },
})
