import assert from 'node:assert/strict'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Migrator } from 'kysely/migration'
import { migrations } from '../../src/directory/migrations/migrations.ts'
import { migrate } from '../../src/directory/sql/migrate.ts'
import { kindOf, openDatabase } from '../../src/directory/sql/open-database.ts'
import { sqlDirectory } from '../../src/directory/sql/sql-directory.ts'
import { someAccount, someDevice, someToken } from '../contracts/directory.ts'
import { temporaryFolder } from '../support/machine.ts'
import { execute, freshDatabase } from '../support/postgres.ts'
import { startNodeProcess } from './processes/node-process.ts'

const all = Object.keys(migrations('sqlite'))
const newFile = async () => `sqlite:${join(await temporaryFolder(), 'duepassi.db')}`

const executeSqlite = async (url: string, statement: string) => {
  const database = new DatabaseSync(url.replace('sqlite:', ''))
  database.exec(statement)
  database.close()
}

/** As a version of Duepassi left the database whose last migration was this one. */
const migrateTo = async (name: string, url: string) => {
  const db = openDatabase({ url, pool: 1 })
  const migrator = new Migrator({
    db,
    provider: { getMigrations: async () => migrations(kindOf(url)) },
    migrationTableName: 'duepassi_migration',
    migrationLockTableName: 'duepassi_migration_lock',
  })
  const { error } = await migrator.migrateTo(name)
  await db.destroy()
  assert.equal(error, undefined)
}

const databases = [
  { kind: 'SQLite', fresh: newFile, execute: executeSqlite },
  { kind: 'PostgreSQL', fresh: freshDatabase, execute },
]

