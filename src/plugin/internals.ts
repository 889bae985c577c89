/**
 * The only deep import of oidc-provider, which semver does not cover: the live configuration of a provider, to prove at
 * start that it carries ours. Nothing else reads it.
 */
import type { Configuration, Provider } from 'oidc-provider'
import readInstance from 'oidc-provider/lib/helpers/weak_cache.js'

/** The configuration that a provider runs with; undefined when it cannot be read. */
export const liveConfiguration = (provider: Provider): Configuration | undefined =>
  (readInstance(provider) as { configuration?: Configuration } | undefined)?.configuration
