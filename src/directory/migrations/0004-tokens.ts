import type { Kysely } from 'kysely'

/** Nobody has a hardware token yet. */
export async function addTokens(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('token')
    .addColumn('serial', 'text', (column) => column.primaryKey())
    .addColumn('kind', 'text', (column) => column.notNull())
    .addColumn('manufacturer', 'text')
    .addColumn('model', 'text')
    .addColumn('seed', 'text', (column) => column.notNull())
    .addColumn('counter', 'bigint')
    .addColumn('account_id', 'text')
    .addColumn('imported_at', 'bigint', (column) => column.notNull())
    .execute()
  await db.schema.createIndex('token_account').on('token').column('account_id').execute()
}
