import type { Configuration, Provider } from 'oidc-provider'
import { guardAuthorization } from './gate.ts'
import { guardGrantTypes } from './grants.ts'
import { liveConfiguration } from './internals.ts'
import type { Judge } from './judge.ts'
import { checkName, promptName } from './prompt.ts'

/**
 * Refuses a provider that was not built from our configuration, or in which a part of it was replaced afterwards: it
 * would run, and ask nobody for a second factor.
 */
export const attachGuards = (
  provider: Provider,
  configured: readonly Configuration[],
  judge: Judge,
): void => {
  const live = liveConfiguration(provider)
  const fault = live
    ? faultOf(live, configured)
    : 'its configuration cannot be read: two copies of oidc-provider are installed (npm ls oidc-provider)'
  if (fault) throw new TypeError(`the second factor is not in this provider: ${fault}`)
  guardAuthorization(provider, judge)
  guardGrantTypes(provider, judge)
}

const faultOf = (live: Configuration, configured: readonly Configuration[]): string | undefined => {
  const ours = configured.find(({ findAccount }) => findAccount === live.findAccount)
  if (!ours)
    return 'build it with `new Provider(issuer, mfa.configure(configuration))`, and leave findAccount as configured'
  if (ours.loadExistingGrant !== live.loadExistingGrant)
    return '`loadExistingGrant` was replaced after mfa.configure()'
  if (ours.adapter !== live.adapter) return '`adapter` was replaced after mfa.configure()'
  const names = live.interactions?.policy?.map(({ name }) => name) ?? []
  const expected = ours.interactions?.policy
    ?.find(({ name }) => name === promptName)
    ?.checks.find(({ reason }) => reason === checkName)
  const found = live.interactions?.policy?.find(({ name }) => name === promptName)?.checks
  if (!expected || !found?.includes(expected) || names.indexOf(promptName) !== names.indexOf('login') + 1)
    return 'its interaction policy was replaced after mfa.configure(): the `second_factor` prompt must follow `login`'
  return undefined
}
