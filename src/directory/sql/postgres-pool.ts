import type { PostgresPool, PostgresPoolClient, PostgresQueryResult } from 'kysely'
import { DatabaseError, Pool, type PoolClient, TypeOverrides, types } from 'pg'
import { DuepassiError } from '../../errors.ts'
import { type Log, silentLog } from '../../log.ts'

export interface PoolSettings {
  url: string
  /** Most connections. */
  size: number
  /** For migrations: they may take, and wait for one another, as long as they need. */
  patient: boolean
  log?: Log | undefined
}

/**
 * A pool of PostgreSQL connections in which nothing waits for ever and no lost connection ends the process:
 * connecting gives up after 3 s, a statement after 5 s, and a connection that failed otherwise than by a database
 * error is thrown away, so that the next query finds a new one.
 *
 * @throws DuepassiError `not_configured` when the address cannot be read; the address itself is not quoted.
 */
export function openPool({ url, size, patient, log = silentLog }: PoolSettings): PostgresPool {
  const pool = createPool(url, size, patient)
  const lost = (error: Error) => log.warn({ reason: error.message }, 'a database connection was lost')
  pool.on('error', lost)
  // While a connection is lent, nobody but us listens to its errors.
  pool.on('connect', (client) => client.on('error', () => {}))
  return {
    options: {},
    connect: async () => lend(await pool.connect()),
    end: () => pool.end(),
  }
}

function createPool(url: string, size: number, patient: boolean): Pool {
  const numbers = new TypeOverrides(types)
  numbers.setTypeParser(types.builtins.INT8, Number)
  try {
    return new Pool({
      connectionString: checked(url),
      max: size,
      types: numbers,
      fallback_application_name: 'duepassi',
      connectionTimeoutMillis: 3_000,
      keepAlive: true,
      // The server's own limit comes first: a statement that it ended leaves the connection usable.
      ...(patient ? {} : { statement_timeout: 4_500, query_timeout: 5_000 }),
    })
  } catch {
    throw new DuepassiError('not_configured', 'the PostgreSQL address (database.url) cannot be read')
  }
}

/** pg reads the address only when it connects, and its error then quotes the password. */
function checked(url: string): string {
  new URL(url)
  return url
}

/** pg keeps a connection whose answer never came (`query_timeout`); whoever borrows it next would wait as well. */
function lend(client: PoolClient): PostgresPoolClient {
  let broken = false
  const query = async <Row>(sql: string, parameters: readonly unknown[]) => {
    try {
      return (await client.query(sql, [...parameters])) as unknown as PostgresQueryResult<Row>
    } catch (error) {
      broken ||= !(error instanceof DatabaseError)
      throw error
    }
  }
  return {
    query: query as PostgresPoolClient['query'],
    release: (destroy = false) => client.release(destroy || broken),
  }
}
