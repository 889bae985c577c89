import { DuepassiError } from '../../errors.ts'
import type { Directory, Token } from '../directory.ts'
import type { DatabaseKind } from '../migrations/migrations.ts'
import type { Database, TokenRow } from './tables.ts'
import { isText } from './text.ts'

type Tokens = Pick<Directory, 'tokens' | 'tokenBySerial' | 'addTokens' | 'assignToken' | 'removeTokens'>

/** Rows of one statement: a file has thousands, and no database takes that many values at once. */
const mostRows = 500

export const tokenQueries = (db: Database, kind: DatabaseKind): Tokens => ({
  async tokens(accountId) {
    if (accountId !== undefined && !isText(accountId)) return []
    const all = db.selectFrom('token').selectAll()
    const rows = await (accountId === undefined ? all : all.where('account_id', '=', accountId)).execute()
    return rows.map(tokenOf).sort(bySerial)
  },

  async tokenBySerial(serial) {
    if (!isText(serial)) return undefined
    const row = await db.selectFrom('token').selectAll().where('serial', '=', serial).executeTakeFirst()
    return row && tokenOf(row)
  },

  async addTokens(tokens) {
    const rows = tokens.map(rowOf).sort(bySerial)
    if (rows.length === 0) return
    await db.transaction().execute(async (transaction) => {
      for (const chunk of chunksOf(rows)) await insert(transaction, chunk)
    })
  },

  async assignToken(serial, expected, accountId) {
    if (!isText(serial) || !isText(expected ?? '')) return false
    const { numUpdatedRows } = await db
      .updateTable('token')
      .set({ account_id: accountId })
      .where('serial', '=', serial)
      .where('account_id', expected === null ? 'is' : '=', expected)
      .executeTakeFirstOrThrow()
    return numUpdatedRows === 1n
  },

  async removeTokens(serials) {
    const named = serials.filter(isText).sort()
    if (named.length === 0) return 0
    return db.transaction().execute(async (transaction) => {
      let removed = 0
      for (const chunk of chunksOf(named)) removed += await remove(transaction, kind, chunk)
      return removed
    })
  },
})

/**
 * Rows in the order of their serial numbers, so that of two imports that share tokens one waits for the other and neither
 * deadlocks. A row that is there already, or twice in `rows`, is not inserted and so not answered.
 */
async function insert(transaction: Database, rows: readonly TokenRow[]): Promise<void> {
  const inserted = await transaction
    .insertInto('token')
    .values(rows)
    .onConflict((conflict) => conflict.column('serial').doNothing())
    .returning('serial')
    .execute()
  if (inserted.length === rows.length) return
  const fresh = new Set(inserted.map(({ serial }) => serial))
  const taken = rows.find(({ serial }, index) => !fresh.has(serial) || rows[index - 1]?.serial === serial)
  throw new DuepassiError('token_exists', `token ${taken?.serial} is there already`)
}

/** On PostgreSQL locked in the order of the serial numbers, whatever the plan. */
async function remove(
  transaction: Database,
  kind: DatabaseKind,
  serials: readonly string[],
): Promise<number> {
  const { numDeletedRows } = await transaction
    .deleteFrom('token')
    .where(
      'serial',
      'in',
      transaction
        .selectFrom('token')
        .select('serial')
        .where('serial', 'in', serials)
        .orderBy('serial')
        .$if(kind === 'postgres', (query) => query.forUpdate()),
    )
    .executeTakeFirstOrThrow()
  return Number(numDeletedRows)
}

const chunksOf = <Item>(items: readonly Item[]): Item[][] =>
  Array.from({ length: Math.ceil(items.length / mostRows) }, (_, index) =>
    items.slice(index * mostRows, (index + 1) * mostRows),
  )

/** By code units: how a database would sort depends on the locale it was set up with. */
const bySerial = (one: { serial: string }, other: { serial: string }): number =>
  one.serial < other.serial ? -1 : Number(one.serial > other.serial)

const rowOf = (token: Token): TokenRow => ({
  serial: token.serial,
  kind: token.kind,
  manufacturer: token.manufacturer,
  model: token.model,
  seed: token.seed,
  counter: token.counter,
  account_id: token.accountId,
  imported_at: token.importedAt,
})

const tokenOf = (row: TokenRow): Token => ({
  serial: row.serial,
  kind: row.kind,
  manufacturer: row.manufacturer,
  model: row.model,
  seed: row.seed,
  counter: row.counter,
  accountId: row.account_id,
  importedAt: row.imported_at,
})
