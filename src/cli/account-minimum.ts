import type { Directory, Standing } from '../directory/directory.ts'
import { gatherFacts, type PolicySettings } from '../plugin/facts.ts'
import { createGroupPolicies, rulesFor } from '../plugin/judge.ts'
import { explain } from '../policy/policy.ts'
import type { OnAccount } from './account.ts'
import { Refusal } from './io.ts'

const nobody: Standing = { factors: [], lockedAt: null }

/**
 * The value, if people in these groups can reach it by setting something up.
 * @throws Refusal for one that nobody knows, or that would keep them out for ever
 */
export const checkedMinimum = async (
  settings: PolicySettings,
  acr: string,
  memberOf: readonly string[],
): Promise<string> => {
  const { ladder } = settings
  if (!ladder.some((level) => level.acr === acr))
    throw new Refusal(
      `There is no level ${JSON.stringify(acr)}; there are ${ladder.map((level) => level.acr).join(', ')}.`,
    )
  const groups = await createGroupPolicies(settings.groups, async () => memberOf)('')
  const { decision } = explain(
    gatherFacts({
      settings,
      client: undefined,
      request: undefined,
      standing: { ...nobody, minimum: acr },
      groups,
      rules: rulesFor(settings, groups, undefined),
      signals: [],
      proven: undefined,
    }),
  )
  if (decision.kind === 'refused')
    throw new Refusal(
      `Nobody could reach ${acr} with the factors that the policy allows for this account: it would be kept out.`,
    )
  return acr
}

/** What an account has at least to prove; without a value says which. */
export const setMinimum = async (
  { account, directory }: { account: OnAccount['account']; directory: Pick<Directory, 'changeAccount'> },
  minimum: string | null,
): Promise<string> => {
  await directory.changeAccount(account.id, { minimum })
  return minimum === null
    ? `${account.username} has no minimum of its own any more.`
    : `${account.username} has to reach ${minimum} at least, at every client; who is signed in with less is asked for more.`
}

export const describeMinimum = ({ account }: Pick<OnAccount, 'account'>): string =>
  account.minimum ?? `${account.username} has no minimum of its own.`
