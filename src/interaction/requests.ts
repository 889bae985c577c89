import type { Interaction, Provider } from 'oidc-provider'
import type { Log } from '../log.ts'
import type { Store } from '../stores/store.ts'

/**
 * Remembers authorization requests longer than the sign-ins they began, so that a page that expired over night, or was
 * reopened by the back button, can begin the same request again instead of being a dead end.
 */
export interface RequestMemory {
  /** `interactionUrl` is where the interaction begins. */
  remember(interaction: RememberedInteraction, interactionUrl: string): void
  /** The sign-in is done: from now on only the back button may ask for the request again. */
  keepBriefly(interaction: RememberedInteraction, interactionUrl: string): void
  /**
   * The address that repeats the request of an interaction, its first page, and its relying party. No address where only
   * the relying party can push or sign the request again.
   */
  recall(
    provider: Provider,
    uid: string,
  ): Promise<{ restartUrl?: string; interactionUrl: string; clientId: string } | undefined>
}

type RememberedInteraction = Pick<Interaction, 'uid' | 'params'> & { deviceCode?: string | undefined }

/** Seconds: a page that was left open over night, and the back button after a sign-in that is done. */
const overNight = 24 * 3600
const backButton = 15 * 60

/**
 * Given out for one use (the parameters they stood for are remembered instead), or a token that has no business here.
 */
const leftOut = new Set(['request_uri', 'request', 'id_token_hint'])

/** Characters: a request longer than any in earnest is not kept for whoever sends it. */
const longest = 4096

export const createRequestMemory = ({ store, log }: { store: Store; log: Log }): RequestMemory => {
  const put = (
    { uid, params, deviceCode }: RememberedInteraction,
    interactionUrl: string,
    seconds: number,
  ) => {
    const kept = Object.fromEntries(Object.entries(params).filter(([name]) => !leftOut.has(name)))
    const text = JSON.stringify({
      params: kept,
      interactionUrl,
      ...(deviceCode !== undefined && { device: true }),
    })
    if (text.length > longest) return
    // Only the way back is lost when this fails, so nobody waits for it.
    store
      .put(`rq:${uid}`, text, seconds)
      .catch((error) => log.warn({ err: error }, 'a request could not be remembered'))
  }
  return {
    remember: (interaction, interactionUrl) => put(interaction, interactionUrl, overNight),
    keepBriefly: (interaction, interactionUrl) => put(interaction, interactionUrl, backButton),
    async recall(provider, uid) {
      const stored = await store.get(`rq:${uid}`)
      if (stored === undefined) return undefined
      const { params, interactionUrl, device } = JSON.parse(stored) as {
        params: Record<string, unknown>
        interactionUrl: string
        device?: true
      }
      const clientId = String(params['client_id'])
      // Begun by a code that a device shows, which is entered again.
      if (device) return { restartUrl: provider.pathFor('code_verification'), interactionUrl, clientId }
      const client = await provider.Client.find(clientId)
      if (client?.requirePushedAuthorizationRequests || client?.requireSignedRequestObject)
        return { interactionUrl, clientId }
      const query = new URLSearchParams(
        Object.entries(params).flatMap(
          ([name, value]): Array<[string, string]> =>
            value === undefined || value === null
              ? []
              : [[name, typeof value === 'object' ? JSON.stringify(value) : String(value)]],
        ),
      )
      return {
        restartUrl: `${provider.pathFor('authorization')}?${query}`,
        interactionUrl,
        clientId,
      }
    },
  }
}
