import { systemClock } from '../clock.ts'
import { createProofMemory } from '../plugin/proofs.ts'
import { type OpenSession, sessionsOf } from '../stores/account-index.ts'
import type { OnAccount } from './account.ts'
import { browserInWords, placeInWords } from './account-devices.ts'
import { printable, when } from './account-show.ts'

const nowhere = { browser: null, system: null, address: null, city: null, country: null }

/** A session, as it is listed. */
interface Listed {
  id: string
  browser: string | null
  system: string | null
  address: string | null
  city: string | null
  country: string | null
  /** ISO 8601. */
  since: string
  /** When it ends if nobody uses it. */
  until: string
  acr: string | null
  amr: readonly string[]
  /** Client ids. */
  clients: readonly string[]
}

const iso = (second: number): string => new Date(second * 1000).toISOString()

/** The sessions of an account, latest first, one a line or as JSON. No cookie and no token is in it. */
export const listSessions = async (
  { account, withStore }: Pick<OnAccount, 'account' | 'withStore'>,
  { json }: { json: boolean },
): Promise<string> => {
  const listed = await withStore(async (store) => {
    const { seenOf } = createProofMemory(store)
    const sessions = (await sessionsOf(store, account.id, systemClock)).sort(latestFirst)
    return Promise.all(
      sessions.map(async (session): Promise<Listed> => {
        const { uid, loginTs: at = 0, exp, acr = null, amr, authorizations } = session
        const seen = await seenOf({ accountId: account.id, sessionUid: uid, at, amr })
        const { browser, system, address, city, country } = seen?.sighting ?? nowhere
        const where = { browser, system, address, city, country }
        const clients = Object.keys(authorizations).sort()
        return { id: uid, ...where, since: iso(at), until: iso(exp), acr, amr, clients }
      }),
    )
  })
  if (json) return JSON.stringify(listed, null, 2)
  return listed.length === 0 ? `${account.username} is signed in nowhere.` : listed.map(describe).join('\n')
}

const latestFirst = (one: OpenSession, other: OpenSession): number =>
  (other.loginTs ?? 0) - (one.loginTs ?? 0)

const describe = ({ id, since, until, acr, clients, ...seen }: Listed): string =>
  [
    `${id}  ${browserInWords(seen)}`,
    placeInWords(seen),
    `since ${when(Date.parse(since))}`,
    `until ${when(Date.parse(until))} if unused`,
    printable(acr ?? 'no level'),
    clients.length === 0 ? 'at no application' : `at ${clients.map(printable).join(' ')}`,
  ].join(', ')
