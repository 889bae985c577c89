import { type Client, errors, Provider } from 'oidc-provider'
import type { Log } from '../../log.ts'

/**
 * No relying party holds a sign-out up. One that could not be told (Back-Channel Logout 1.0 §2.5) is named in the log, and
 * so is one whose metadata are not valid any more: oidc-provider would answer the person with the client's fault.
 */
export const surviveFailures = (provider: Provider, log: Log): void => {
  provider.on('backchannel.error', (_ctx, error, client) =>
    log.warn({ err: error, client: client.clientId }, 'a relying party could not be told of a sign-out'),
  )
  const clients: { find(id: string): Promise<Client | undefined> } = provider.Client
  const { find } = clients
  clients.find = async function (id) {
    try {
      return await find.call(this, id)
    } catch (error) {
      const isForgiven = error instanceof errors.InvalidClientMetadata && isSigningOut()
      if (!isForgiven) throw error
      log.warn({ err: error, client: id }, 'a relying party could not be signed out: it is not valid')
      return undefined
    }
  }
}

const isSigningOut = (): boolean => Provider.ctx?.oidc.route === 'end_session_confirm'
