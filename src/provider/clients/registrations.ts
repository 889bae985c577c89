import { errors, Provider } from 'oidc-provider'
import type { RecordEvent } from '../../audit/trail.ts'
import type { Directory } from '../../directory/directory.ts'
import { spendInvitation } from '../../stores/invitations.ts'
import type { RelyingParties } from '../../stores/oidc-adapter.ts'
import type { Store } from '../../stores/store.ts'
import { selfRegisteredProperty } from './self-registration.ts'

/** In the audit, where nobody ran a command. */
const reason = 'registration'

/**
 * Whoever has the token of a registration manages what registered itself, and nothing that an administrator put in its place
 * under the same name: the token lives on when its relying party is removed.
 */
export const manageSelfRegistered = ({ Client }: Provider): void => {
  Object.defineProperty(Client.prototype, 'noManage', {
    get(this: { [selfRegisteredProperty]?: unknown }) {
      return this[selfRegisteredProperty] !== true
    },
  })
}

/**
 * Relying parties in the directory, for oidc-provider's registration endpoints. What is saved here has been checked, to the
 * last; so an invitation is spent only now, and before the relying party is there: 50 at once with one that is good for one
 * make one.
 */
export const createRegistrations = ({
  directory,
  store,
  record,
}: {
  directory: Pick<Directory, 'clientById' | 'addClient' | 'changeClient' | 'removeClient'>
  store: Store
  record: RecordEvent
}): Required<RelyingParties> => ({
  find: (id) => directory.clientById(id),

  async save(metadata) {
    const { oidc } = Provider.ctx ?? {}
    if (oidc?.route === 'client_update') {
      // Removed meanwhile: an update brings nobody back.
      if (!(await directory.changeClient(metadata))) throw new errors.InvalidToken('client not found')
      return record('client.changed', { clientId: metadata.client_id, reason })
    }
    const invitation = oidc?.entities.InitialAccessToken
    if (invitation && !(await spendInvitation(store, invitation.jti)))
      throw new errors.InvalidToken('initial access token not found')
    await directory.addClient(metadata)
    await record('client.added', { clientId: metadata.client_id, reason })
  },

  async remove(id) {
    if (await directory.removeClient(id)) await record('client.removed', { clientId: id, reason })
  },
})
