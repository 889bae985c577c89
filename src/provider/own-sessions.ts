import { accountClientId } from '../account/account-client.ts'
import type { OwnSession, OwnSessions } from '../account/own-sessions.ts'
import type { Clock } from '../clock.ts'
import type { Directory } from '../directory/directory.ts'
import type { ProofMemory } from '../plugin/proofs.ts'
import type { Ladder } from '../policy/acr.ts'
import { type OpenSession, sessionsOf } from '../stores/account-index.ts'
import type { Store } from '../stores/store.ts'
import type { Endings } from './logout/session-endings.ts'

interface Parts {
  store: Store
  clock: Clock
  directory: Pick<Directory, 'clientById'>
  seenOf: ProofMemory['seenOf']
  ladder: Ladder
  endings: Pick<Endings, 'session' | 'account'>
  /** The uid of the session that an access token of the security page belongs to. */
  sessionOfToken(accessToken: string): Promise<string | undefined>
}

/** A person's sessions for their security page: where they are, and their end. */
export const createOwnSessions = (parts: Parts): OwnSessions => {
  const { store, clock, directory, seenOf, ladder, endings } = parts

  const applicationsOf = async ({ authorizations }: OpenSession): Promise<string[]> => {
    const ids = Object.keys(authorizations).filter((id) => id !== accountClientId)
    const named = ids.map(async (id) => String((await directory.clientById(id))?.['client_name'] ?? id))
    return (await Promise.all(named)).sort((one, other) => one.localeCompare(other))
  }

  const describe = async (
    accountId: string,
    session: OpenSession,
    here: string | undefined,
  ): Promise<OwnSession> => {
    const { uid, amr, acr, loginTs: at = 0 } = session
    const [seen, applications] = await Promise.all([
      seenOf({ accountId, sessionUid: uid, at, amr }),
      applicationsOf(session),
    ])
    const {
      browser = null,
      system = null,
      city = null,
      country = null,
      address = null,
    } = seen?.sighting ?? {}
    return {
      id: uid,
      ...{ browser, system, city, country, address },
      since: at * 1000,
      level: ladder.find((one) => one.acr === acr)?.asks ?? null,
      applications,
      here: uid === here,
    }
  }

  return {
    async list(accountId, accessToken) {
      const [here, sessions] = await Promise.all([
        parts.sessionOfToken(accessToken),
        sessionsOf(store, accountId, clock),
      ])
      const described = await Promise.all(sessions.map((session) => describe(accountId, session, here)))
      return described.sort((one, other) => Number(other.here) - Number(one.here) || other.since - one.since)
    },
    async end(accountId, id) {
      return (await endings.session(accountId, id, { reason: 'by-owner' })).sessions.length > 0
    },
    async endOthers(accountId, accessToken, reason = 'by-owner') {
      const except = await parts.sessionOfToken(accessToken)
      await endings.account(accountId, { reason, except, keepsTrust: true })
    },
  }
}
