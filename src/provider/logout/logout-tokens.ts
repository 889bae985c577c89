import type { Client, Provider } from 'oidc-provider'
import type { Log } from '../../log.ts'
import type { OpenSession } from '../../stores/account-index.ts'
import { type Authorizations, sidsIn } from '../../stores/authorizations.ts'

/** Its types leave the method out. */
type Told = Client & { backchannelLogout(accountId: string, sid?: string): Promise<void> }

/** Tells the clients of sessions that these are over; answers the ids of those that had asked for it and were not reached. */
export type TellClients = (
  accountId: string,
  sessions: ReadonlyArray<Pick<OpenSession, 'authorizations'>>,
) => Promise<string[]>

/**
 * OpenID Connect Back-Channel Logout 1.0 for sessions that did not end in their browser. Everybody is told at the same time;
 * who does not answer is given up soon (the outbound requests have an end), logged, and holds nothing up. Never rejects.
 */
export const createTelling =
  ({ provider, log }: { provider: () => Provider; log: Log }): TellClients =>
  async (accountId, sessions) => {
    const tell = async (clientId: string, sids: readonly string[]): Promise<string[]> => {
      try {
        const client = (await provider().Client.find(clientId)) as Told | undefined
        if (!client?.backchannelLogoutUri) return []
        // A token without `sid` is about everything that the person has there: once is enough.
        const named = client.backchannelLogoutSessionRequired ? sids : [undefined]
        await Promise.all(named.map((sid) => client.backchannelLogout(accountId, sid)))
        return []
      } catch (error) {
        log.warn(
          { err: error, client: clientId },
          'a relying party could not be told of the end of a session',
        )
        return [clientId]
      }
    }
    const told = [...sidsByClient(sessions)].map(([clientId, sids]) => tell(clientId, sids))
    return (await Promise.all(told)).flat().sort()
  }

export const sidsByClient = (
  sessions: ReadonlyArray<{ authorizations: Authorizations }>,
): Map<string, string[]> => {
  const sids = new Map<string, string[]>()
  for (const { authorizations } of sessions)
    for (const [clientId, authorization] of Object.entries(authorizations))
      sids.set(clientId, [...(sids.get(clientId) ?? []), ...sidsIn(authorization)])
  return sids
}
