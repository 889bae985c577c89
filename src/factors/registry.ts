import type { Factor, FactorName } from './factor.ts'

/** The factors of this provider by name, in the order in which they are offered. */
export interface Factors {
  all: readonly Factor[]
  get(name: string): Factor | undefined
  named(name: FactorName): Factor
}

export const registerFactors = (all: readonly Factor[]): Factors => {
  const byName = new Map<string, Factor>(all.map((factor) => [factor.name, factor]))
  if (byName.size !== all.length) throw new TypeError('a factor is registered twice')
  if (!all.some((factor) => factor.selfEnrolled))
    throw new TypeError('at least one factor must be one that people can set up themselves')
  return {
    all,
    get: (name) => byName.get(name),
    named(name) {
      const factor = byName.get(name)
      if (!factor) throw new TypeError(`the factor ${name} is not registered`)
      return factor
    },
  }
}
