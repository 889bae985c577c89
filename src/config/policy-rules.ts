import { type Ladder, ladders, strengths } from '../policy/acr.ts'
import { isWeak } from '../policy/amr.ts'
import { combineRules, type FactorRuleSet } from '../policy/factor-rules.ts'
import type { Breach, KeyPath } from './fault.ts'
import type { Config } from './schema.ts'

/** What people can set up, as far as it is configured. */
const selfEnrolled = ({ push, sms, mail, tokens }: Config): string[] => [
  'webauthn',
  ...(push.enabled ? ['push'] : []),
  'totp',
  ...(tokens.enabled ? ['hardware-token'] : []),
  ...(sms.webhook.url || sms.smpp.url ? ['sms'] : []),
  ...(mail.codes ? ['email'] : []),
]

/** A rule for something that is not there would be read as a promise. */
export const factorsConfigured = (config: Config): Breach[] => {
  const known = [...selfEnrolled(config), 'recovery-code']
  const { policy } = config
  const places: Array<[KeyPath, FactorRuleSet]> = [
    [['policy', 'factors'], policy.factors],
    ...Object.entries(policy.groups).map(([name, { factors }]): [KeyPath, FactorRuleSet] => [
      ['policy', 'groups', name, 'factors'],
      factors,
    ]),
  ]
  return places.flatMap(([path, set]) =>
    Object.keys(set)
      .filter((factor) => !known.includes(factor))
      .map((factor) => ({
        path: [...path, factor],
        message: 'is a rule for a factor that is not set up here.',
        fix: `Configure it (${sectionOf[factor] ?? 'see the reference'}), or leave the rule out.`,
      })),
  )
}

const sectionOf: Readonly<Record<string, string>> = {
  push: '`push.enabled`',
  sms: '`sms.webhook.url` or `sms.smpp.url`',
  email: '`mail.codes`',
  'hardware-token': '`tokens.enabled`',
}

const faultOf = (enrolled: readonly string[], ...sets: FactorRuleSet[]): string | undefined => {
  const { required, forbidden } = combineRules(...sets)
  const issued = required.find((factor) => factor === 'recovery-code')
  if (issued !== undefined) return `requires \`${issued}\`, which nobody can set up.`
  const both = required.find((factor) => forbidden.includes(factor))
  if (both !== undefined) return `requires and forbids \`${both}\`.`
  return enrolled.every((factor) => forbidden.includes(factor) || isWeak(factor))
    ? 'forbids every factor that people can set up and that is a second one.'
    : undefined
}

/** Rules that nobody can meet would keep everybody out. */
export const factorsCanBeMet = (config: Config): Breach[] => {
  const { policy } = config
  const places: Array<[KeyPath, FactorRuleSet[]]> = [
    [['policy', 'factors'], [policy.factors]],
    ...Object.entries(policy.groups).map(([name, group]): [KeyPath, FactorRuleSet[]] => [
      ['policy', 'groups', name],
      [policy.factors, group.factors],
    ]),
  ]
  return places.flatMap(([path, sets]) => {
    const message = faultOf(selfEnrolled(config), ...sets)
    return message === undefined
      ? []
      : [{ path, message, fix: 'Allow one factor that people can set up: `webauthn` or `totp`.' }]
  })
}

export const ladderOf = ({ policy: { ladder, maxAge } }: Pick<Config, 'policy'>): Ladder =>
  (typeof ladder === 'string' ? ladders[ladder] : ladder).map((level) =>
    Object.hasOwn(maxAge, level.acr) ? { ...level, maxAge: maxAge[level.acr] } : level,
  )

/** An age for a level that nobody knows, or for one factor alone, would be no limit at all. */
export const agesOnLadder = (config: Config): Breach[] => {
  const [, ...above] = ladderOf(config).map(({ acr }) => acr)
  return Object.keys(config.policy.maxAge)
    .filter((acr) => !above.includes(acr))
    .map((acr) => ({
      path: ['policy', 'maxAge', acr],
      message: 'is not on the ladder above one factor.',
      fix: `Use one of ${above.join(', ')}; for the sign-in as a whole there is \`lifetimes.session\`.`,
    }))
}

