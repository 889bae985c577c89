import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Overview, Owner } from '../challenge/changes.ts'
import { chooseLanguage } from '../pages/language.ts'
import type { Language } from '../pages/views.ts'
import { accountClientId } from './account-client.ts'
import type { SecretCookie } from './cookies.ts'
import type { PageSession, PageSessions } from './page-sessions.ts'
import type { AccountParts, Person } from './parts.ts'
import type { Place } from './places.ts'
import type { RelyingParty } from './relying-party.ts'

/** One request of somebody who is signed in, to one of the pages. */
export interface AccountVisit {
  req: IncomingMessage
  res: ServerResponse
  language: Language
  place: Place
  sessionId: string
  session: PageSession
  person: Person
  owner: Owner
  /** Read once: what is decided and what is shown are about the same moment. */
  overview: Overview
}

/** `account-gone`: the provider knows the session, and the account may not be used. */
export type Opened = { kind: 'open'; visit: AccountVisit } | { kind: 'signed-out' } | { kind: 'account-gone' }

type VisitParts = Pick<AccountParts, 'account' | 'changes' | 'clock' | 'policyOf'> & {
  sessions: PageSessions
  sessionCookie: SecretCookie
  relyingParty: RelyingParty
}

export const createVisits = (parts: VisitParts) => {
  const { sessions, sessionCookie, changes } = parts

  const end = async (id: string, { change }: PageSession): Promise<void> => {
    await sessions.drop(id)
    if (change) await changes.end(change.uid)
  }

  return {
    end,

    /**
     * The session is asked of the provider each time, so that it is over here the moment it is over there: signed out, reset
     * by an administrator, disabled.
     */
    async open(req: IncomingMessage, res: ServerResponse, place: Place): Promise<Opened> {
      const sessionId = sessionCookie.read(req)
      const session = sessionId === undefined ? undefined : await sessions.find(sessionId)
      if (sessionId === undefined || !session) return { kind: 'signed-out' }
      if (session.expiresAt <= parts.clock.now()) return { kind: 'signed-out' }
      if (!(await parts.relyingParty.isAlive(session))) {
        await end(sessionId, session)
        return { kind: 'signed-out' }
      }
      const person = await parts.account(session.sub)
      if (!person || person.disabledAt !== null) {
        await end(sessionId, session)
        return { kind: 'account-gone' }
      }
      const policy = await parts.policyOf(session.sub)
      const owner: Owner = { accountId: session.sub, clientId: accountClientId, ...policy }
      const overview = await changes.overview(owner)
      const language = chooseLanguage(req)
      return {
        kind: 'open',
        visit: { req, res, language, place, sessionId, session, person, owner, overview },
      }
    },
  }
}
