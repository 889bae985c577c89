import type { Configuration } from 'oidc-provider'
import { selfRegisteredProperty } from './clients/self-registration.ts'

type AllowedPolicy = NonNullable<
  NonNullable<NonNullable<Configuration['features']>['introspection']>['allowedPolicy']
>

/**
 * Who may ask about a token (RFC 7662 §2.1): a client that proves who it is. One that registered itself, which anybody may,
 * only about its own; and nobody about one of a client that was removed, with which it is over.
 */
export const mayAskAbout: AllowedPolicy = async ({ oidc }, client, token) => {
  if (client.clientAuthMethod === 'none') return false
  if (token.clientId === client.clientId) return true
  if ((client as { [selfRegisteredProperty]?: unknown })[selfRegisteredProperty] === true) return false
  return (await oidc.provider.Client.find(String(token.clientId))) !== undefined
}
