import { type AttemptState, type Directory, noAttempts } from '../directory.ts'
import { compiledOnce } from './compiled.ts'
import type { AttemptRow, Database } from './tables.ts'

type Attempts = Pick<Directory, 'changeAttempts' | 'clearAttempts'>
type Change = (state: AttemptState) => AttemptState
type Key = Pick<AttemptRow, 'account_id' | 'authenticator'>

/** Compare-and-set costs two statements and no transaction, but somebody loses each round: after these, lock. */
const optimisticRounds = 2

export const attemptQueries = (db: Database): Attempts => {
  const read = reading(db)
  const replace = replacing(db)
  const insert = inserting(db)
  return {
    async changeAttempts(accountId, authenticator, change) {
      const key = { account_id: accountId, authenticator }
      for (let round = 0; round < optimisticRounds; round += 1) {
        const stored = await read(key)
        const before = stored ?? noAttempts
        const after = change(before)
        if (isSame(before, after)) return { before, after }
        const won = stored ? await replace(key, stored, after) : await insert(key, after)
        if (won) return { before, after }
      }
      return changeLocked(db, key, change)
    },

    async clearAttempts(accountId) {
      await db.deleteFrom('attempt').where('account_id', '=', accountId).execute()
    },
  }
}

function reading(db: Database) {
  const find = compiledOnce(db, (accountId: string, authenticator: string) =>
    db
      .selectFrom('attempt')
      .select(['failures', 'wait_until', 'locked_at'])
      .where('account_id', '=', accountId)
      .where('authenticator', '=', authenticator),
  )
  return async ({ account_id, authenticator }: Key): Promise<AttemptState | undefined> => {
    const [row] = (await find(account_id, authenticator)).rows
    return row && stateOf(row)
  }
}

/** Answers whether the whole `expected` state still stood; whoever changed it since makes this one lose. */
function replacing(db: Database) {
  const update = compiledOnce(
    db,
    (
      accountId: string,
      authenticator: string,
      failures: number,
      waitUntil: number,
      lockedAt: number | null,
      nextFailures: number,
      nextWaitUntil: number,
      nextLockedAt: number | null,
    ) =>
      db
        .updateTable('attempt')
        .set({ failures: nextFailures, wait_until: nextWaitUntil, locked_at: nextLockedAt })
        .where('account_id', '=', accountId)
        .where('authenticator', '=', authenticator)
        .where('failures', '=', failures)
        .where('wait_until', '=', waitUntil)
        .where('locked_at', 'is not distinct from', lockedAt),
  )
  return async ({ account_id, authenticator }: Key, expected: AttemptState, next: AttemptState) => {
    const { numAffectedRows } = await update(
      account_id,
      authenticator,
      expected.failures,
      expected.waitUntil,
      expected.lockedAt,
      next.failures,
      next.waitUntil,
      next.lockedAt,
    )
    return numAffectedRows === 1n
  }
}

/** Answers false when there is a state already. */
function inserting(db: Database) {
  const add = compiledOnce(
    db,
    (
      account_id: string,
      authenticator: string,
      failures: number,
      wait_until: number,
      locked_at: number | null,
    ) =>
      db
        .insertInto('attempt')
        .values({ account_id, authenticator, failures, wait_until, locked_at })
        .onConflict((conflict) => conflict.columns(['account_id', 'authenticator']).doNothing()),
  )
  return async ({ account_id, authenticator }: Key, state: AttemptState) => {
    const { numAffectedRows } = await add(
      account_id,
      authenticator,
      state.failures,
      state.waitUntil,
      state.lockedAt,
    )
    return numAffectedRows === 1n
  }
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
