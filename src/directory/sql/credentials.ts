import { sql } from 'kysely'
import { DuepassiError } from '../../errors.ts'
import type { Credential, Directory } from '../directory.ts'
import { markOf } from '../mark.ts'
import type { DatabaseKind } from '../migrations/migrations.ts'
import { compiledOnce } from './compiled.ts'
import { isTaken } from './failures.ts'
import { removal } from './remove-credentials.ts'
import type { CredentialRow, Database } from './tables.ts'
import { isText } from './text.ts'

type Credentials = Pick<
  Directory,
  | 'standing'
  | 'credentials'
  | 'addCredential'
  | 'spend'
  | 'credentialByHandle'
  | 'changeCredential'
  | 'removeCredentials'
>

export const credentialQueries = (db: Database, kind: DatabaseKind): Credentials => ({
  standing: standing(db),
  credentials: ofAccount(db),

  async addCredential(credential) {
    try {
      await db.insertInto('credential').values(rowOf(credential)).execute()
    } catch (error) {
      if (isTaken(error))
        throw new DuepassiError('credential_exists', 'a credential with this id or handle exists')
      throw error
    }
  },

  spend: spend(db),

  credentialByHandle: byHandle(db),

  async changeCredential(accountId, credentialId, { label, secret }) {
    if (!isText(credentialId)) return false
    const { numUpdatedRows } = await db
      .updateTable('credential')
      .set({
        id: credentialId,
        ...(label !== undefined && { label }),
        ...(secret !== undefined && { secret }),
      })
      .where('account_id', '=', accountId)
      .where('id', '=', credentialId)
      .executeTakeFirstOrThrow()
    return numUpdatedRows === 1n
  },

  removeCredentials: removal(db, kind),
})

const standing = (db: Database): Credentials['standing'] => {
  // Who has no row in `account` has no minimum: a host of the plugin keeps its own accounts.
  const find = compiledOnce(db, (accountId: string) => ({
    compile: () =>
      sql<StandingRow>`
        select factor, id, created_at, cast(null as bigint) as locked_at, cast(null as text) as minimum
          from credential where account_id = ${accountId}
        union all
        select null, null, null, min(locked_at), null from attempt where account_id = ${accountId}
        union all
        select null, null, null, null, minimum from account where id = ${accountId}
      `.compile(db),
  }))
  return async (accountId) => {
    const { rows } = await find(accountId)
    return {
      factors: [...new Set(rows.flatMap((row) => row.factor ?? []))].sort(),
      marks: rows.flatMap(({ id, created_at: createdAt }) =>
        id === null || createdAt === null ? [] : markOf({ id, createdAt }),
      ),
      lockedAt: rows.find((row) => row.locked_at !== null)?.locked_at ?? null,
      minimum: rows.find((row) => row.minimum !== null)?.minimum ?? null,
    }
  }
}

/** A credential, or the lock, or the minimum; the others null. */
interface StandingRow {
  factor: string | null
  id: string | null
  created_at: number | null
  locked_at: number | null
  minimum: string | null
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

const byHandle = (db: Database): Credentials['credentialByHandle'] => {
  const find = compiledOnce(db, (factor: string, handle: string) =>
    db.selectFrom('credential').selectAll().where('factor', '=', factor).where('handle', '=', handle),
  )
  return async (factor, handle) => {
    if (!isText(handle)) return undefined
    const [row] = (await find(factor, handle)).rows
    return row && credentialOf(row)
  }
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
  handle: credential.handle,
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
  handle: row.handle,
  secret: row.secret,
  counter: row.counter,
  createdAt: row.created_at,
  lastUsedAt: row.last_used_at,
})
