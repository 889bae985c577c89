import { z } from 'zod'
import { DuepassiError } from '../../errors.ts'
import type { Device, Sighting, Trust } from '../directory.ts'
import type { DeviceRow } from './tables.ts'

type Changeable = Partial<Omit<Device, 'id' | 'accountId' | 'createdAt'>>

export const rowOf = (device: Device): DeviceRow => ({
  id: device.id,
  account_id: device.accountId,
  secret_hash: device.secretHash,
  previous_hash: device.previousHash,
  seen: JSON.stringify(device.seen),
  countries: JSON.stringify(device.countries),
  trust: trustText(device.trust),
  created_at: device.createdAt,
  last_used_at: device.lastUsedAt,
})

/** The columns of what changes, and of nothing else. */
export const columnsOf = (change: Changeable): Partial<DeviceRow> => ({
  ...(change.secretHash !== undefined && { secret_hash: change.secretHash }),
  ...(change.previousHash !== undefined && { previous_hash: change.previousHash }),
  ...(change.seen !== undefined && { seen: JSON.stringify(change.seen) }),
  ...(change.countries !== undefined && { countries: JSON.stringify(change.countries) }),
  ...(change.trust !== undefined && { trust: trustText(change.trust) }),
  ...(change.lastUsedAt !== undefined && { last_used_at: change.lastUsedAt }),
})

/** @throws DuepassiError `directory_unavailable` for a row whose JSON is not what `rowOf` writes. */
export const deviceOf = (row: DeviceRow): Device => ({
  id: row.id,
  accountId: row.account_id,
  secretHash: row.secret_hash,
  previousHash: row.previous_hash,
  seen: read(row.seen, sighting),
  countries: read(row.countries, countries),
  trust: row.trust === null ? null : read(row.trust, trust),
  createdAt: row.created_at,
  lastUsedAt: row.last_used_at,
})

const trustText = (given: Trust | null): string | null => (given === null ? null : JSON.stringify(given))

const text = z.string().nullable()
const degrees = z.number().nullable()

const sighting: z.ZodType<Sighting> = z.object({
  address: text,
  country: text,
  city: text,
  latitude: degrees,
  longitude: degrees,
  browser: text,
  system: text,
})

const countries: z.ZodType<string[]> = z.array(z.string())

/** Read strictly: with its `at` missing, "is it over?" would be answered no. */
const trust: z.ZodType<Trust> = z.object({
  at: z.number(),
  mark: z.string(),
  factors: z.array(z.string()),
  key: text,
})

/** Without a cause: the parser quotes what it read, which is where somebody was, and the cause may end in a log. */
function read<Value>(json: string, shape: z.ZodType<Value>): Value {
  const { success, data } = shape.safeParse(parsed(json))
  if (!success) throw new DuepassiError('directory_unavailable', 'the record of a device cannot be read')
  return data
}

/** `undefined`, which no shape takes, where it does not parse. */
function parsed(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    return undefined
  }
}
