import type { Kysely } from 'kysely'

/** What is there already gets no handle and no group. */
export async function addHandlesAndGroups(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable('credential').addColumn('handle', 'text').execute()
  // Nulls are distinct in a unique index of SQLite and of PostgreSQL: any number of credentials have no handle.
  await db.schema
    .createIndex('credential_handle')
    .on('credential')
    .columns(['factor', 'handle'])
    .unique()
    .execute()
  await db.schema
    .alterTable('account')
    .addColumn('groups', 'text', (column) => column.notNull().defaultTo('[]'))
    .execute()
}