for (const { kind, fresh, execute } of databases) {
  describe(`Migrations on ${kind}`, () => {
    before(async function () {
      this.timeout(180_000)
      await fresh()
    })

    it('run once, in order, and keep what is there', async () => {
      const url = await fresh()
      assert.deepEqual(await migrate(url), all)
      const directory = await sqlDirectory({ url })
      const account = someAccount()
      await directory.addAccount(account)
      assert.deepEqual(await directory.migrate(), [])
      assert.deepEqual(await migrate(url), [])
      assert.deepEqual(await directory.accountById(account.id), account)
      await directory.close()
    })

    it('run from the directory as well', async () => {
      const directory = await sqlDirectory({ url: await fresh() })
      await assert.rejects(directory.standing('a'), { code: 'directory_unavailable' })
      assert.deepEqual(await directory.migrate(), all)
      assert.deepEqual(await directory.standing('a'), {
        factors: [],
        marks: [],
        lockedAt: null,
        minimum: null,
      })
      await directory.close()
    })

    it('give what was there before them no handle and no group', async () => {
      const url = await fresh()
      await migrateTo('0001-tables', url)
      const { id, username, name, passwordHash } = someAccount()
      await execute(
        url,
        `insert into account (id, username, name, password_hash, created_at)
           values ('${id}', '${username}', '${name}', '${passwordHash}', 1);
         insert into account_name values ('${username}', '${id}');
         insert into credential (id, account_id, factor, label, secret, counter, created_at)
           values ('c1', '${id}', 'totp', 'iPhone', 's', 0, 1), ('c2', '${id}', 'totp', 'iPad', 's', 0, 2)`,
      )
      assert.deepEqual(await migrate(url), all.slice(1))
      const directory = await sqlDirectory({ url })
      assert.deepEqual((await directory.accountByName(username))?.groups, [])
      assert.deepEqual(
        (await directory.credentials(id)).map(({ label, handle }) => [label, handle]),
        [
          ['iPhone', null],
          ['iPad', null],
        ],
      )
      await directory.close()
    })

    it('give what was there before them no device and no minimum', async () => {
      const url = await fresh()
      await migrateTo('0002-handles-and-groups', url)
      const { id, username, name, passwordHash } = someAccount()
      await execute(
        url,
        `insert into account (id, username, name, password_hash, created_at, groups)
           values ('${id}', '${username}', '${name}', '${passwordHash}', 1, '["staff"]');
         insert into account_name values ('${username}', '${id}');
         insert into credential (id, account_id, factor, label, handle, secret, counter, created_at)
           values ('c1', '${id}', 'totp', 'iPhone', 'h', 's', 7, 1);
         insert into attempt values ('${id}', 'totp', 11, 2, 3)`,
      )
      assert.deepEqual(await migrate(url), all.slice(2))
      const directory = await sqlDirectory({ url })
      assert.deepEqual(await directory.accountByName(username), {
        ...{ id, username, name, passwordHash, email: null, locale: null, claims: {} },
        ...{ groups: ['staff'], minimum: null, passwordDue: null, disabledAt: null, createdAt: 1 },
      })
      assert.deepEqual(await directory.standing(id), {
        factors: ['totp'],
        lockedAt: 3,
        marks: ['c1 1'],
        minimum: null,
      })
      assert.equal((await directory.credentialByHandle('totp', 'h'))?.counter, 7)
      assert.deepEqual(await directory.devices(id), [])
      const device = someDevice({ accountId: id })
      await directory.addDevice(device, 10)
      assert.deepEqual(await directory.devices(id), [device])
      await directory.changeAccount(id, { minimum: 'phr' })
      assert.equal((await directory.standing(id)).minimum, 'phr')
      await directory.close()
    })

    it('give what was there before them no hardware token', async () => {
      const url = await fresh()
      await migrateTo('0003-devices', url)
      await execute(
        url,
        `insert into credential (id, account_id, factor, label, handle, secret, counter, created_at)
           values ('c1', 'a', 'hardware-token', 'Token', 't-1', 's', 7, 1)`,
      )
      assert.deepEqual(await migrate(url), all.slice(3))
      const directory = await sqlDirectory({ url })
      assert.deepEqual(await directory.tokens(), [])
      assert.equal((await directory.credentialByHandle('hardware-token', 't-1'))?.counter, 7)
      const token = someToken({ serial: 't-1', accountId: 'a' })
      await directory.addTokens([token])
      assert.deepEqual(await directory.tokens('a'), [token])
      assert.equal(await directory.removeTokens(['t-1']), 1)
      assert.equal((await directory.credentials('a')).length, 1)
      await directory.close()
    })

    it('give what was there before them no demand for a new password', async () => {
      const url = await fresh()
      await migrateTo('0004-tokens', url)
      const { id, username, name, passwordHash } = someAccount()
      await execute(
        url,
        `insert into account (id, username, name, password_hash, created_at)
           values ('${id}', '${username}', '${name}', '${passwordHash}', 1);
         insert into account_name values ('${username}', '${id}')`,
      )
      assert.deepEqual(await migrate(url), all.slice(4))
      const directory = await sqlDirectory({ url })
      assert.equal((await directory.accountByName(username))?.passwordDue, null)
      await directory.changeAccount(id, { passwordDue: 5 })
      assert.equal((await directory.accountById(id))?.passwordDue, 5)
      await directory.close()
    })

    it('leave nothing half done when one fails', async () => {
      const url = await fresh()
      await execute(url, 'create table audit_event (other text)')
      await assert.rejects(migrate(url), { code: 'directory_unavailable' })
      await execute(url, 'drop table audit_event')
      assert.deepEqual(await migrate(url), all)
    })

    it('of a newer version are refused, by the directory and by migrating, in words', async () => {
      const url = await fresh()
      const open = await sqlDirectory({ url })
      await open.migrate()
      await execute(
        url,
        "insert into duepassi_migration values ('9999-of-tomorrow', '2099-01-01T00:00:00.000Z')",
      )
      const refused = { code: 'not_configured', message: /newer version of Duepassi \(9999-of-tomorrow\)/ }
      await assert.rejects(sqlDirectory({ url }), refused)
      await assert.rejects(migrate(url), refused)
      await assert.rejects(open.migrate(), refused)
      await open.close()
    })
  })
}

describe('Migrations of many nodes at once', () => {
  it('run in one of 4 processes on a SQLite file', async function () {
    this.timeout(60_000)
    const url = await newFile()
    const nodes = await Promise.all(Array.from({ length: 4 }, startNodeProcess))
    const answers = await Promise.all(nodes.map((node) => node.run({ verb: 'migrate', url })))
    assert.deepEqual(
      answers.flatMap(({ ran }) => ran),
      all,
    )
    await Promise.all(nodes.map((node) => node.end()))
  })

  it('run in one of 10 connections to PostgreSQL', async function () {
    this.timeout(60_000)
    const url = await freshDatabase()
    const ran = await Promise.all(Array.from({ length: 10 }, () => migrate(url)))
    assert.deepEqual(ran.flat(), all)
    assert.equal(ran.filter((names) => names.length > 0).length, 1)
  })
})
