import { createHash } from 'node:crypto'
import type { Outcome, Refusal } from '../challenge/challenge.ts'
import type { SignIn } from '../challenge/machine.ts'
import { answerOf, errorOf, expectsAddress, labelOf, statusOf, waitOf } from '../interaction/refusals.ts'
import { redirect } from '../interaction/visit.ts'
import type { AccountViews, FactorDraft, Views } from '../pages/views.ts'
import { answerWatch, type Watched, watchOf } from '../pages/watching.ts'
import type { Flash, PageSession, PageSessions } from './page-sessions.ts'
import type { AccountParts } from './parts.ts'
import type { Addresses } from './places.ts'
import { type GoHome, gone, type Screen } from './screen.ts'
import type { AccountVisit } from './visits.ts'

type Change = NonNullable<PageSession['change']>

/** Not the uid itself: addresses are written down in more places than forms. */
const nameOf = ({ uid }: Change): string => createHash('sha256').update(uid).digest('base64url').slice(0, 16)

/** One address for a change under way: what it shows is where the change stands, by the pages of a sign-in. */
export const createChangePage = (
  parts: Pick<AccountParts, 'pages' | 'changes'> & {
    sessions: PageSessions
    addresses: Addresses
    goHome: GoHome
  },
): Screen => {
  const { pages, changes, sessions, addresses, goHome } = parts

  /** Of parallel requests one says what happened. */
  const finish = async (visit: AccountVisit, { uid }: Change, flash?: Flash): Promise<void> => {
    await changes.end(uid)
    await sessions.update(visit.sessionId, ({ change, ...session }) =>
      change?.uid === uid ? { ...session, ...(flash && { flash }) } : undefined,
    )
    return goHome(visit)
  }

  const render = async (
    visit: AccountVisit,
    change: Change,
    { signIn, refusal, label = '' }: { signIn: SignIn; refusal?: Refusal; label?: string },
  ): Promise<void> => {
    const { req, res, language, person, overview } = visit
    const { stage } = signIn
    const waitSeconds = waitOf(refusal)
    const page = { language, status: statusOf(refusal), ...(waitSeconds && { retryAfter: waitSeconds }) }
    // The form says which change it is about: another tab may have begun another one.
    const action = `${addresses.addressOf({ name: 'change' })}?of=${nameOf(change)}`
    const shared = { action, accountName: person.username, onAccount: true }
    switch (stage.name) {
      case 'choosing':
        return pages.send(req, res, {
          ...page,
          view: 'interaction/choose',
          locals: {
            ...shared,
            factors: changes.choices(signIn) as Views['interaction/choose']['factors'],
            reason: overview.methods.length > 0 ? 'more' : 'first',
            ...(refusal && { error: errorOf(refusal, 'totp') }),
          },
        })
      case 'enrolling':
        return pages.send(req, res, {
          ...page,
          view: 'interaction/enrol',
          locals: {
            ...shared,
            factor: {
              name: stage.factor,
              ...stage.draft.shown,
              ...(label && { label }),
              ...(changes.isRemote(stage.factor) && { watch: (await changes.watch.shown(change.uid)).watch }),
            } as FactorDraft,
            otherWays: changes.choices(signIn).length > 1,
            ...(refusal && { error: errorOf(refusal, stage.factor, expectsAddress(stage)) }),
            ...(waitSeconds && { waitSeconds }),
          },
        })
      case 'issuing':
        return pages.send(req, res, {
          ...page,
          view: 'interaction/recovery-codes',
          locals: {
            ...shared,
            codes: stage.draft.shown['codes'] as string[],
            ...(refusal && { error: errorOf(refusal, 'recovery-code') }),
          },
        })
      case 'proven':
        return finish(visit, change, { done: change.kind satisfies AccountViews['account/home']['done'] })
      default:
        return finish(visit, change, gone)
    }
  }

  const act = (uid: string, form: Record<string, string>): Promise<Outcome> | undefined => {
    switch (form['intent']) {
      case 'choose':
        return changes.choose(uid, form['factor'] ?? '')
      case 'choose-again':
        return changes.chooseAgain(uid)
      case 'confirm':
        return changes.confirm(uid, answerOf(form), labelOf(form['label']))
      case 'address':
        return changes.provideAddress(uid, form['address'] ?? '')
      case 'send':
        return changes.send(uid)
      case 'saved':
        return changes.codesSaved(uid)
      default:
        return undefined
    }
  }

  /** The change of this session; undefined where there is none, and then the request is answered. */
  const find = async (visit: AccountVisit): Promise<{ change: Change; signIn: SignIn } | undefined> => {
    const { change, sub } = visit.session
    if (!change) return void (await goHome(visit))
    const signIn = await changes.find(change.uid)
    if (signIn?.purpose === 'change' && signIn.accountId === sub) return { change, signIn }
    return void (await finish(visit, change, gone))
  }

  /** Where there is no change (any more) the page has to be read anew, and says so. */
  const watchedBy = ({ session: { change } }: AccountVisit): Watched =>
    change
      ? { next: (known, over) => changes.watch.next(change.uid, known, over) }
      : { next: async () => 'gone' }

  return {
    async show(visit) {
      const watching = watchOf(visit.req)
      if (watching) return answerWatch(visit.res, watching, watchedBy(visit))
      const found = await find(visit)
      if (found) await render(visit, found.change, found)
    },
    async submit(visit, form) {
      const found = await find(visit)
      if (!found) return
      const { change, signIn } = found
      if (visit.place.value !== nameOf(change))
        return render(visit, change, { signIn, refusal: { reason: 'elsewhere' } })
      if (form['intent'] === 'give-up') return finish(visit, change)
      const outcome = await act(change.uid, form)
      if (!outcome) return render(visit, change, found)
      if (outcome.kind === 'gone') return finish(visit, change, gone)
      if (outcome.kind === 'refused')
        return render(visit, change, { ...outcome, label: labelOf(form['label']) })
      const { name } = outcome.signIn.stage
      if (name === 'proven') return render(visit, change, outcome)
      // Every other page has its own GET, so that reloading it sends nothing again.
      redirect(visit.res, addresses.addressOf({ name: 'change' }))
    },
  }
}
