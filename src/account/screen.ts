import { redirect } from '../interaction/visit.ts'
import type { Flash, PageSessions } from './page-sessions.ts'
import type { Addresses } from './places.ts'
import type { AccountVisit } from './visits.ts'

/** One page: what it shows, and what its form does. */
export interface Screen {
  /** The GET changes something, so that a HEAD, which nobody reads, is not one. */
  readonly actsOnShow?: boolean
  show(visit: AccountVisit): Promise<void>
  /** Absent where there is no form. */
  submit?(visit: AccountVisit, form: Record<string, string>): Promise<void>
}

export type GoHome = ReturnType<typeof createGoHome>

/** Back to the home page, which says once what happened. */
export const createGoHome =
  ({ sessions, addresses }: { sessions: PageSessions; addresses: Addresses }) =>
  async ({ res, sessionId }: AccountVisit, flash?: Flash): Promise<void> => {
    if (flash) await sessions.update(sessionId, (session) => ({ ...session, flash }))
    redirect(res, addresses.base)
  }

/** What was to be changed is not there (any more), or was not the person's. */
export const gone: Flash = { error: { key: 'error.account.gone' } }
