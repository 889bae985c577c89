import type { Kysely } from 'kysely'

/** What is there already gets no device, and no account a minimum of its own. */
export async function addDevices(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('device')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('account_id', 'text', (column) => column.notNull())
    .addColumn('secret_hash', 'text', (column) => column.notNull())
    .addColumn('previous_hash', 'text')
    .addColumn('seen', 'text', (column) => column.notNull())
    .addColumn('countries', 'text', (column) => column.notNull())
    .addColumn('trust', 'text')
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('last_used_at', 'bigint', (column) => column.notNull())
    .execute()
  await db.schema.createIndex('device_account').on('device').column('account_id').execute()
  await db.schema.alterTable('account').addColumn('minimum', 'text').execute()
}
