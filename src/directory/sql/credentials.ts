import { sql } from 'kysely'
import { DuepassiError } from '../../errors.ts'
import type { Credential, Directory } from '../directory.ts'
import { isTaken } from './failures.ts'
import type { CredentialRow, Database } from './tables.ts'

type Credentials = Pick<
  Directory,
  'standing' | 'credentials' | 'addCredential' | 'spend' | 'removeCredentials'
>

export const credentialQueries = (db: Database): Credentials => ({
  async standing(accountId) {
    // Asked several times in each sign-in, hence in SQL: building this union costs more than running it.
    const { rows } = await sql<{ factor: string | null; locked_at: number | null }>`
      select distinct factor, cast(null as bigint) as locked_at from credential where account_id = ${accountId}
      union all
      select null as factor, min(locked_at) as locked_at from attempt where account_id = ${accountId}
    `.execute(db)
    return {
      factors: rows.flatMap((row) => row.factor ?? []).sort(),
      lockedAt: rows.find((row) => row.locked_at !== null)?.locked_at ?? null,
    }
  },

  async credentials(accountId) {
    const rows = await db
      .selectFrom('credential')
      .selectAll()
      .where('account_id', '=', accountId)
      .orderBy('created_at')
      .orderBy('id')
      .execute()
    return rows.map(credentialOf)
  },

  async addCredential(credential) {
    try {
      await db.insertInto('credential').values(rowOf(credential)).execute()
    } catch (error) {
      if (isTaken(error)) throw new DuepassiError('credential_exists', 'a credential with this id exists')
      throw error
    }
  },

  async spend(credentialId, expected, next, at) {
    const { numUpdatedRows } = await db
      .updateTable('credential')
      .set({ counter: next, last_used_at: at })
      .where('id', '=', credentialId)
      .where('counter', '=', expected)
      .executeTakeFirstOrThrow()
    return numUpdatedRows === 1n
  },

  async removeCredentials(accountId, ids) {
    if (ids?.length === 0) return 0
    const all = db.deleteFrom('credential').where('account_id', '=', accountId)
    const { numDeletedRows } = await (ids ? all.where('id', 'in', ids) : all).executeTakeFirstOrThrow()
    return Number(numDeletedRows)
  },
})

const rowOf = (credential: Credential): CredentialRow => ({
  id: credential.id,
  account_id: credential.accountId,
  factor: credential.factor,
  label: credential.label,
  secret: credential.secret,
  counter: credential.counter,
  created_at: credential.createdAt,
  last_used_at: credential.lastUsedAt,
})

const credentialOf = (row: CredentialRow): Credential => ({
  id: row.id,
  accountId: row.account_id,
  factor: row.factor,
  label: row.label,
  secret: row.secret,
  counter: row.counter,
  createdAt: row.created_at,
  lastUsedAt: row.last_used_at,
})
