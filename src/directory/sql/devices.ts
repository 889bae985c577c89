import { sql } from 'kysely'
import type { Device, SecondFactorDirectory } from '../directory.ts'
import type { DatabaseKind } from '../migrations/migrations.ts'
import { compiledOnce } from './compiled.ts'
import { columnsOf, deviceOf, rowOf } from './device-row.ts'
import type { Database } from './tables.ts'
import { isText } from './text.ts'

type Devices = Pick<
  SecondFactorDirectory,
  'devices' | 'addDevice' | 'changeDevice' | 'removeDevices' | 'endTrust'
>

export const deviceQueries = (db: Database, kind: DatabaseKind): Devices => ({
  devices: ofAccount(db),

  async addDevice(device, most) {
    await db.transaction().execute(async (transaction) => {
      await waitForOthers(transaction, kind, device.accountId)
      await transaction.insertInto('device').values(rowOf(device)).execute()
      const beyond = (await latestFirst(transaction, device)).slice(most)
      if (beyond.length > 0) await remove(transaction, kind, device.accountId, beyond)
    })
  },

  async changeDevice(accountId, id, expectedHash, change) {
    if (![accountId, id, expectedHash].every(isText)) return false
    const { numUpdatedRows } = await db
      .updateTable('device')
      .set({ id, ...columnsOf(change) })
      .where('account_id', '=', accountId)
      .where('id', '=', id)
      .where('secret_hash', '=', expectedHash)
      .executeTakeFirstOrThrow()
    return numUpdatedRows === 1n
  },

  async removeDevices(accountId, ids) {
    const named = ids?.filter(isText)
    return isText(accountId) && named?.length !== 0 ? remove(db, kind, accountId, named) : 0
  },

  async endTrust(accountId) {
    if (!isText(accountId)) return 0
    const { numUpdatedRows } = await db
      .updateTable('device')
      .set({ trust: null })
      .where('id', 'in', idsInOrder(db, kind, accountId).where('trust', 'is not', null))
      .executeTakeFirstOrThrow()
    return Number(numUpdatedRows)
  },
})

const ofAccount = (db: Database): Devices['devices'] => {
  const find = compiledOnce(db, (accountId: string) =>
    db
      .selectFrom('device')
      .selectAll()
      .where('account_id', '=', accountId)
      .orderBy('last_used_at', 'desc')
      .orderBy('created_at', 'desc')
      .orderBy('id'),
  )
  return async (accountId) => (isText(accountId) ? (await find(accountId)).rows.map(deviceOf) : [])
}

/**
 * Of two that add to one account, one waits for the end of the other's transaction: each would otherwise count without
 * the other's device, which it cannot see, and a row that is not there yet cannot be locked. SQLite's transactions
 * follow one another anyway (`begin immediate`).
 */
async function waitForOthers(transaction: Database, kind: DatabaseKind, accountId: string): Promise<void> {
  if (kind === 'sqlite') return
  const key = `duepassi device ${accountId}`
  await sql`select pg_advisory_xact_lock(hashtextextended(${key}, 0))`.execute(transaction)
}

/** Among those used in one millisecond the one just added comes first: nobody forgets where they are signing in. */
async function latestFirst(transaction: Database, added: Device): Promise<string[]> {
  const rows = await transaction
    .selectFrom('device')
    .select('id')
    .where('account_id', '=', added.accountId)
    .orderBy('last_used_at', 'desc')
    .orderBy((eb) => eb.case().when('id', '=', added.id).then(0).else(1).end())
    .orderBy('created_at', 'desc')
    .orderBy('id')
    .execute()
  return rows.map(({ id }) => id)
}

/**
 * The account's devices, for a statement that changes many: on PostgreSQL locked in the order of their ids, whatever
 * the plan, so that two such statements wait for each other and never deadlock.
 */
const idsInOrder = (db: Database, kind: DatabaseKind, accountId: string) =>
  db
    .selectFrom('device')
    .select('id')
    .where('account_id', '=', accountId)
    .orderBy('id')
    .$if(kind === 'postgres', (query) => query.forUpdate())

async function remove(
  db: Database,
  kind: DatabaseKind,
  accountId: string,
  ids: readonly string[] | undefined,
): Promise<number> {
  const all = idsInOrder(db, kind, accountId)
  const { numDeletedRows } = await db
    .deleteFrom('device')
    .where('id', 'in', ids ? all.where('id', 'in', ids) : all)
    .executeTakeFirstOrThrow()
  return Number(numDeletedRows)
}
