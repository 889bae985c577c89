import { Migrator } from 'kysely/migration'
import { DuepassiError } from '../../errors.ts'
import { type DatabaseKind, migrations } from '../migrations/migrations.ts'
import { isMissingTable, unavailable } from './failures.ts'
import { kindOf, openDatabase } from './open-database.ts'
import type { Database } from './tables.ts'

/** Named after us, because a host may keep its own kysely migrations in the same database. */
const migrationTableName = 'duepassi_migration'

/**
 * Brings the database at `url` up to date and answers the names of the migrations that ran: none when it was. Many
 * processes may call this at once: one works, the others wait and find it done.
 *
 * @throws DuepassiError `not_configured` when the schema is newer than this code; `directory_unavailable` when the
 *   database cannot answer or a migration failed, which leaves the schema as it was.
 */
export async function migrate(url: string): Promise<string[]> {
  const db = openDatabase({ url, pool: 1, patient: true })
  try {
    return await migrateDatabase(db, kindOf(url))
  } finally {
    await db.destroy()
  }
}

/** As `migrate`, on a database that is open already. */
export async function migrateDatabase(db: Database, kind: DatabaseKind): Promise<string[]> {
  await refuseNewerSchema(db)
  const migrator = new Migrator({
    db,
    provider: { getMigrations: async () => migrations(kind) },
    migrationTableName,
    migrationLockTableName: `${migrationTableName}_lock`,
  })
  const { error, results = [] } = await migrator.migrateToLatest()
  if (error !== undefined) throw unavailable(error)
  return results.map((result) => result.migrationName)
}

/** An older version of the code would write what the newer schema no longer means. */
export async function refuseNewerSchema(db: Database): Promise<void> {
  const known = Object.keys(migrations('sqlite'))
  const newer = (await executedMigrations(db)).filter((name) => !known.includes(name))
  if (newer.length === 0) return
  throw new DuepassiError(
    'not_configured',
    `the database was migrated by a newer version of Duepassi (${newer.join(', ')}): run that version, or restore the backup made before`,
  )
}

async function executedMigrations(db: Database): Promise<string[]> {
  try {
    const rows = await db
      .withTables<{ duepassi_migration: { name: string } }>()
      .selectFrom(migrationTableName)
      .select('name')
      .orderBy('name')
      .execute()
    return rows.map((row) => row.name)
  } catch (error) {
    if (isMissingTable(error)) return []
    throw unavailable(error)
  }
}
