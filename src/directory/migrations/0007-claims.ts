import type { Kysely } from 'kysely'

/** Of nobody is more known yet. */
export async function addClaims(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .alterTable('account')
    .addColumn('claims', 'text', (column) => column.notNull().defaultTo('{}'))
    .execute()
}
