import type { Directory } from '../directory.ts'
import type { DatabaseKind } from '../migrations/migrations.ts'
import { keepCounters } from './remove-credentials.ts'
import type { Database } from './tables.ts'
import { isText } from './text.ts'

/** `removeAccount`, in one transaction. */
export const accountRemoval = (db: Database, kind: DatabaseKind): Pick<Directory, 'removeAccount'> => ({
  async removeAccount(id) {
    if (!isText(id)) return false
    return db.transaction().execute((transaction) => remove(transaction, kind, id))
  },
})

async function remove(transaction: Database, kind: DatabaseKind, id: string): Promise<boolean> {
  const account = await transaction
    .selectFrom('account')
    .select('id')
    .where('id', '=', id)
    .$if(kind === 'postgres', (query) => query.forUpdate())
    .executeTakeFirst()
  if (!account) return false
  if (kind === 'postgres') await lock(transaction, id)
  await keepCounters(transaction, id, undefined)
  await transaction.updateTable('token').set({ account_id: null }).where('account_id', '=', id).execute()
  for (const table of ['credential', 'attempt', 'device', 'account_name'] as const)
    await transaction.deleteFrom(table).where('account_id', '=', id).execute()
  await transaction.deleteFrom('account').where('id', '=', id).execute()
  return true
}

/**
 * Whatever others change row by row, in the orders in which they do, so that two wait for each other and never deadlock:
 * credentials by id, tokens by serial number, devices by id.
 */
async function lock(transaction: Database, id: string): Promise<void> {
  const credentials = await transaction
    .selectFrom('credential')
    .select(['factor', 'handle'])
    .where('account_id', '=', id)
    .orderBy('id')
    .forUpdate()
    .execute()
  const serials = credentials.flatMap(({ factor, handle }) =>
    factor === 'hardware-token' && handle !== null ? handle : [],
  )
  await transaction
    .selectFrom('token')
    .select('serial')
    .where(({ eb, or }) =>
      or([eb('account_id', '=', id), ...(serials.length > 0 ? [eb('serial', 'in', serials)] : [])]),
    )
    .orderBy('serial')
    .forUpdate()
    .execute()
  await transaction
    .selectFrom('device')
    .select('id')
    .where('account_id', '=', id)
    .orderBy('id')
    .forUpdate()
    .execute()
}
