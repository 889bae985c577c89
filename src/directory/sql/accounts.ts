import { DuepassiError } from '../../errors.ts'
import type { Account, Directory, StandardClaims } from '../directory.ts'
import { canonicalName } from '../name.ts'
import { compiledOnce } from './compiled.ts'
import { isTaken } from './failures.ts'
import type { AccountRow, Database } from './tables.ts'
import { isText } from './text.ts'

type Accounts = Pick<Directory, 'accountById' | 'accountByName' | 'addAccount' | 'changeAccount'>

export const accountQueries = (db: Database): Accounts => ({
  accountById: byId(db),
  accountByName: byName(db),

  async addAccount(account) {
    try {
      await db.transaction().execute(async (transaction) => {
        await transaction.insertInto('account').values(rowOf(account)).execute()
        await transaction.insertInto('account_name').values(namesOf(account)).execute()
      })
    } catch (error) {
      if (isTaken(error)) {
        throw new DuepassiError('account_exists', 'the user name or e-mail address is somebody’s already')
      }
      throw error
    }
  },

  async changeAccount(id, change, expected = {}) {
    const { numUpdatedRows } = await db
      .updateTable('account')
      .set({
        id,
        ...(change.passwordHash !== undefined && { password_hash: change.passwordHash }),
        ...(change.passwordDue !== undefined && { password_due: change.passwordDue }),
        ...(change.disabledAt !== undefined && { disabled_at: change.disabledAt }),
        ...(change.name !== undefined && { name: change.name }),
        ...(change.locale !== undefined && { locale: change.locale }),
        ...(change.claims !== undefined && { claims: JSON.stringify(change.claims) }),
        ...(change.groups !== undefined && { groups: textOf(change.groups) }),
        ...(change.minimum !== undefined && { minimum: change.minimum }),
      })
      .where('id', '=', id)
      .where(({ eb, and }) =>
        and([
          ...(expected.passwordHash === undefined ? [] : [eb('password_hash', '=', expected.passwordHash)]),
          ...(expected.passwordDue === undefined
            ? []
            : [eb('password_due', expected.passwordDue === null ? 'is' : '=', expected.passwordDue)]),
        ]),
      )
      .executeTakeFirstOrThrow()
    if (numUpdatedRows === 1n) return true
    const isChanged = Object.keys(expected).length > 0 && (await byId(db)(id)) !== undefined
    if (!isChanged) throw new DuepassiError('account_unknown', 'there is no account with this id')
    return false
  },
})

const byId = (db: Database): Accounts['accountById'] => {
  const find = compiledOnce(db, (id: string) => db.selectFrom('account').selectAll().where('id', '=', id))
  return async (id) => {
    if (!isText(id)) return undefined
    const [row] = (await find(id)).rows
    return row && accountOf(row)
  }
}

const byName = (db: Database): Accounts['accountByName'] => {
  const find = compiledOnce(db, (name: string) =>
    db
      .selectFrom('account_name')
      .innerJoin('account', 'account.id', 'account_name.account_id')
      .selectAll('account')
      .where('account_name.name', '=', name),
  )
  return async (name) => {
    if (!isText(name)) return undefined
    const [row] = (await find(canonicalName(name))).rows
    return row && accountOf(row)
  }
}

/** Sorted, so that two registrations with crossed names wait for each other in one order and never deadlock. */
const namesOf = ({ id, username, email }: Account) =>
  [...new Set([username, email ?? username].map(canonicalName))]
    .sort()
    .map((name) => ({ name, account_id: id }))

/** Sorted, each once, whatever order the caller had them in. */
const textOf = (groups: Account['groups']): string => JSON.stringify([...new Set(groups)].sort())

const rowOf = (account: Account): AccountRow => ({
  id: account.id,
  username: account.username,
  email: account.email,
  name: account.name,
  password_hash: account.passwordHash,
  password_due: account.passwordDue,
  locale: account.locale,
  claims: JSON.stringify(account.claims),
  groups: textOf(account.groups),
  minimum: account.minimum,
  disabled_at: account.disabledAt,
  created_at: account.createdAt,
})

const accountOf = (row: AccountRow): Account => ({
  id: row.id,
  username: row.username,
  email: row.email,
  name: row.name,
  passwordHash: row.password_hash,
  passwordDue: row.password_due,
  locale: row.locale,
  claims: JSON.parse(row.claims) as StandardClaims,
  groups: JSON.parse(row.groups) as string[],
  minimum: row.minimum,
  disabledAt: row.disabled_at,
  createdAt: row.created_at,
})
