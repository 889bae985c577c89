import type { Limits } from '../attempts/lockout.ts'
import { defaultMessageLimits, type MessageLimits } from '../challenge/message-limits.ts'
import { defaultRequestLimits, type RequestLimits } from '../challenge/request-limits.ts'
import type { ContextSettings, TrustSettings } from '../context/devices.ts'
import { isNetwork } from '../context/networks.ts'
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
import { isWeak } from '../policy/amr.ts'
import { type Reaction, reactions, type Signal, signalNames } from '../policy/signals.ts'
import { isFactorRuleSet, type PolicySettings } from './facts.ts'
import type { SecondFactorOptions } from './second-factor-options.ts'

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
  messages = {},
  requests = {},
  factors,
}: Pick<SecondFactorOptions, 'policy' | 'attempts' | 'messages' | 'requests' | 'factors'>): {
  policy: PolicySettings
  limits: Limits
  messageLimits: MessageLimits
  requestLimits: RequestLimits
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
  for (const [name, { trustedDevices: trusted }] of Object.entries(rules.groups))
    if (trusted !== undefined && typeof trusted !== 'boolean')
      throw new TypeError(`policy.groups.${name}.trustedDevices must be true or false`)
  const attested = factors.some((factor) => factor.attested === true)
  const messageLimits: MessageLimits = { ...defaultMessageLimits, ...messages }
  const requestLimits: RequestLimits = { ...defaultRequestLimits, ...requests }
  for (const [of, counts] of Object.entries({ messages: messageLimits, requests: requestLimits }))
    for (const [name, value] of Object.entries(counts))
      if (!Number.isSafeInteger(value) || value < 1)
        throw new TypeError(`${of}.${name} must be a whole number from 1`)
  const trustedDevices = checkTrust(policy.trustedDevices)
  return {
    policy: { secondFactor, ladder, attested, trustedDevices, ...checkContext(policy.context), ...rules },
    limits,
    messageLimits,
    requestLimits,
  }
}

/** Longer is no memory but a second way in. */
const mostDays = 365

const checkTrust = (given: Partial<TrustSettings> = {}): TrustSettings => {
  mustHaveOnly('policy.trustedDevices', given, ['kind', 'days'])
  const { kind = 'off', days = 30 } = given
  if (!['off', 'cookie', 'bound'].includes(kind))
    throw new TypeError('policy.trustedDevices.kind must be `off`, `cookie` or `bound`')
  if (!Number.isSafeInteger(days) || days < 1 || days > mostDays)
    throw new TypeError(`policy.trustedDevices.days must be a whole number from 1 to ${mostDays}`)
  return { kind, days }
}

/** A misspelt option must not mean the default. */
const mustHaveOnly = (name: string, given: unknown, known: readonly string[]): void => {
  const isObject = typeof given === 'object' && given !== null && !Array.isArray(given)
  if (!isObject || Object.keys(given).some((key) => !known.includes(key)))
    throw new TypeError(`${name} must be an object with ${known.join(', ')}`)
}

type ContextOptions = NonNullable<NonNullable<SecondFactorOptions['policy']>['context']>

const checkContext = (
  given: ContextOptions = {},
): { context: ContextSettings; networks: readonly string[] } => {
  mustHaveOnly('policy.context', given, ['reactions', 'networks', 'failures', 'kilometresPerHour'])
  const { reactions: named = {}, networks = [], failures = 5, kilometresPerHour = 1_000 } = given
  for (const [signal, reaction] of Object.entries(named))
    if (!signalNames.some((one) => one === signal) || !reactions.some((one) => one === reaction))
      throw new TypeError(
        `policy.context.reactions must say ${reactions.join(', ')} for ${signalNames.join(', ')}`,
      )
  const wrong = networks.find((network) => !isNetwork(network))
  if (wrong !== undefined) throw new TypeError(`policy.context.networks: ${wrong} is no CIDR network`)
  for (const [name, value] of Object.entries({ failures, kilometresPerHour }))
    if (!Number.isFinite(value) || value < 1)
      throw new TypeError(`policy.context.${name} must be a number from 1`)
  const all = Object.fromEntries(signalNames.map((signal) => [signal, named[signal] ?? 'record'])) as Record<
    Signal,
    Reaction
  >
  return { context: { reactions: all, failures, kilometresPerHour }, networks }
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
  if (!enrollable.some((name) => forAll[name] !== 'forbid' && !isWeak(name)))
    throw new TypeError(
      'policy.factors forbids every factor that people can set up themselves and that is a second one',
    )
  return { factors: forAll, groups, known, enrollable }
}

const isAge = (maxAge: unknown): boolean =>
  maxAge === undefined || (Number.isSafeInteger(maxAge) && Number(maxAge) >= 1)

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
    (ladder as Level[]).every(({ maxAge }) => isAge(maxAge)) &&
    values.every((acr) => typeof acr === 'string' && acr !== '') &&
    new Set(values).size === values.length
  )
}
