import { type Client, type Configuration, errors, type KoaContextWithOIDC } from 'oidc-provider'
import type { Config } from '../config/schema.ts'
import { DuepassiError } from '../errors.ts'
import { selfRegisteredProperty } from './clients/self-registration.ts'
import { signatureAlgorithms } from './keys/algorithms.ts'

type ResourceServers = NonNullable<
  NonNullable<NonNullable<Configuration['features']>['resourceIndicators']>['getResourceServerInfo']
>

/** Whether somebody vouches for a client: whoever added it, or the person who is asked. Nobody does for a machine of anybody. */
const isAskedFor = (params: Record<string, unknown> | undefined, client: Client): boolean =>
  params?.['grant_type'] !== 'client_credentials' ||
  (client as { [selfRegisteredProperty]?: unknown })[selfRegisteredProperty] !== true

/** The resource servers of the configuration, for the clients it names; any other audience is refused (RFC 8707). */
export const resourceServers = (config: Config): ResourceServers => {
  const algorithms = signatureAlgorithms(config)
  const [usual = 'ES256'] = algorithms
  const keyless = config.resources.find(({ alg }) => alg !== undefined && !algorithms.includes(alg))
  if (keyless)
    throw new DuepassiError(
      'not_configured',
      `resources: there is no key for the ${keyless.alg} of ${keyless.id}`,
    )
  return async ({ oidc }: KoaContextWithOIDC, resource: string, client) => {
    const known = config.resources.find(({ id }) => id === resource)
    const allowed = known?.clients.some(
      (id) => id === client.clientId || (id === '*' && isAskedFor(oidc.params, client)),
    )
    if (!known || !allowed) throw new errors.InvalidTarget()
    return {
      audience: known.id,
      scope: known.scopes.join(' '),
      accessTokenTTL: config.lifetimes.accessToken,
      ...(known.format === 'jwt'
        ? { accessTokenFormat: 'jwt' as const, jwt: { sign: { alg: known.alg ?? usual } } }
        : { accessTokenFormat: 'opaque' as const }),
    }
  }
}
