import { randomBytes } from 'node:crypto'
import type { PendingSignIn, SignedIn } from './client.ts'
import type { Story } from './vault-page.ts'

/** What this relying party remembers of one browser. */
export interface Session {
  id: string
  expiresAt: number
  /** Sign-ins under way, by `state`: several tabs may each have one. */
  pending: Map<string, PendingSignIn>
  signedIn: SignedIn | undefined
  /** A refresh under way. A refresh token is good for one use, so a second click waits for the first. */
  refreshing: Promise<SignedIn> | undefined
  /** Until when the ID token before the last refresh was valid, to show what the refresh changed. */
  refreshedFrom: number | undefined
  /** Just back from a step up that the vault asked for: told once, and never asked for twice in a row. */
  steppedUp: Story | undefined
}

const lifetime = 8 * 60 * 60 * 1000
const mostSessions = 10_000
const mostPending = 10

/** Sessions in memory. Good for a demo: they end with the process. */
export const createSessions = () => {
  const sessions = new Map<string, Session>()

  const sweep = () => {
    for (const [id, session] of sessions) {
      // A Map keeps the order of insertion and every session lives equally long: the oldest come first.
      if (session.expiresAt > Date.now() && sessions.size < mostSessions) return
      sessions.delete(id)
    }
  }

  return {
    find: (id: string | undefined): Session | undefined => {
      const session = id === undefined ? undefined : sessions.get(id)
      return session !== undefined && session.expiresAt > Date.now() ? session : undefined
    },
    create: (): Session => {
      sweep()
      const session: Session = {
        id: randomBytes(32).toString('base64url'),
        expiresAt: Date.now() + lifetime,
        pending: new Map(),
        signedIn: undefined,
        refreshing: undefined,
        refreshedFrom: undefined,
        steppedUp: undefined,
      }
      sessions.set(session.id, session)
      return session
    },
    remove: (session: Session): void => {
      sessions.delete(session.id)
    },
  }
}

export const remember = (session: Session, pending: PendingSignIn): void => {
  session.pending.set(pending.state, pending)
  const [oldest] = session.pending.keys()
  if (session.pending.size > mostPending && oldest !== undefined) session.pending.delete(oldest)
}

/** Answers the sign-in that `state` belongs to, once: a callback that is sent again finds nothing. */
export const recall = (session: Session | undefined, state: string | null): PendingSignIn | undefined => {
  const pending = session?.pending.get(state ?? '')
  if (pending !== undefined) session?.pending.delete(pending.state)
  return pending
}
