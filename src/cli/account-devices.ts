import type { Sighting } from '../directory/directory.ts'
import type { PolicySettings } from '../plugin/facts.ts'
import type { OnAccount } from './account.ts'
import { printable, when } from './account-show.ts'
import { Refusal } from './io.ts'
import { type KnownDevice, knownDevices } from './known-devices.ts'

/** "Firefox on Windows", as far as that is known. */
export const browserInWords = ({ browser, system }: Pick<Sighting, 'browser' | 'system'>): string =>
  [browser ?? 'unknown browser', system].filter((part) => part !== null).join(' on ')

/** "192.0.2.1, Rome, IT", as far as that is known. */
export const placeInWords = ({ address, city, country }: Pick<Sighting, 'address' | 'city' | 'country'>) =>
  printable(
    [address ?? 'unknown address', city, country].filter((part) => part !== null && part !== '').join(', '),
  )

const describeDevice = ({ id, seen, lastUsedAt, trustedUntil }: KnownDevice): string =>
  `${id}  ${browserInWords(seen)}, ${placeInWords(seen)}, last used ${when(lastUsedAt)}, ${
    trustedUntil === null ? 'not trusted' : `trusted until ${when(trustedUntil)}`
  }`

const iso = (at: number): string => new Date(at).toISOString()

/** The browsers that are remembered, latest use first, one a line; as JSON, times by ISO 8601. No secret. */
export const listDevices = async (
  { account, directory }: Pick<OnAccount, 'account' | 'directory'>,
  settings: PolicySettings,
  json: boolean,
): Promise<string> => {
  const devices = await knownDevices(directory, settings, account.id)
  if (json) {
    const listed = devices.map(({ id, seen: { browser, system, address, city, country }, ...times }) => ({
      id,
      browser,
      system,
      address,
      city,
      country,
      createdAt: iso(times.createdAt),
      lastUsedAt: iso(times.lastUsedAt),
      trustedUntil: times.trustedUntil === null ? null : iso(times.trustedUntil),
    }))
    return JSON.stringify(listed, null, 2)
  }
  return devices.length === 0
    ? `${account.username} has signed in in no browser that is remembered.`
    : devices.map(describeDevice).join('\n')
}

/** Needs no key and no policy. Sessions that rest on the trust of a browser are judged afresh, and end by themselves. */
export const forgetDevices = async (
  { account, directory, record }: Pick<OnAccount, 'account' | 'directory' | 'record'>,
  id: string | undefined,
): Promise<string> => {
  const removed = await directory.removeDevices(account.id, id === undefined ? undefined : [id])
  if (removed === 0 && id !== undefined)
    throw new Refusal(
      `${account.username} has no browser "${printable(id)}"; \`duepassi account devices\` lists them.`,
    )
  if (removed > 0) await record('device.removed', { accountId: account.id, reason: 'by-administrator' })
  const count = removed === 1 ? 'One browser' : `${removed === 0 ? 'No' : removed} browsers`
  return `${count} of ${account.username} forgotten: known and trusted no more.`
}
