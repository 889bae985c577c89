import { type AttemptState, type Directory, noAttempts } from '../directory.ts'
import type { AttemptRow, Database } from './tables.ts'

type Attempts = Pick<Directory, 'changeAttempts' | 'clearAttempts'>
type Change = (state: AttemptState) => AttemptState
type Key = Pick<AttemptRow, 'account_id' | 'authenticator'>

/** Compare-and-set costs two statements and no transaction, but somebody loses each round: after these, lock. */
const optimisticRounds = 2

export const attemptQueries = (db: Database): Attempts => ({
  async changeAttempts(accountId, authenticator, change) {
    const key = { account_id: accountId, authenticator }
    for (let round = 0; round < optimisticRounds; round += 1) {
      const stored = await read(db, key)
      const before = stored ?? noAttempts
      const after = change(before)
      if (isSame(before, after)) return { before, after }
      const won = stored ? await replace(db, key, stored, after) : await insert(db, key, after)
      if (won) return { before, after }
    }
    return changeLocked(db, key, change)
  },

  async clearAttempts(accountId) {
    await db.deleteFrom('attempt').where('account_id', '=', accountId).execute()
  },
})

async function read(db: Database, key: Key): Promise<AttemptState | undefined> {
  const row = await db
    .selectFrom('attempt')
    .select(['failures', 'wait_until', 'locked_at'])
    .where('account_id', '=', key.account_id)
    .where('authenticator', '=', key.authenticator)
    .executeTakeFirst()
  return row && stateOf(row)
}

/** Answers whether the whole `expected` state still stood; whoever changed it since makes this one lose. */
async function replace(db: Database, key: Key, expected: AttemptState, next: AttemptState): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('attempt')
    .set(columnsOf(next))
    .where('account_id', '=', key.account_id)
    .where('authenticator', '=', key.authenticator)
    .where('failures', '=', expected.failures)
    .where('wait_until', '=', expected.waitUntil)
    .where('locked_at', 'is not distinct from', expected.lockedAt)
    .executeTakeFirstOrThrow()
  return numUpdatedRows === 1n
}

async function insert(db: Database, key: Key, state: AttemptState): Promise<boolean> {
  const { numInsertedOrUpdatedRows } = await db
    .insertInto('attempt')
    .values({ ...key, ...columnsOf(state) })
    .onConflict((conflict) => conflict.columns(['account_id', 'authenticator']).doNothing())
    .executeTakeFirstOrThrow()
  return numInsertedOrUpdatedRows === 1n
}

const changeLocked = (db: Database, key: Key, change: Change) =>
  db.transaction().execute(async (transaction) => {
    // An upsert that changes nothing creates or locks the row, and answers it, in one statement: no gap in which
    // `clearAttempts` could remove it.
    const row = await transaction
      .insertInto('attempt')
      .values({ ...key, ...columnsOf(noAttempts) })
      .onConflict((conflict) =>
        conflict
          .columns(['account_id', 'authenticator'])
          .doUpdateSet((eb) => ({ failures: eb.ref('attempt.failures') })),
      )
      .returning(['failures', 'wait_until', 'locked_at'])
      .executeTakeFirstOrThrow()
    const before = stateOf(row)
    const after = change(before)
    await transaction
      .updateTable('attempt')
      .set(columnsOf(after))
      .where('account_id', '=', key.account_id)
      .where('authenticator', '=', key.authenticator)
      .execute()
    return { before, after }
  })

const isSame = (a: AttemptState, b: AttemptState): boolean =>
  a.failures === b.failures && a.waitUntil === b.waitUntil && a.lockedAt === b.lockedAt

const stateOf = (row: Omit<AttemptRow, keyof Key>): AttemptState => ({
  failures: row.failures,
  waitUntil: row.wait_until,
  lockedAt: row.locked_at,
})

const columnsOf = (state: AttemptState): Omit<AttemptRow, keyof Key> => ({
  failures: state.failures,
  wait_until: state.waitUntil,
  locked_at: state.lockedAt,
})
