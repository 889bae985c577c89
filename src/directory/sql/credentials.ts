import { sql } from 'kysely'
import { DuepassiError } from '../../errors.ts'
import type { Credential, Directory } from '../directory.ts'
import { compiledOnce } from './compiled.ts'
import { isTaken } from './failures.ts'
import type { CredentialRow, Database } from './tables.ts'

type Credentials = Pick<
  Directory,
  'standing' | 'credentials' | 'addCredential' | 'spend' | 'removeCredentials'
>

export const credentialQueries = (db: Database): Credentials => ({
  standing: standing(db),
  credentials: ofAccount(db),

  async addCredential(credential) {
    try {
      await db.insertInto('credential').values(rowOf(credential)).execute()
    } catch (error) {
      if (isTaken(error)) throw new DuepassiError('credential_exists', 'a credential with this id exists')
      throw error
    }
  },

  spend: spend(db),

  async removeCredentials(accountId, ids) {
    if (ids?.length === 0) return 0
    const all = db.deleteFrom('credential').where('account_id', '=', accountId)
    const { numDeletedRows } = await (ids ? all.where('id', 'in', ids) : all).executeTakeFirstOrThrow()
    return Number(numDeletedRows)
  },
})

const standing = (db: Database): Credentials['standing'] => {
  const find = compiledOnce(db, (accountId: string, again: string) => ({
    compile: () =>
      sql<{ factor: string | null; locked_at: number | null }>`
        select distinct factor, cast(null as bigint) as locked_at from credential where account_id = ${accountId}
        union all
        select null as factor, min(locked_at) as locked_at from attempt where account_id = ${again}
      `.compile(db),
  }))
  return async (accountId) => {
    const { rows } = await find(accountId, accountId)
    return {
      factors: rows.flatMap((row) => row.factor ?? []).sort(),
      lockedAt: rows.find((row) => row.locked_at !== null)?.locked_at ?? null,
    }
  }
}

const ofAccount = (db: Database): Credentials['credentials'] => {
  const find = compiledOnce(db, (accountId: string) =>
    db
      .selectFrom('credential')
      .selectAll()
      .where('account_id', '=', accountId)
      .orderBy('created_at')
      .orderBy('id'),
  )
  return async (accountId) => (await find(accountId)).rows.map(credentialOf)
}

const spend = (db: Database): Credentials['spend'] => {
  const change = compiledOnce(db, (id: string, expected: number, next: number, at: number) =>
    db
      .updateTable('credential')
      .set({ counter: next, last_used_at: at })
      .where('id', '=', id)
      .where('counter', '=', expected),
  )
  return async (...values) => (await change(...values)).numAffectedRows === 1n
}

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
