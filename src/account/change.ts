import type { SignIn } from '../challenge/machine.ts'
import type { RandomBytes } from '../crypto/random.ts'
import { redirect } from '../interaction/visit.ts'
import type { PageSession, PageSessions } from './page-sessions.ts'
import type { AccountParts } from './parts.ts'
import type { Addresses } from './places.ts'
import type { Proofs } from './proofs.ts'
import { type GoHome, gone, type Screen } from './screen.ts'
import type { AccountVisit } from './visits.ts'

type Change = NonNullable<PageSession['change']>

export type StartChange = ReturnType<typeof createStartChange>

/**
 * Begins a change under a uid of its own, in place of the one under way, and leads to its page. False, having answered
 * nothing, where there is nothing to begin.
 */
export const createStartChange =
  (parts: {
    changes: AccountParts['changes']
    sessions: PageSessions
    addresses: Addresses
    proofs: Proofs
    random: RandomBytes
  }) =>
  async (
    visit: AccountVisit,
    kind: Change['kind'],
    begin: (uid: string) => Promise<SignIn | undefined>,
  ): Promise<boolean> => {
    const { changes, sessions, addresses, proofs } = parts
    const uid = `account-${parts.random(32).toString('base64url')}`
    const begun = await begin(uid)
    if (!begun) return false
    // The account has got a factor since its overview was read: whoever holds the password alone adds nothing to it.
    if (begun.provenBy !== null && !proofs.byTwoFactors(visit)) {
      await changes.end(uid)
      await proofs.demand(visit, { hasFactors: true })
      return true
    }
    let before: Change | undefined
    const kept = await sessions.update(visit.sessionId, ({ change, ...session }) => {
      before = change
      return { ...session, change: { uid, kind } }
    })
    if (!kept) await changes.end(uid)
    else if (before) await changes.end(before.uid)
    redirect(visit.res, kept ? addresses.addressOf({ name: 'change' }) : addresses.base)
    return true
  }

/** Adding a factor: begins it, and leads to the page of the change. */
export const createAdd = (
  parts: Pick<AccountParts, 'changes'> & { proofs: Proofs; goHome: GoHome; startChange: StartChange },
): Screen => ({
  actsOnShow: true,
  async show(visit) {
    const { overview, owner, place, req } = visit
    // It takes the place of a change under way, so a link on another site does not begin one.
    if (req.headers['sec-fetch-site'] === 'cross-site') return parts.goHome(visit)
    const { value: factor } = place
    const offered =
      factor === undefined ? overview.addable[0] : overview.addable.find((one) => one === factor)
    if (!offered) return parts.goHome(visit, gone)
    if (!(await parts.proofs.given(visit))) return
    const started = await parts.startChange(visit, 'added', (uid) =>
      parts.changes.beginAdding(uid, owner, factor),
    )
    if (!started) return parts.goHome(visit, gone)
  },
})
