/**
 * The only deep imports of oidc-provider, which semver does not cover: the live configuration of a provider, to prove at
 * start that it carries ours, and its keys, which it would otherwise have for as long as it lives.
 */
import type { Configuration, Provider } from 'oidc-provider'
import initializeKeys from 'oidc-provider/lib/helpers/initialize_keystore.js'
import readInstance from 'oidc-provider/lib/helpers/weak_cache.js'

interface Instance {
  configuration?: Configuration
  keystore: { selectForSign(wanted: { alg: string }): ReadonlyArray<{ kid: string }> }
}

/** The configuration that a provider runs with; undefined when it cannot be read. */
export const liveConfiguration = (provider: Provider): Configuration | undefined =>
  (readInstance(provider) as Instance | undefined)?.configuration

/**
 * Gives a running provider other keys. All of them are published and verify; of each algorithm that one signs that
 * `signs` names, and no other: left alone, oidc-provider prefers a key that names its `alg` to one that does not.
 *
 * @throws Error when a key will not do; the provider keeps those it has.
 */
export const replaceKeys = (
  provider: Provider,
  keys: NonNullable<Configuration['jwks']>['keys'],
  signs: ReadonlyMap<string, string>,
): void => {
  initializeKeys.call(provider, { keys })
  const { keystore } = readInstance(provider) as Instance
  const candidates = keystore.selectForSign.bind(keystore)
  keystore.selectForSign = (wanted) => candidates(wanted).filter(({ kid }) => kid === signs.get(wanted.alg))
}
