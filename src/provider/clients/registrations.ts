import { errors, type KoaContextWithOIDC, Provider } from 'oidc-provider'
import { passingAttempts } from '../../attempts/attempts.ts'
import type { RecordEvent } from '../../audit/trail.ts'
import type { Clock } from '../../clock.ts'
import type { Config } from '../../config/schema.ts'
import { clientAddress, networkOf } from '../../context/address.ts'
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

/** Seconds; what is counted is forgotten with its window. */
const window = 3_600

/** Whoever needs no invitation could fill the directory: so many an hour from one network, and no more. */
const createOpenLimit = (parts: {
  config: Pick<Config, 'proxy' | 'protocol'>
  store: Store
  clock: Clock
}) => {
  const { config, store, clock } = parts
  const limits = {
    freeFailures: config.protocol.registration.openPerHour,
    firstWait: window,
    longestWait: window,
  }
  const attempts = passingAttempts({ store, clock, limits })
  return async (ctx: KoaContextWithOIDC): Promise<void> => {
    const now = Math.floor(clock.now() / 1000)
    const address = clientAddress(ctx.req, config.proxy)
    const from = address === null ? 'unknown' : networkOf(address)
    const reserved = await attempts.reserve(from, `registration:${Math.floor(now / window)}`)
    if (reserved.kind === 'judge') return
    ctx.set('retry-after', String(window - (now % window)))
    const refusal = new errors.OIDCProviderError(429, 'temporarily_unavailable')
    refusal.error_description = 'too many have registered from this network in this hour'
    throw refusal
  }
}

/**
 * Relying parties in the directory, for oidc-provider's registration endpoints. What is saved here has been checked, to the
 * last; so an invitation is spent only now, and before the relying party is there: 50 at once with one that is good for one
 * make one.
 */
export const createRegistrations = ({
  config,
  clock,
  directory,
  store,
  record,
}: {
  config: Pick<Config, 'proxy' | 'protocol'>
  clock: Clock
  directory: Pick<Directory, 'clientById' | 'addClient' | 'changeClient' | 'removeClient'>
  store: Store
  record: RecordEvent
}): Required<RelyingParties> => {
  const countOpen = createOpenLimit({ config, store, clock })
  return {
    find: (id) => directory.clientById(id),

    async save(metadata) {
      const ctx = Provider.ctx
      const oidc = ctx?.oidc
      if (oidc?.route === 'client_update') {
        // Removed meanwhile: an update brings nobody back.
        if (!(await directory.changeClient(metadata))) throw new errors.InvalidToken('client not found')
        return record('client.changed', { clientId: metadata.client_id, reason })
      }
      const invitation = oidc?.entities.InitialAccessToken
      if (ctx && !invitation) await countOpen(ctx)
      if (invitation && !(await spendInvitation(store, invitation.jti)))
        throw new errors.InvalidToken('initial access token not found')
      await directory.addClient(metadata)
      await record('client.added', { clientId: metadata.client_id, reason })
    },

    async remove(id) {
      if (await directory.removeClient(id)) await record('client.removed', { clientId: id, reason })
    },
  }
}
