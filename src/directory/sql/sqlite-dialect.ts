import { closeSync, mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as delay } from 'node:timers/promises'
import {
  CompiledQuery,
  type DatabaseConnection,
  type QueryResult,
  SqliteAdapter,
  type SqliteDatabase,
  SqliteDialect,
  SqliteDriver,
  type SqliteStatement,
} from 'kysely'

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
    return new ImmediateDriver({ database: this.#database, onCreateConnection: setUp })
  }

  override createAdapter(): SqliteAdapter {
    return new TransactionalAdapter()
  }
}

class ImmediateDriver extends SqliteDriver {
  override async acquireConnection(): Promise<DatabaseConnection> {
    return waitingConnection(await super.acquireConnection())
  }

  /** A plain `begin` takes the write lock at the first write, and then fails where another process wrote meanwhile. */
  override async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('begin immediate'))
  }
}

/** SQLite does roll schema changes back; kysely's adapter denies it and would run migrations outside a transaction. */
class TransactionalAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true
  }
}

/**
 * While another process holds the lock, SQLite's own waiting (`busy_timeout`) would stop the event loop, and so also
 * whoever in this process holds the lock. This waits asynchronously, for about 3 s.
 */
const waiting = { firstMilliseconds: 1, mostMilliseconds: 25, tries: 125 }

const waitingConnection = (connection: DatabaseConnection): DatabaseConnection => ({
  async executeQuery<Row>(query: CompiledQuery): Promise<QueryResult<Row>> {
    for (let attempt = 0, pause = waiting.firstMilliseconds; ; attempt += 1) {
      try {
        return await connection.executeQuery<Row>(query)
      } catch (error) {
        if (!isBusy(error) || attempt === waiting.tries) throw error
      }
      await delay(pause)
      pause = Math.min(pause * 2, waiting.mostMilliseconds)
    }
  },
  streamQuery: (query, chunkSize) => connection.streamQuery(query, chunkSize),
})

/** https://www.sqlite.org/rescode.html#busy, extended codes included. */
const isBusy = (error: unknown): boolean =>
  error instanceof Error && 'errcode' in error && Number(error.errcode) % 256 === 5

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
async function setUp(connection: DatabaseConnection): Promise<void> {
  const waiting = waitingConnection(connection)
  await waiting.executeQuery(CompiledQuery.raw('pragma journal_mode = wal'))
  await waiting.executeQuery(CompiledQuery.raw('pragma synchronous = full'))
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
