declare module 'oidc-provider/lib/helpers/weak_cache.js' {
  export default function readInstance(provider: object): unknown
}

declare module 'oidc-provider/lib/helpers/initialize_keystore.js' {
  import type { Configuration, Provider } from 'oidc-provider'

  /** Parses the keys, then puts them into the provider that is `this`. */
  export default function initialize(this: Provider, jwks: NonNullable<Configuration['jwks']>): void
}
