import { type AttemptState, type Credential, noAttempts } from '../directory/directory.ts'
import type { FactorName } from '../factors/factor.ts'
import type { OnAccount } from './account.ts'

const countedFactors: readonly FactorName[] = ['totp', 'recovery-code']

const format = new Intl.DateTimeFormat('sv-SE', { dateStyle: 'short', timeStyle: 'medium', timeZone: 'UTC' })
const when = (at: number): string => `${format.format(at)} UTC`

const describeCredential = ({ factor, label, lastUsedAt }: Credential): string =>
  `${factor} "${label}", ${lastUsedAt === null ? 'never used' : `last used ${when(lastUsedAt)}`}`

const describeFailures = (factor: string, { failures, waitUntil, lockedAt }: AttemptState): string[] => {
  if (failures === 0) return []
  const consequence =
    lockedAt !== null ? ', locked' : waitUntil > 0 ? `, next one judged from ${when(waitUntil)}` : ''
  return [`${factor}: ${failures} in a row${consequence}`]
}

/** State, factors with their last use, lock and failures; no secret. */
export const describeAccount = async ({ account, directory }: OnAccount): Promise<string> => {
  const { lockedAt } = await directory.standing(account.id)
  const credentials = await directory.credentials(account.id)
  const failures: string[] = []
  for (const factor of countedFactors) {
    // The change that changes nothing reads.
    const { after = noAttempts } = await directory.changeAttempts(account.id, factor, (state) => state)
    failures.push(...describeFailures(factor, after))
  }
  const rows: [string, string[]][] = [
    ['id', [account.id]],
    ['user name', [account.username]],
    ['e-mail', [account.email ?? 'none']],
    ['name', [account.name]],
    ['state', [account.disabledAt === null ? 'enabled' : `disabled since ${when(account.disabledAt)}`]],
    ['created', [when(account.createdAt)]],
    ['factors', credentials.length > 0 ? credentials.map(describeCredential) : ['none enrolled']],
    ['second factor', [lockedAt === null ? 'not locked' : `locked since ${when(lockedAt)}`]],
    ['wrong codes', failures.length > 0 ? failures : ['none']],
  ]
  return rows
    .flatMap(([name, values]) => values.map((value, at) => `${(at === 0 ? name : '').padEnd(14)}${value}`))
    .join('\n')
}
