import { DuepassiError } from '../../errors.ts'
import type { ClientMetadata, Directory } from '../directory.ts'
import { compiledOnce } from './compiled.ts'
import { isTaken } from './failures.ts'
import type { Database } from './tables.ts'
import { isText } from './text.ts'

type Clients = Pick<Directory, 'clientById' | 'addClient' | 'changeClient' | 'removeClient'>

export const clientQueries = (db: Database): Clients => ({
  clientById: byId(db),

  async addClient(metadata) {
    try {
      await db
        .insertInto('client')
        .values({ id: metadata.client_id, metadata: JSON.stringify(metadata) })
        .execute()
    } catch (error) {
      if (isTaken(error)) throw new DuepassiError('client_exists', `client ${metadata.client_id} exists`)
      throw error
    }
  },

  async changeClient(metadata) {
    if (!isText(metadata.client_id)) return false
    const { numUpdatedRows } = await db
      .updateTable('client')
      .set({ metadata: JSON.stringify(metadata) })
      .where('id', '=', metadata.client_id)
      .executeTakeFirstOrThrow()
    return numUpdatedRows === 1n
  },

  async removeClient(id) {
    if (!isText(id)) return false
    const { numDeletedRows } = await db.deleteFrom('client').where('id', '=', id).executeTakeFirstOrThrow()
    return numDeletedRows === 1n
  },
})

const byId = (db: Database): Clients['clientById'] => {
  const find = compiledOnce(db, (id: string) =>
    db.selectFrom('client').select('metadata').where('id', '=', id),
  )
  return async (id) => {
    if (!isText(id)) return undefined
    const [row] = (await find(id)).rows
    return row && (JSON.parse(row.metadata) as ClientMetadata)
  }
}
