import { labelOf } from '../interaction/refusals.ts'
import type { PageError } from '../pages/views.ts'
import { createShowMethod, methodOf } from './methods.ts'
import type { AccountParts } from './parts.ts'
import type { Addresses } from './places.ts'
import { type GoHome, gone, type Screen } from './screen.ts'
import type { AccountVisit } from './visits.ts'

/** The person's own name for a method: nothing that protects anything, so the session is enough. */
export const createRename = (
  parts: Pick<AccountParts, 'pages' | 'changes' | 'describe'> & { addresses: Addresses; goHome: GoHome },
): Screen => {
  const { pages, changes, addresses, goHome } = parts
  const showMethod = createShowMethod(parts)

  const render = async (visit: AccountVisit, error?: PageError): Promise<void> => {
    const method = methodOf(visit)
    if (!method) return goHome(visit, gone)
    const { req, res, language } = visit
    pages.send(req, res, {
      status: error ? 422 : 200,
      language,
      view: 'account/rename',
      locals: { base: addresses.base, method: showMethod(method), ...(error && { error }) },
    })
  }

  return {
    show: (visit) => render(visit),
    async submit(visit, form) {
      if (form['intent'] !== 'rename') return render(visit)
      const method = methodOf(visit)
      if (!method) return goHome(visit, gone)
      const label = labelOf(form['label'])
      if (label === '') return render(visit, { key: 'error.bad_form' })
      const renamed = await changes.rename(visit.owner, method.id, label)
      return goHome(visit, renamed ? { done: 'renamed' } : gone)
    },
  }
}
