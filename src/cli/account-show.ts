import { systemClock } from '../clock.ts'
import { rememberedSeconds } from '../context/device-cookie.ts'
import { type AttemptState, type Credential, type Device, noAttempts } from '../directory/directory.ts'
import { factorNames } from '../factors/factor.ts'
import type { OnAccount } from './account.ts'

const format = new Intl.DateTimeFormat('sv-SE', { dateStyle: 'short', timeStyle: 'medium', timeZone: 'UTC' })
/** Milliseconds since the Unix epoch, for people. */
export const when = (at: number): string => `${format.format(at)} UTC`

/** People choose labels; what would steer the administrator's terminal is not sent to it. */
export const printable = (label: string): string => label.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '�')

const isRemembered = ({ lastUsedAt }: Pick<Device, 'lastUsedAt'>): boolean =>
  lastUsedAt + rememberedSeconds * 1000 > systemClock.now()

const describeCredential = ({ factor, label, createdAt, lastUsedAt }: Credential): string =>
  `${factor} "${printable(label)}", added ${when(createdAt)}, ${lastUsedAt === null ? 'never used' : `last used ${when(lastUsedAt)}`}`

const describeFailures = (factor: string, { failures, waitUntil, lockedAt }: AttemptState): string[] => {
  // Whoever said "it was not me" is left in peace for a while.
  if (failures === 0)
    return waitUntil > systemClock.now() ? [`${factor}: silent until ${when(waitUntil)}`] : []
  const consequence =
    lockedAt !== null ? ', locked' : waitUntil > 0 ? `, next one judged from ${when(waitUntil)}` : ''
  return [`${factor}: ${failures} in a row${consequence}`]
}

/** State, groups, minimum, factors with when they were added and last used, browsers, lock and failures; no secret. */
export const describeAccount = async ({ account, directory }: OnAccount): Promise<string> => {
  const { lockedAt } = await directory.standing(account.id)
  const credentials = await directory.credentials(account.id)
  const devices = (await directory.devices(account.id)).filter(isRemembered)
  const failures: string[] = []
  for (const factor of factorNames) {
    // The change that changes nothing reads.
    const { after = noAttempts } = await directory.changeAttempts(account.id, factor, (state) => state)
    failures.push(...describeFailures(factor, after))
  }
  const rows: [string, string[]][] = [
    ['id', [account.id]],
    ['user name', [account.username]],
    ['e-mail', [account.email ?? 'none']],
    ['name', [account.name]],
    ['groups', [account.groups.length > 0 ? account.groups.join(', ') : 'none']],
    ['minimum', [account.minimum ?? 'none of its own']],
    ['state', [account.disabledAt === null ? 'enabled' : `disabled since ${when(account.disabledAt)}`]],
    ...(account.passwordDue === null
      ? []
      : [['password', [`a new one is asked for since ${when(account.passwordDue)}`]] as [string, string[]]]),
    ['created', [when(account.createdAt)]],
    ['factors', credentials.length > 0 ? credentials.map(describeCredential) : ['none enrolled']],
    ['browsers', [devices.length > 0 ? `${devices.length} known` : 'none known']],
    ['second factor', [lockedAt === null ? 'not locked' : `locked since ${when(lockedAt)}`]],
    ['wrong codes', failures.length > 0 ? failures : ['none']],
  ]
  return rows
    .flatMap(([name, values]) => values.map((value, at) => `${(at === 0 ? name : '').padEnd(14)}${value}`))
    .join('\n')
}
