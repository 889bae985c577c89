import type { Credential } from '../directory/directory.ts'
import type { FactorName } from '../factors/factor.ts'
import type { ChallengeParts } from './challenge.ts'
import type { SignIn } from './machine.ts'

/**
 * Takes away what a better factor has made needless: numbers of somebody whose app has just worked for the first time. Not
 * where the policy requires it by name.
 */
export const createRetirement =
  ({
    directory,
    factors,
    record,
    notify,
  }: Pick<ChallengeParts, 'directory' | 'factors' | 'record' | 'notify'>) =>
  async (
    { accountId, clientId, rules }: SignIn,
    by: FactorName,
    all: readonly Credential[],
  ): Promise<void> => {
    const needless = all.filter(
      ({ factor }) => factors.get(factor)?.retiredBy?.includes(by) && !rules.required.includes(factor),
    )
    if (needless.length === 0) return
    const removed = await directory.removeCredentials(
      accountId,
      needless.map(({ id }) => id),
      // Unless what makes it needless has been removed meanwhile.
      (left) => left.some(({ factor }) => factor === by),
    )
    if (removed === 0) return
    for (const { factor, label } of needless) {
      await record('factor.removed', { accountId, clientId, factor, reason: 'retired' })
      await notify({ kind: 'factor-retired', accountId, factor, label, by })
    }
  }
