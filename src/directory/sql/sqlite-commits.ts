import { setTimeout as delay } from 'node:timers/promises'
import type { CompiledQuery, QueryResult, SqliteDatabase } from 'kysely'

/**
 * One SQLite connection, shared by all requests of the process.
 *
 * Each commit waits for the disk, so changes that come in the same turn of the event loop are committed together: every
 * one of them resolves once it is on disk, and fails for itself. Within a group nothing is awaited, so nobody reads what
 * is not committed yet. A transaction has the connection to itself meanwhile.
 */
export class SharedConnection {
  readonly #database: SqliteDatabase
  readonly #group: Change[] = []
  /** Set while the connection belongs to somebody: resolves when it is free. */
  #taken: Promise<void> | undefined
  /** Set while a transaction is open: what it wrote must not be read by others. */
  #open: Promise<void> | undefined

  constructor(database: SqliteDatabase) {
    this.#database = database
  }

  async execute(query: CompiledQuery): Promise<QueryResult<never>> {
    if (isChange(query))
      return new Promise((resolve, reject) => {
        this.#group.push({ query, resolve, reject })
        if (this.#group.length === 1) setImmediate(() => void this.#commitGroup())
      })
    if (isReading(query)) {
      while (this.#open !== undefined) await this.#open
      return patiently(() => this.run(query))
    }
    const release = await this.take()
    try {
      return await patiently(() => this.run(query))
    } finally {
      release()
    }
  }

  /** Runs a statement now, whoever has the connection. */
  run({ sql, parameters }: Pick<CompiledQuery, 'sql' | 'parameters'>): QueryResult<never> {
    const statement = this.#database.prepare(sql)
    if (statement.reader) return { rows: statement.all(parameters) as never[] }
    const { changes } = statement.run(parameters)
    return { numAffectedRows: BigInt(changes), rows: [] }
  }

  /** Takes the connection for oneself, after all who asked before; answers how to give it back. */
  async take(): Promise<() => void> {
    while (this.#taken !== undefined) await this.#taken
    let free = () => {}
    this.#taken = new Promise((resolve) => {
      free = () => {
        this.#taken = undefined
        resolve()
      }
    })
    return free
  }

  /** Begins a transaction; answers how to give the connection back after its end. */
  async begin(): Promise<() => void> {
    const release = await this.take()
    try {
      // A plain `begin` takes the write lock at the first write, and then fails where another process wrote meanwhile.
      await patiently(() => this.run({ sql: 'begin immediate', parameters: [] }))
    } catch (error) {
      release()
      throw error
    }
    this.#open = this.#taken
    return () => {
      this.#open = undefined
      release()
    }
  }

  async #commitGroup(): Promise<void> {
    const release = await this.take()
    const group = this.#group.splice(0)
    try {
      const [only] = group
      const settle = await patiently(() =>
        only && group.length === 1 ? this.#commitOne(only) : this.#commitAll(group),
      )
      for (const tell of settle) tell()
    } catch (error) {
      for (const { reject } of group) reject(error)
    } finally {
      release()
    }
  }

  #commitOne({ query, resolve }: Change): (() => void)[] {
    const result = this.run(query)
    return [() => resolve(result)]
  }

  #commitAll(group: readonly Change[]): (() => void)[] {
    this.run({ sql: 'begin immediate', parameters: [] })
    try {
      const outcomes = group.map((change) => this.#try(change))
      this.run({ sql: 'commit', parameters: [] })
      return outcomes
    } catch (error) {
      this.#rollBack()
      throw error
    }
  }

  /** A statement that fails takes back only itself (https://www.sqlite.org/lang_conflict.html, ABORT). */
  #try({ query, resolve, reject }: Change): () => void {
    try {
      const result = this.run(query)
      return () => resolve(result)
    } catch (error) {
      if (isBusy(error)) throw error
      return () => reject(error)
    }
  }

  /** Some errors (disk full) have rolled back already; then `commit` failed, and so would this. */
  #rollBack(): void {
    try {
      this.run({ sql: 'rollback', parameters: [] })
    } catch {}
  }
}

interface Change {
  query: CompiledQuery
  resolve(result: QueryResult<never>): void
  reject(error: unknown): void
}

const changes: ReadonlySet<string> = new Set(['InsertQueryNode', 'UpdateQueryNode', 'DeleteQueryNode'])

const isChange = ({ query }: CompiledQuery): boolean => changes.has(query.kind)

const isReading = ({ query, sql }: CompiledQuery): boolean =>
  query.kind === 'SelectQueryNode' || /^\s*select\b/i.test(sql)

/**
 * While another process holds the lock, SQLite's own waiting (`busy_timeout`) would stop the event loop, and so also
 * whoever in this process holds the lock. This waits asynchronously, for about 3 s.
 */
const waiting = { firstMilliseconds: 1, mostMilliseconds: 25, tries: 125 }

/** Runs it again while the database is locked. */
export async function patiently<Result>(work: () => Result): Promise<Result> {
  for (let attempt = 0, pause = waiting.firstMilliseconds; ; attempt += 1) {
    try {
      return work()
    } catch (error) {
      if (!isBusy(error) || attempt === waiting.tries) throw error
    }
    await delay(pause)
    pause = Math.min(pause * 2, waiting.mostMilliseconds)
  }
}

/** https://www.sqlite.org/rescode.html#busy, extended codes included. */
const isBusy = (error: unknown): boolean =>
  error instanceof Error && 'errcode' in error && Number(error.errcode) % 256 === 5
