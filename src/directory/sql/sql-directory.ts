import { sql } from 'kysely'
import type { Log } from '../../log.ts'
import type { Directory } from '../directory.ts'
import { accountQueries } from './accounts.ts'
import { attemptQueries } from './attempts.ts'
import { auditEventQueries } from './audit-events.ts'
import { clientQueries } from './clients.ts'
import { credentialQueries } from './credentials.ts'
import { deviceQueries } from './devices.ts'
import { guarded } from './failures.ts'
import { migrate, migrateDatabase, refuseNewerSchema } from './migrate.ts'
import { kindOf, openDatabase } from './open-database.ts'
import { accountRemoval } from './remove-account.ts'
import { ringKeyQueries } from './ring-keys.ts'
import { tokenQueries } from './tokens.ts'

export interface SqlDirectoryOptions {
  /** `sqlite:<file>`, `sqlite::memory:` or `postgres://user:password@host:5432/name`. */
  url: string
  /** PostgreSQL connections of this process; 10. */
  pool?: number
  /** Hears of lost connections. */
  log?: Log
}

export interface SqlDirectory extends Directory {
  /** Brings the schema up to date and answers the migrations that ran; safe on many nodes at once. */
  migrate(): Promise<string[]>
}

/**
 * The directory on SQLite or PostgreSQL, by one query code. Nothing is migrated before `migrate()` is called.
 *
 * @throws DuepassiError `not_configured` for an unreadable address or a schema newer than this code,
 *   `directory_unavailable` when the database cannot be opened.
 */
export async function sqlDirectory({ url, pool, log }: SqlDirectoryOptions): Promise<SqlDirectory> {
  const db = openDatabase({ url, ...(pool !== undefined && { pool }), ...(log && { log }) })
  try {
    await refuseNewerSchema(db)
  } catch (error) {
    await db.destroy()
    throw error
  }
  return guarded<SqlDirectory>({
    ...credentialQueries(db, kindOf(url)),
    ...attemptQueries(db),
    ...deviceQueries(db, kindOf(url)),
    ...auditEventQueries(db),
    ...accountQueries(db),
    ...accountRemoval(db, kindOf(url)),
    ...clientQueries(db),
    ...tokenQueries(db, kindOf(url)),
    ...ringKeyQueries(db),
    // On PostgreSQL by a connection of its own, without the time limits of this pool.
    migrate: () => (kindOf(url) === 'postgres' ? migrate(url) : migrateDatabase(db, 'sqlite')),
    ping: async () => {
      await sql`select 1`.execute(db)
    },
    close: () => db.destroy(),
  })
}
