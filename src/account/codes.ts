import type { StartChange } from './change.ts'
import type { AccountParts } from './parts.ts'
import type { Addresses } from './places.ts'
import type { Proofs } from './proofs.ts'
import type { GoHome, Screen } from './screen.ts'
import type { AccountVisit } from './visits.ts'

/** New recovery codes; the old ones stay valid until the new ones are saved. */
export const createCodes = (
  parts: Pick<AccountParts, 'pages' | 'changes'> & {
    addresses: Addresses
    proofs: Proofs
    goHome: GoHome
    startChange: StartChange
  },
): Screen => {
  const { pages, changes, addresses, proofs, goHome, startChange } = parts

  /** Without a factor there is nothing that they would recover. */
  const has = ({ overview, owner }: AccountVisit): boolean =>
    overview.methods.length > 0 && !owner.rules.forbidden.includes('recovery-code')

  const show: Screen['show'] = async (visit) => {
    if (!has(visit)) return goHome(visit)
    if (!(await proofs.given(visit))) return
    const { req, res, language, overview } = visit
    const locals = { base: addresses.base, left: overview.recoveryCodes?.left ?? null }
    pages.send(req, res, { language, view: 'account/codes', locals })
  }

  return {
    show,
    async submit(visit, { intent }) {
      if (intent !== 'new-codes' || !has(visit)) return show(visit)
      if (!(await proofs.given(visit))) return
      const started = await startChange(visit, 'codes', (uid) => changes.beginCodes(uid, visit.owner))
      // There was no place to hash them in.
      if (!started) return goHome(visit, { error: { key: 'error.busy' } })
    },
  }
}
