import { type Ladder, ladders, strengths } from '../policy/acr.ts'
import { combineRules, type FactorRuleSet } from '../policy/factor-rules.ts'
import type { Breach, KeyPath } from './fault.ts'
import type { Config } from './schema.ts'

const selfEnrolled = ['webauthn', 'totp']

const faultOf = (...sets: FactorRuleSet[]): string | undefined => {
  const { required, forbidden } = combineRules(...sets)
  const issued = required.find((factor) => !selfEnrolled.includes(factor))
  if (issued !== undefined) return `requires \`${issued}\`, which nobody can set up.`
  const both = required.find((factor) => forbidden.includes(factor))
  if (both !== undefined) return `requires and forbids \`${both}\`.`
  return selfEnrolled.every((factor) => forbidden.includes(factor))
    ? 'forbids every factor that people can set up.'
    : undefined
}

/** Rules that nobody can meet would keep everybody out. */
export const factorsCanBeMet = ({ policy }: Config): Breach[] => {
  const places: Array<[KeyPath, FactorRuleSet[]]> = [
    [['policy', 'factors'], [policy.factors]],
    ...Object.entries(policy.groups).map(([name, group]): [KeyPath, FactorRuleSet[]] => [
      ['policy', 'groups', name],
      [policy.factors, group.factors],
    ]),
  ]
  return places.flatMap(([path, sets]) => {
    const message = faultOf(...sets)
    return message === undefined
      ? []
      : [{ path, message, fix: 'Allow one factor that people can set up: `webauthn` or `totp`.' }]
  })
}

export const ladderOf = ({ policy: { ladder } }: Pick<Config, 'policy'>): Ladder =>
  typeof ladder === 'string' ? ladders[ladder] : ladder

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
