import { isWeak } from './amr.ts'

/**
 * What a policy says of one way of proving. `require`: it must be proven, whatever else is. `allow`: it may be.
 * `forbid`: it counts for nothing, and is not offered.
 */
export type FactorRule = 'require' | 'allow' | 'forbid'

export const factorRules: readonly FactorRule[] = ['require', 'allow', 'forbid']

/** By the factor's name; what is not named is allowed. */
export type FactorRuleSet = Readonly<Record<string, FactorRule>>

/** What holds for one account at one relying party. */
export interface FactorRules {
  required: readonly string[]
  forbidden: readonly string[]
  /** Factors that do not do alone here: they are asked for where they are required, and something else besides. */
  insufficient?: readonly string[]
}

export const noRules: FactorRules = { required: [], forbidden: [] }

/** The rules for everybody, of the person's groups and of the relying party, together: the strictest word on a factor counts. */
export const combineRules = (...sets: ReadonlyArray<FactorRuleSet | undefined>): FactorRules => {
  const named = (rule: FactorRule) => [
    ...new Set(
      sets.flatMap((set) =>
        Object.entries(set ?? {})
          .filter(([, given]) => given === rule)
          .map(([factor]) => factor),
      ),
    ),
  ]
  return { required: named('require'), forbidden: named('forbid') }
}

export const areAny = ({ required, forbidden }: FactorRules): boolean =>
  required.length + forbidden.length > 0

/** Whether what was proven is all that is required, and one thing at least that is not forbidden. */
export const meetsRules = (
  { required, forbidden, insufficient = [] }: FactorRules,
  proven: readonly string[],
): boolean =>
  required.every((factor) => proven.includes(factor) && !forbidden.includes(factor)) &&
  proven.some((factor) => !forbidden.includes(factor) && !insufficient.includes(factor))

/** Required factors that are not proven yet. */
export const stillRequired = ({ required }: FactorRules, proven: readonly string[]): string[] =>
  required.filter((factor) => !proven.includes(factor))

/**
 * Whether somebody may be left with these factors of their own: the last one that a policy demands cannot be removed.
 * `demanded`: a second factor is demanded of everybody.
 */
export const mayBeLeftWith = (
  left: readonly string[],
  before: readonly string[],
  { required, forbidden }: FactorRules,
  demanded: boolean,
): boolean =>
  required.every((factor) => left.includes(factor) || !before.includes(factor)) &&
  (!demanded || left.some((factor) => !forbidden.includes(factor) && !isWeak(factor)))