/** Limits of a level that nobody knows would hold for no session. */
export const lifetimesOnLadder = (config: Config): Breach[] => {
  const known = ladderOf(config).map(({ acr }) => acr)
  return Object.keys(config.lifetimes.levels)
    .filter((acr) => !known.includes(acr))
    .map((acr) => ({
      path: ['lifetimes', 'levels', acr],
      message: 'is not on the ladder.',
      fix: `Use one of ${known.join(', ')}.`,
    }))
}

/** What a level does not say is said for all of them, so the two may come from different places. */
export const levelsIdleBeforeTheyEnd = ({ lifetimes }: Config): Breach[] =>
  Object.entries(lifetimes.levels).flatMap(([acr, own]) => {
    const idle = own.sessionIdle ?? lifetimes.sessionIdle
    const longest = own.session ?? lifetimes.session
    return idle <= longest
      ? []
      : [
          {
            path: ['lifetimes', 'levels', acr, own.sessionIdle === undefined ? 'session' : 'sessionIdle'],
            message: `lets a session be unused for longer than it lasts (${idle} > ${longest}).`,
            fix: 'Give `sessionIdle` of this level, at most as long as its `session`.',
          },
        ]
  })

/** Levels are compared by what they ask for, so each asks for more than the one before. */
export const ladderRises = (config: Config): Breach[] => {
  const ladder = ladderOf(config)
  const asked = ladder.map(({ asks }) => strengths.indexOf(asks))
  const rises = asked.every((level, index) => index === 0 || level > (asked[index - 1] as number))
  const unique = new Set(ladder.map(({ acr }) => acr)).size === ladder.length
  return rises && unique && asked[0] === 0 && asked[1] === 1
    ? []
    : [
        {
          path: ['policy', 'ladder'],
          message: 'does not rise from one factor over two to more, each value once.',
          fix: 'List the weakest value first, with `asks: one-factor`, then `two-factors`, and so on.',
        },
      ]
}

/** A minimum that nobody knows, or that nothing reaches here, would keep the whole group out. */
export const minimumsOnLadder = (config: Config): Breach[] => {
  const { policy, webauthn } = config
  const ladder = ladderOf(config)
  return Object.entries(policy.groups).flatMap(([name, { minimum, factors }]) => {
    const asks = ladder.find(({ acr }) => acr === minimum)?.asks
    const hasKeys = !combineRules(policy.factors, factors).forbidden.includes('webauthn')
    const fault = () => {
      if (asks === undefined) return 'is not on the ladder.'
      if (asks === 'hardware' && !webauthn.authenticators)
        return 'takes a key whose model is proven, and `webauthn.authenticators` lists none.'
      return strengths.indexOf(asks) > 1 && !hasKeys ? 'takes a key, and `webauthn` is forbidden.' : undefined
    }
    const message = minimum === undefined ? undefined : fault()
    return message === undefined
      ? []
      : [
          {
            path: ['policy', 'groups', name, 'minimum'],
            message,
            fix: `Use another of ${ladder.map(({ acr }) => acr).join(', ')}, or leave it out.`,
          },
        ]
  })
}

/** Without a file of places these never happen, and whoever relies on them would not notice. */
export const placesKnown = ({ policy, places }: Config): Breach[] =>
  (['new-country', 'impossible-travel'] as const)
    .filter((signal) => (policy.context.reactions[signal] ?? 'record') !== 'record' && !places.file)
    .map((signal) => ({
      path: ['policy', 'context', 'reactions', signal],
      message: 'never happens, because no places are known.',
      fix: 'Name a database of places in `places.file`, or leave it out.',
    }))
