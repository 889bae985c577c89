import type { Directory, RingKey } from '../directory.ts'
import type { Database, RingKeyRow } from './tables.ts'
import { isText } from './text.ts'

type RingKeys = Pick<Directory, 'keys' | 'addKey' | 'endKey' | 'removeKey'>

export const ringKeyQueries = (db: Database): RingKeys => ({
  async keys() {
    const rows = await db.selectFrom('ring_key').selectAll().orderBy('generation').orderBy('kid').execute()
    return rows.map(keyOf)
  },

  async addKey(key) {
    const inserted = await db
      .insertInto('ring_key')
      .values(rowOf(key))
      // Whatever is taken, the kid or the generation.
      .onConflict((conflict) => conflict.doNothing())
      .returning('kid')
      .execute()
    return inserted.length === 1
  },

  async endKey(kid, at) {
    if (!isText(kid)) return false
    const { numUpdatedRows } = await db
      .updateTable('ring_key')
      .set({ ends_at: at })
      .where('kid', '=', kid)
      .where((eb) => eb.or([eb('ends_at', 'is', null), eb('ends_at', '>', at)]))
      .executeTakeFirstOrThrow()
    return numUpdatedRows === 1n
  },

  async removeKey(kid) {
    if (!isText(kid)) return false
    const { numDeletedRows } = await db
      .deleteFrom('ring_key')
      .where('kid', '=', kid)
      .executeTakeFirstOrThrow()
    return numDeletedRows === 1n
  },
})

const rowOf = (key: RingKey): RingKeyRow => ({
  kid: key.kid,
  use: key.use,
  alg: key.alg,
  generation: key.generation,
  material: key.material,
  created_at: key.createdAt,
  signs_from: key.signsFrom,
  ends_at: key.endsAt,
})

const keyOf = (row: RingKeyRow): RingKey => ({
  kid: row.kid,
  use: row.use,
  alg: row.alg,
  generation: row.generation,
  material: row.material,
  createdAt: row.created_at,
  signsFrom: row.signs_from,
  endsAt: row.ends_at,
})
