import assert from 'node:assert/strict'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type SqlDirectory, sqlDirectory } from '../../src/directory/sql/sql-directory.ts'
import { someDevice, someTrust } from '../contracts/directory.ts'
import { temporaryFolder } from '../support/machine.ts'
import { execute, freshDatabase } from '../support/postgres.ts'

const executeSqlite = async (url: string, statement: string) => {
  const database = new DatabaseSync(url.replace('sqlite:', ''))
  database.exec(statement)
  database.close()
}

const databases = [
  {
    kind: 'SQLite',
    fresh: async () => `sqlite:${join(await temporaryFolder(), 'duepassi.db')}`,
    execute: executeSqlite,
  },
  { kind: 'PostgreSQL', fresh: freshDatabase, execute },
]

const broken: [column: string, json: string][] = [
  ['trust', ''],
  ['trust', '{"until":1'],
  ['trust', 'null'],
  ['trust', '{}'],
  ['trust', '{"mark":"m","factors":["totp"],"key":null}'],
  ['trust', '{"until":"9","mark":"m","factors":["totp"],"key":null}'],
  ['trust', '{"until":9,"mark":"m","factors":"totp","key":null}'],
  ['trust', '{"until":9,"mark":"m","factors":["totp"]}'],
  ['seen', 'Via Roma 1, Forlì'],
  ['seen', 'null'],
  ['seen', '{"address":"192.0.2.7"}'],
  ['countries', 'IT'],
  ['countries', 'null'],
  ['countries', '"IT"'],
  ['countries', '[1]'],
]

for (const { kind, fresh, execute } of databases) {
  describe(`A device on ${kind} whose record is broken`, () => {
    let url: string
    let directory: SqlDirectory

    before(async function () {
      this.timeout(180_000)
      url = await fresh()
      directory = await sqlDirectory({ url })
      await directory.migrate()
    })

    after(() => directory.close())

    for (const [column, json] of broken) {
      it(`is refused, not taken for another, and can be forgotten: ${column} ${json}`, async () => {
        const device = someDevice({ trust: someTrust() })
        const { accountId } = device
        await directory.addDevice(device, 10)
        await directory.addDevice(someDevice({ accountId }), 10)
        await execute(url, `update device set ${column} = '${json}' where id = '${device.id}'`)
        await assert.rejects(directory.devices(accountId), (error: Error & { code?: string }) => {
          assert.equal(error.code, 'directory_unavailable')
          // The record says where somebody was, and an error may end in a log.
          assert.equal(error.cause, undefined)
          assert.ok(json === '' || !error.message.includes(json))
          return true
        })
        assert.equal(await directory.removeDevices(accountId), 2)
        assert.deepEqual(await directory.devices(accountId), [])
      })
    }

    it('may hold what a newer version writes as well', async () => {
      const device = someDevice({ trust: someTrust() })
      await directory.addDevice(device, 10)
      const trust = JSON.stringify({ ...device.trust, ofTomorrow: true })
      await execute(url, `update device set trust = '${trust}' where id = '${device.id}'`)
      assert.deepEqual(await directory.devices(device.accountId), [device])
    })
  })
}

describe('Devices of an account on PostgreSQL', () => {
  let url: string
  let directory: SqlDirectory

  before(async function () {
    this.timeout(180_000)
    url = await freshDatabase()
    directory = await sqlDirectory({ url })
    await directory.migrate()
  })

  after(() => directory.close())

  const verbs: [string, (accountId: string, ids: string[]) => Promise<unknown>][] = [
    ['endTrust', (accountId) => directory.endTrust(accountId)],
    ['removeDevices', (accountId) => directory.removeDevices(accountId)],
    ['removeDevices by name', (accountId, ids) => directory.removeDevices(accountId, ids)],
  ]
  for (const [name, verb] of verbs) {
    it(`are locked in the order of their ids, not of their rows, by ${name}: nobody deadlocks`, async function () {
      this.timeout(20_000)
      const accountId = name
      const ids = ['c', 'b', 'a'].map((letter) => `${letter} ${name}`)
      for (const id of ids) await directory.addDevice(someDevice({ id, accountId, trust: someTrust() }), 10)
      const lock = (id = '') => `select id from device where id = '${id}' for update`
      const other = execute(
        url,
        `begin; ${lock(ids[2])}; select pg_sleep(0.7); ${lock(ids[1])}; ${lock(ids[0])}; commit`,
      )
      const sleeping =
        "select 1 from pg_stat_activity where wait_event = 'PgSleep' and datname = current_database()"
      while ((await execute(url, sleeping)).length === 0)
        await new Promise((resolve) => setTimeout(resolve, 20))
      assert.equal(await verb(accountId, ids), 3)
      await other
    })
  }
})
