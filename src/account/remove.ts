import { createShowMethod, methodOf } from './methods.ts'
import type { AccountParts } from './parts.ts'
import type { Addresses } from './places.ts'
import type { Proofs } from './proofs.ts'
import { type GoHome, gone, type Screen } from './screen.ts'

/** Removing one method, after asking whether it is meant. */
export const createRemove = (
  parts: Pick<AccountParts, 'pages' | 'changes' | 'describe'> & {
    ownSessions: AccountParts['sessions']
    addresses: Addresses
    proofs: Proofs
    goHome: GoHome
  },
): Screen => {
  const { pages, changes, describe, addresses, proofs, goHome } = parts
  const showMethod = createShowMethod(parts)

  const show: Screen['show'] = async (visit) => {
    const method = methodOf(visit)
    if (!method) return goHome(visit, gone)
    // Nobody signs in again only to be told that it cannot be removed.
    if (method.removable && !(await proofs.given(visit))) return
    const { req, res, language } = visit
    const locals = { base: addresses.base, method: showMethod(method) }
    pages.send(req, res, { language, view: 'account/remove', locals })
  }

  return {
    show,
    async submit(visit, { intent }) {
      if (intent !== 'remove') return show(visit)
      const method = methodOf(visit)
      if (!method) return goHome(visit, gone)
      if (!(await proofs.given(visit))) return
      switch (await changes.remove(visit.owner, method.id)) {
        case 'removed': {
          // Whoever holds what was removed may be signed in with it.
          const { accountId } = visit.owner
          await parts.ownSessions.endOthers(accountId, visit.session.accessToken, 'factor-removed')
          const { userHandle } = method.factor === 'webauthn' ? describe(method) : {}
          return goHome(visit, { done: 'removed', ...(userHandle !== undefined && { userHandle }) })
        }
        case 'demanded':
          return goHome(visit, { error: { key: 'error.account.demanded' } })
        case 'gone':
          return goHome(visit, gone)
      }
    },
  }
}
