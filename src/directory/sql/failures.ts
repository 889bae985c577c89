import { DatabaseError } from 'pg'
import { DuepassiError } from '../../errors.ts'

type Query = (...parameters: never[]) => Promise<unknown>

/** The same queries; whatever they reject with, other than a DuepassiError, becomes `directory_unavailable`. */
export const guarded = <Queries extends Record<keyof Queries, Query>>(queries: Queries): Queries =>
  Object.fromEntries(Object.entries<Query>(queries).map(([name, query]) => [name, guard(query)])) as Queries

const guard =
  (query: Query): Query =>
  async (...parameters) => {
    try {
      return await query(...parameters)
    } catch (error) {
      throw unavailable(error)
    }
  }

export function unavailable(error: unknown): DuepassiError {
  if (error instanceof DuepassiError) return error
  return new DuepassiError('directory_unavailable', 'the database cannot answer', {
    cause: withoutRows(error),
  })
}

/** PostgreSQL quotes the offending row ("Failing row contains …"), and the cause may end in a log. */
function withoutRows(error: unknown): unknown {
  if (error instanceof DatabaseError) {
    Object.assign(error, { detail: undefined, where: undefined, internalQuery: undefined })
  }
  return error
}

/** https://www.sqlite.org/rescode.html: SQLITE_CONSTRAINT_PRIMARYKEY, SQLITE_CONSTRAINT_UNIQUE. */
const sqliteUniqueViolations: readonly unknown[] = [1555, 2067]
/** https://www.postgresql.org/docs/current/errcodes-appendix.html */
const postgresUniqueViolation = '23505'
const postgresUndefinedTable = '42P01'

/** Whether the statement failed because a key is taken. */
export const isTaken = (error: unknown): boolean =>
  error instanceof DatabaseError
    ? error.code === postgresUniqueViolation
    : sqliteUniqueViolations.includes(sqliteCode(error))

export const isMissingTable = (error: unknown): boolean =>
  error instanceof DatabaseError
    ? error.code === postgresUndefinedTable
    : error instanceof Error && sqliteCode(error) === 1 && error.message.startsWith('no such table')

const sqliteCode = (error: unknown): unknown =>
  error instanceof Error && 'errcode' in error ? error.errcode : undefined
