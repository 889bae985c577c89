import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import type { Clock } from '../../clock.ts'
import { DuepassiError } from '../../errors.ts'
import type { Store } from '../store.ts'

export interface EmbeddedStoreOptions {
  /** A file, whose folders are made, or ':memory:'. */
  file: string
  clock: Clock
  /** Milliseconds between two sweeps of what has expired. */
  sweepEvery?: number
}

const tables = `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = NORMAL;
  CREATE TABLE IF NOT EXISTS entry (key TEXT PRIMARY KEY, value TEXT NOT NULL, expires INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS entry_expires ON entry (expires);
  CREATE TABLE IF NOT EXISTS member (key TEXT, member TEXT, expires INTEGER NOT NULL, PRIMARY KEY (key, member)) STRICT, WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS member_expires ON member (expires);
`

const sweepBatch = 500

/**
 * A `Store` in one SQLite file, for one process: no server to run. What has expired is invisible at once and removed
 * later, in batches. The file survives a restart; a crash of the machine may lose the last moments (synchronous
 * NORMAL), never its consistency.
 */
export function embeddedStore({ file, clock, sweepEvery = 30_000 }: EmbeddedStoreOptions): Store {
  const database = open(file)
  const sql = {
    get: database.prepare('SELECT value FROM entry WHERE key = ? AND expires > ?'),
    put: database.prepare(
      'INSERT INTO entry VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value, expires = excluded.expires',
    ),
    add: database.prepare(
      `INSERT INTO entry VALUES (?, ?, ?)
       ON CONFLICT DO UPDATE SET value = excluded.value, expires = excluded.expires WHERE entry.expires <= ?`,
    ),
    swap: database.prepare('UPDATE entry SET value = ? WHERE key = ? AND value = ? AND expires > ?'),
    renew: database.prepare(
      'UPDATE entry SET value = ?, expires = ? WHERE key = ? AND value = ? AND expires > ?',
    ),
    take: database.prepare('DELETE FROM entry WHERE key = ? AND expires > ? RETURNING value'),
    drop: database.prepare('DELETE FROM entry WHERE key = ?'),
    dropMembers: database.prepare('DELETE FROM member WHERE key = ?'),
    // A set has one lifetime: all its members carry the latest end.
    prolong: database.prepare(
      'UPDATE member SET expires = ?1 WHERE key = ?2 AND expires > ?3 AND expires < ?1',
    ),
    include: database.prepare(
      `INSERT INTO member VALUES (?1, ?2, max(?3, ifnull((SELECT max(expires) FROM member WHERE key = ?1), 0)))
       ON CONFLICT DO UPDATE SET expires = excluded.expires`,
    ),
    exclude: database.prepare('DELETE FROM member WHERE key = ? AND member = ?'),
    members: database.prepare('SELECT member FROM member WHERE key = ? AND expires > ?'),
    ping: database.prepare('SELECT 1'),
    sweepEntries: database.prepare(
      'DELETE FROM entry WHERE key IN (SELECT key FROM entry WHERE expires <= ? LIMIT ?)',
    ),
    sweepMembers: database.prepare(
      `DELETE FROM member WHERE (key, member) IN (SELECT key, member FROM member WHERE expires <= ? LIMIT ?)`,
    ),
  }

  const expiry = (seconds: number) => clock.now() + seconds * 1000

  function sweep(): void {
    if (!database.isOpen) return
    const full = [sql.sweepEntries, sql.sweepMembers].some(
      (statement) => changes(statement, clock.now(), sweepBatch) === sweepBatch,
    )
    // The rest comes after the requests that wait.
    if (full) setImmediate(sweepQuietly)
  }

  /** A sweep that fails (disk full, locked) is tried again at the next round; every verb reports for itself. */
  function sweepQuietly(): void {
    try {
      sweep()
    } catch {}
  }

  const sweeper = setInterval(sweepQuietly, sweepEvery)
  sweeper.unref()

  return {
    get: (key) => answer(() => storedValue(sql.get.get(key, clock.now()))),
    put: (key, value, seconds) => answer(() => void sql.put.run(key, value, expiry(seconds))),
    add: (key, value, seconds) =>
      answer(() => changes(sql.add, key, value, expiry(seconds), clock.now()) === 1),
    swap: (key, expected, next, seconds) =>
      answer(() => {
        const swapped =
          seconds === undefined
            ? changes(sql.swap, next, key, expected, clock.now())
            : changes(sql.renew, next, expiry(seconds), key, expected, clock.now())
        return swapped === 1
      }),
    take: (key) => answer(() => storedValue(sql.take.get(key, clock.now()))),
    drop: (key) =>
      answer(() => {
        sql.drop.run(key)
        sql.dropMembers.run(key)
      }),
    include: (key, member, seconds) =>
      answer(() => {
        database.exec('BEGIN IMMEDIATE')
        try {
          sql.prolong.run(expiry(seconds), key, clock.now())
          sql.include.run(key, member, expiry(seconds))
          database.exec('COMMIT')
        } catch (error) {
          database.exec('ROLLBACK')
          throw error
        }
      }),
    exclude: (key, member) => answer(() => void sql.exclude.run(key, member)),
    members: (key) => answer(() => sql.members.all(key, clock.now()).map((row) => String(row.member))),
    ping: () => answer(() => void sql.ping.get()),
    async close() {
      clearInterval(sweeper)
      if (database.isOpen) database.close()
    },
  }
}

function open(file: string): DatabaseSync {
  try {
    if (file !== ':memory:') mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
    const database = new DatabaseSync(file, { timeout: 1_000 })
    database.exec(tables)
    return database
  } catch (cause) {
    throw new DuepassiError('store_unavailable', `the store's file ${file} cannot be opened`, { cause })
  }
}

async function answer<Result>(work: () => Result): Promise<Result> {
  try {
    return work()
  } catch (cause) {
    throw new DuepassiError('store_unavailable', 'the embedded store does not answer', { cause })
  }
}

const changes = (statement: StatementSync, ...values: (string | number)[]): number =>
  Number(statement.run(...values).changes)

const storedValue = (row: Record<string, unknown> | undefined): string | undefined =>
  typeof row?.value === 'string' ? row.value : undefined
