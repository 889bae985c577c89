import { type Client, errors, type KoaContextWithOIDC } from 'oidc-provider'
import type { Config } from '../../config/schema.ts'
import { isFapi } from './fapi.ts'
import type { OwnProperty } from './own-metadata.ts'

/** Client metadata: false excepts a relying party from PKCE; true demands it where `protocol.pkce` is `optional`. */
export const pkceProperty = 'require_pkce'

type Own = { [pkceProperty]?: unknown }

/** Whoever cannot prove who it is, or hands its secret to everybody who installs it (RFC 8252 §8.5), has PKCE alone. */
const provesItself = (method: string | undefined, kind: string | undefined): boolean =>
  method !== 'none' && kind !== 'native'

export const pkceException: OwnProperty = {
  name: pkceProperty,
  check(value, client) {
    if (value === undefined || value === true) return
    if (value !== false) throw new errors.InvalidClientMetadata(`${pkceProperty} must be true or false`)
    if (!provesItself(client.token_endpoint_auth_method, client.application_type))
      throw new errors.InvalidClientMetadata(
        `${pkceProperty} may be false only for clients that authenticate`,
      )
  },
}

/** Whether a code is issued only against a challenge (RFC 7636); one that was sent is always held to. */
export const pkceRequired =
  (setting: Config['protocol']['pkce']) =>
  (_ctx: KoaContextWithOIDC, client: Client): boolean => {
    if (!provesItself(client.clientAuthMethod, client.applicationType) || isFapi(client)) return true
    const own = (client as Own)[pkceProperty]
    return setting === 'required' ? own !== false : own === true
  }
