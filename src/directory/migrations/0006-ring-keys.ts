import type { Kysely } from 'kysely'

/** No key was made yet: all of them are in the configuration. */
export async function addRingKeys(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('ring_key')
    .addColumn('kid', 'text', (column) => column.primaryKey())
    .addColumn('use', 'text', (column) => column.notNull())
    .addColumn('alg', 'text', (column) => column.notNull())
    .addColumn('generation', 'integer', (column) => column.notNull())
    .addColumn('material', 'text', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('signs_from', 'bigint', (column) => column.notNull())
    .addColumn('ends_at', 'bigint')
    .execute()
  // Of nodes that make a successor at once, this lets one.
  await db.schema
    .createIndex('ring_key_generation')
    .on('ring_key')
    .columns(['use', 'alg', 'generation'])
    .unique()
    .execute()
}
