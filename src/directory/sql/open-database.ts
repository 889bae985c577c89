import { Kysely, PostgresDialect } from 'kysely'
import { DuepassiError } from '../../errors.ts'
import type { Log } from '../../log.ts'
import type { DatabaseKind } from '../migrations/migrations.ts'
import { unavailable } from './failures.ts'
import { openPool } from './postgres-pool.ts'
import { NodeSqliteDialect } from './sqlite-dialect.ts'
import type { Database, Tables } from './tables.ts'

export interface DatabaseOptions {
  /** `sqlite:<file>`, `sqlite::memory:` or `postgres://…`. */
  url: string
  /** PostgreSQL connections of this process; 10. */
  pool?: number
  /** For migrations: no time limit on statements. */
  patient?: boolean
  log?: Log
}

/**
 * @throws DuepassiError `not_configured` for an address of another kind, `directory_unavailable` where the SQLite file
 *   cannot be opened. PostgreSQL is not connected to yet.
 */
export function openDatabase(options: DatabaseOptions): Database {
  const { url, pool: size = 10, patient = false, log } = options
  if (kindOf(url) === 'postgres') {
    return new Kysely<Tables>({
      dialect: new PostgresDialect({ pool: openPool({ url, size, patient, log }) }),
    })
  }
  try {
    return new Kysely<Tables>({ dialect: new NodeSqliteDialect(sqlitePath(url)) })
  } catch (error) {
    throw unavailable(error)
  }
}

export function kindOf(url: string): DatabaseKind {
  if (/^postgres(ql)?:\/\//.test(url)) return 'postgres'
  if (/^sqlite:./.test(url)) return 'sqlite'
  throw new DuepassiError('not_configured', 'database.url must start with `sqlite:` or `postgres://`')
}

const sqlitePath = (url: string): string => url.replace(/^sqlite:(\/\/)?/, '')
