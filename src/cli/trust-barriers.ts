import { meetsRules } from '../policy/factor-rules.ts'
import type { Facts, Rule } from '../policy/policy.ts'

/**
 * Whatever keeps a trusted browser from standing for the second factor: `explain` says what is asked instead, not why the
 * trust did not count. None where it stands for it. `policy.ts` decides; test/cli holds the two together.
 */
export const trustBarriers = (
  { fresh, clientDemands, maxAge, locked, factors, signals, rules }: Facts,
  trust: { factors: readonly string[] },
  { kind, group }: { kind: string; group: string | undefined },
): Rule[] => [
  ...(kind === 'off' ? ['policy.trustedDevices'] : []),
  ...(group === undefined ? [] : [`group:${group}`]),
  ...(fresh ? ['request:fresh'] : []),
  ...(clientDemands ? ['client:require_second_factor'] : []),
  ...(maxAge === undefined ? [] : ['client:second_factor_max_age']),
  ...(locked ? ['lock'] : []),
  ...(factors.length > 0 ? [] : ['no-factor']),
  ...signals.filter(({ reaction }) => reaction !== 'record').map(({ signal }) => `signal:${signal}`),
  ...(rules.required.length === 0 && meetsRules(rules, trust.factors) ? [] : ['factor-rules']),
]
