import { closeSync, mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import {
  type CompiledQuery,
  type DatabaseConnection,
  type QueryResult,
  SqliteAdapter,
  type SqliteDatabase,
  SqliteDialect,
  SqliteDriver,
  type SqliteStatement,
} from 'kysely'
import { patiently, SharedConnection } from './sqlite-commits.ts'

/**
 * kysely's dialect on node:sqlite. `path` is a file or `:memory:`. The file is created with mode 0600 and its folder
 * when missing; the mode of an existing file is left as the operator set it.
 *
 * @throws the error of the file system or of SQLite.
 */
export class NodeSqliteDialect extends SqliteDialect {
  readonly #database: SqliteDatabase

  constructor(path: string) {
    const database = cachingStatements(openFile(path))
    super({ database })
    this.#database = database
  }

  override createDriver(): SqliteDriver {
    return new SharingDriver(this.#database)
  }

  override createAdapter(): SqliteAdapter {
    return new TransactionalAdapter()
  }
}

class SharingDriver extends SqliteDriver {
  readonly #database: SqliteDatabase
  readonly #shared: SharedConnection

  constructor(database: SqliteDatabase) {
    super({ database })
    this.#database = database
    this.#shared = new SharedConnection(database)
  }

  override async init(): Promise<void> {
    await setUp(this.#shared)
  }

  override async acquireConnection(): Promise<DatabaseConnection> {
    return new Borrowed(this.#shared)
  }

  override async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await (connection as Borrowed).begin()
  }

  override async commitTransaction(connection: DatabaseConnection): Promise<void> {
    ;(connection as Borrowed).end('commit')
  }

  override async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    ;(connection as Borrowed).end('rollback')
  }

  override async destroy(): Promise<void> {
    this.#database.close()
  }
}

/** The one connection, as one query or one transaction has it. */
class Borrowed implements DatabaseConnection {
  readonly #shared: SharedConnection
  #release: (() => void) | undefined

  constructor(shared: SharedConnection) {
    this.#shared = shared
  }

  async executeQuery<Row>(query: CompiledQuery): Promise<QueryResult<Row>> {
    return this.#release ? this.#shared.run(query) : this.#shared.execute(query)
  }

  streamQuery(): never {
    throw new Error('rows are not streamed')
  }

  async begin(): Promise<void> {
    this.#release = await this.#shared.begin()
  }

  /** A commit that failed is followed by a rollback, which gives the connection back. */
  end(how: 'commit' | 'rollback'): void {
    try {
      this.#shared.run({ sql: how, parameters: [] })
    } catch (error) {
      if (how === 'commit') throw error
    }
    this.#release?.()
    this.#release = undefined
  }
}

/** SQLite does roll schema changes back; kysely's adapter denies it and would run migrations outside a transaction. */
class TransactionalAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true
  }

  /** There is one, but it is shared: kysely need not lend it to one after the other. */
  override get supportsMultipleConnections(): boolean {
    return true
  }
}

function openFile(path: string): DatabaseSync {
  if (path !== ':memory:') {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    closeSync(openSync(path, 'a', 0o600))
  }
  return new DatabaseSync(path)
}

/**
 * FULL: with WAL, NORMAL does not sync each commit, and a power cut would un-spend a code. Of several processes that
 * turn a new file to WAL at once all but one find it locked, whatever `busy_timeout` says: so this waits too.
 */
async function setUp(connection: SharedConnection): Promise<void> {
  await patiently(() => connection.run({ sql: 'pragma journal_mode = wal', parameters: [] }))
  await patiently(() => connection.run({ sql: 'pragma synchronous = full', parameters: [] }))
}

/** Lists of ids make statements of many lengths; the cache starts anew rather than grow with them. */
const mostStatements = 200

function cachingStatements(database: DatabaseSync): SqliteDatabase {
  const statements = new Map<string, SqliteStatement>()
  return {
    prepare(sql) {
      const known = statements.get(sql)
      if (known) return known
      const statement = database.prepare(sql)
      const prepared: SqliteStatement = {
        reader: statement.columns().length > 0,
        all: (parameters) => statement.all(...bindable(parameters)),
        run: (parameters) => statement.run(...bindable(parameters)),
        iterate: (parameters) => statement.iterate(...bindable(parameters)),
      }
      if (statements.size >= mostStatements) statements.clear()
      statements.set(sql, prepared)
      return prepared
    },
    close: () => database.close(),
  }
}

/** Tables hold text, whole numbers and null only; node:sqlite refuses anything else by itself. */
const bindable = (parameters: readonly unknown[]) => parameters as (string | number | null)[]
