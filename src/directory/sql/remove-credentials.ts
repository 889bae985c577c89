import type { SecondFactorDirectory } from '../directory.ts'
import type { DatabaseKind } from '../migrations/migrations.ts'
import type { Database } from './tables.ts'
import { isText } from './text.ts'

type Remove = SecondFactorDirectory['removeCredentials']
type Judge = NonNullable<Parameters<Remove>[2]>

/** `removeCredentials`, in one statement where nobody judges what is left. */
export const removal =
  (db: Database, kind: DatabaseKind): Remove =>
  async (accountId, ids, mayRemain) => {
    const named = ids?.filter(isText)
    if (named?.length === 0) return 0
    return mayRemain
      ? db
          .transaction()
          .execute((transaction) => removeJudged(transaction, kind, accountId, named, mayRemain))
      : db.transaction().execute((transaction) => remove(transaction, accountId, named))
  }

async function removeJudged(
  transaction: Database,
  kind: DatabaseKind,
  accountId: string,
  named: readonly string[] | undefined,
  mayRemain: Judge,
): Promise<number> {
  if (!(await lock(transaction, kind, accountId))) return 0
  const credentials = await transaction
    .selectFrom('credential')
    .select(['id', 'factor'])
    .where('account_id', '=', accountId)
    .orderBy('created_at')
    .orderBy('id')
    .execute()
  const isNamed = ({ id }: { id: string }) => named?.includes(id) ?? true
  const removed = credentials.filter(isNamed).map(({ id }) => id)
  if (removed.length === 0 || !mayRemain(credentials.filter((credential) => !isNamed(credential)))) return 0
  return remove(transaction, accountId, removed)
}

/**
 * Makes whoever removes from this account wait for the end of the transaction; answers false where nothing is there to
 * be removed. SQLite's transactions follow one another anyway (`begin immediate`).
 *
 * On PostgreSQL every row is locked, not only those to be removed: two that remove different ones would otherwise each
 * count on the other's (write skew). A row that was removed while this waited is not answered any more, and what the
 * transaction reads next is what is there now (READ COMMITTED). Without a row in hand nothing keeps others out, so
 * then nothing may be removed. In the order of the ids, so that two wait for each other in one order.
 */
async function lock(transaction: Database, kind: DatabaseKind, accountId: string): Promise<boolean> {
  if (kind === 'sqlite') return true
  const locked = await transaction
    .selectFrom('credential')
    .select('id')
    .where('account_id', '=', accountId)
    .orderBy('id')
    .forUpdate()
    .execute()
  return locked.length > 0
}

async function remove(db: Database, accountId: string, ids: readonly string[] | undefined): Promise<number> {
  await keepCounters(db, accountId, ids)
  const all = db.deleteFrom('credential').where('account_id', '=', accountId)
  const { numDeletedRows } = await (ids ? all.where('id', 'in', ids) : all).executeTakeFirstOrThrow()
  return Number(numDeletedRows)
}

/** Whoever activates the token next must not be able to use a code again that somebody has seen. */
export async function keepCounters(
  db: Database,
  accountId: string,
  ids: readonly string[] | undefined,
): Promise<void> {
  const held = db
    .selectFrom('credential')
    .select(['handle', 'counter'])
    .where('account_id', '=', accountId)
    .where('factor', '=', 'hardware-token')
  for (const { handle, counter } of await (ids ? held.where('id', 'in', ids) : held).execute())
    if (handle !== null) await db.updateTable('token').set({ counter }).where('serial', '=', handle).execute()
}
