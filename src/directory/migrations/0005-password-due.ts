import type { Kysely } from 'kysely'

/** Nobody is asked for a new password yet. */
export async function addPasswordDue(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable('account').addColumn('password_due', 'bigint').execute()
}
