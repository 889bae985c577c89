import type { Limits } from '../attempts/lockout.ts'
import {
  type Ladder,
  type Level,
  nothing,
  oneFactor,
  refedsLadder,
  type Strength,
  strengths,
  twoFactors,
} from '../policy/acr.ts'
import { isFactorRuleSet, type PolicySettings } from './facts.ts'
import type { SecondFactorOptions } from './second-factor.ts'

const defaultLimits: Limits = { freeFailures: 3, firstWait: 30, longestWait: 3600, lockAfter: 10 }

/** NIST SP 800-63B-4 §3.2.2: at most 100 consecutive failures. */
const mostFailures = 100

/**
 * The policy and limits that the options ask for. Hosts may be plain JavaScript: a word that is not one of ours must not
 * mean `off`, nor a limit that is no number mean none.
 *
 * @throws TypeError naming the option
 */
export const checkOptions = ({
  policy = {},
  attempts = {},
  factors,
}: Pick<SecondFactorOptions, 'policy' | 'attempts' | 'factors'>): {
  policy: PolicySettings
  limits: Limits
} => {
  const { secondFactor = 'required', ladder = refedsLadder } = policy
  if (!['required', 'optional', 'off'].includes(secondFactor))
    throw new TypeError('policy.secondFactor must be `required`, `optional` or `off`')
  if (!isLadder(ladder))
    throw new TypeError(
      'policy.ladder must be acr values that ask for more and more, the first for one factor and the second for two',
    )
  const limits: Limits = {
    freeFailures: attempts.freeFailures ?? defaultLimits.freeFailures,
    firstWait: attempts.firstWait ?? defaultLimits.firstWait,
    longestWait: attempts.longestWait ?? defaultLimits.longestWait,
    lockAfter: attempts.lockAfter ?? defaultLimits.lockAfter,
  }
  for (const [name, value] of Object.entries(limits)) {
    const most = name === 'lockAfter' || name === 'freeFailures' ? mostFailures : Number.MAX_SAFE_INTEGER
    if (!Number.isSafeInteger(value) || value < 1 || value > most)
      throw new TypeError(
        `attempts.${name} must be a whole number from 1${most === mostFailures ? ` to ${most}` : ''}`,
      )
  }
  const rules = checkFactorRules(policy, factors)
  for (const [name, { minimum }] of Object.entries(rules.groups))
    if (minimum !== undefined && !ladder.some(({ acr }) => acr === minimum))
      throw new TypeError(`policy.groups.${name}.minimum is not on the ladder`)
  const attested = factors.some((factor) => factor.attested === true)
  return { policy: { secondFactor, ladder, attested, ...rules }, limits }
}

const checkFactorRules = (
  { factors: forAll = {}, groups = {} }: NonNullable<SecondFactorOptions['policy']>,
  registered: SecondFactorOptions['factors'],
): Pick<PolicySettings, 'factors' | 'groups' | 'known' | 'enrollable'> => {
  const known = registered.map(({ name }) => name)
  const sets = [
    ['policy.factors', forAll],
    ...Object.entries(groups).map(([name, group]) => [`policy.groups.${name}.factors`, group.factors ?? {}]),
  ] as const
  for (const [name, set] of sets)
    if (!isFactorRuleSet(set, known))
      throw new TypeError(`${name} must say \`require\`, \`allow\` or \`forbid\` for ${known.join(', ')}`)
  const enrollable = registered.filter(({ selfEnrolled }) => selfEnrolled).map(({ name }) => name)
  if (!enrollable.some((name) => forAll[name] !== 'forbid'))
    throw new TypeError('policy.factors forbids every factor that people can set up themselves')
  return { factors: forAll, groups, known, enrollable }
}

const isLadder = (ladder: unknown): ladder is Ladder => {
  if (!Array.isArray(ladder)) return false
  const asked = (ladder as Array<Partial<Level> | null>).map((level) =>
    strengths.indexOf(level?.asks as Strength),
  )
  const values = (ladder as Array<Partial<Level> | null>).map((level) => level?.acr)
  return (
    asked[0] === oneFactor &&
    asked[1] === twoFactors &&
    asked.every((level, index) => index === 0 || level > (asked[index - 1] ?? nothing)) &&
    values.every((acr) => typeof acr === 'string' && acr !== '') &&
    new Set(values).size === values.length
  )
}
