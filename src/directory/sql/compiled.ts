import type { Compilable, CompiledQuery, QueryResult } from 'kysely'
import type { Database } from './tables.ts'

/** Stands in the query for the value that each call brings. */
class Slot {
  readonly index: number

  constructor(index: number) {
    this.index = index
  }
}

/**
 * A query that is built and compiled at its first use and then only run: building one costs kysely more than SQLite
 * needs to answer it. `build` gets a place holder for each value, so it must not look at them, nor ask for other SQL
 * because of one.
 */
export const compiledOnce = <Values extends readonly unknown[], Row>(
  db: Database,
  build: (...values: Values) => Compilable<Row>,
): ((...values: Values) => Promise<QueryResult<Row>>) => {
  let query: CompiledQuery<Row> | undefined
  return (...values) => {
    query ??= build(
      ...(Array.from({ length: build.length }, (_, index) => new Slot(index)) as unknown as Values),
    ).compile()
    return db.executeQuery({
      ...query,
      parameters: query.parameters.map((given) => (given instanceof Slot ? values[given.index] : given)),
    })
  }
}
