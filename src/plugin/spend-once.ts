import { createHash } from 'node:crypto'
import type { Adapter, AdapterConstructor, AdapterFactory, AdapterPayload } from 'oidc-provider'
import { errors } from 'oidc-provider'
import type { Clock } from '../clock.ts'
import type { Store } from '../stores/store.ts'

const consumables = new Set([
  'AuthorizationCode',
  'RefreshToken',
  'DeviceCode',
  'BackchannelAuthenticationRequest',
  'PushedAuthorizationRequest',
  'PreAuthorizedCode',
])

/** Seconds that the mark outlives the code: oidc-provider tolerates clocks that differ by 15. */
const grace = 60

/**
 * Layer five, for a host's own adapter: oidc-provider looks whether a code is consumed and then consumes it, which two
 * requests can do at once. Here consuming is a compare-and-set, so exactly one wins, and a loser revokes the grant
 * (RFC 6749 §4.1.2). Our own adapter (stores/oidc-adapter.ts) does the same by itself.
 */
export const spendOnce = (
  given: AdapterConstructor | AdapterFactory,
  store: Store,
  clock: Clock,
): AdapterFactory => {
  const open = (name: string): Adapter => (isConstructor(given) ? new given(name) : given(name))
  return (name) => {
    const adapter = open(name)
    if (!consumables.has(name)) return adapter
    return new Proxy(adapter, {
      get(target, property) {
        if (property !== 'consume') return bound(target, property)
        return async (id: string) => {
          const payload = (await target.find(id)) as AdapterPayload | undefined
          const seconds = (payload?.exp ?? 0) - Math.floor(clock.now() / 1000) + grace
          if (
            payload &&
            seconds > 0 &&
            (await store.add(
              `sp:${name}:${createHash('sha256').update(id).digest('base64url')}`,
              '1',
              seconds,
            ))
          )
            return target.consume(id)
          if (payload?.grantId) await open('Grant').destroy(payload.grantId)
          throw name === 'PushedAuthorizationRequest'
            ? new errors.InvalidRequestUri('request_uri was used already')
            : new errors.InvalidGrant('it was used already')
        }
      },
    })
  }
}

const bound = (target: Adapter, property: string | symbol): unknown => {
  const value: unknown = Reflect.get(target, property)
  return typeof value === 'function' ? value.bind(target) : value
}

/** The same test as oidc-provider's, so that both take the host's value for the same thing. */
const isConstructor = (given: AdapterConstructor | AdapterFactory): given is AdapterConstructor =>
  typeof given.prototype === 'object' && given.prototype !== null
