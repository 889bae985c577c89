import assert from 'node:assert/strict'
import { existsSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { sql } from 'kysely'
import { openDatabase } from '../../src/directory/sql/open-database.ts'
import { sqlDirectory } from '../../src/directory/sql/sql-directory.ts'
import {
  directoryContract,
  failedOnce,
  refusesEverything,
  someAccount,
  someCredential,
  someDevice,
  someTrust,
} from '../contracts/directory.ts'
import { temporaryFolder } from '../support/machine.ts'

const newFile = async () => join(await temporaryFolder(), 'new', 'folder', 'duepassi.db')

async function openFile(file: string) {
  const directory = await sqlDirectory({ url: `sqlite:${file}` })
  await directory.migrate()
  return directory
}

directoryContract('SQLite in memory', async () => {
  const directory = await sqlDirectory({ url: 'sqlite::memory:' })
  await directory.migrate()
  return [directory, directory]
})

directoryContract('SQLite in a file', async () => {
  const file = await newFile()
  return [await openFile(file), await openFile(file)]
})

describe('SQLite file', () => {
  it('is made with its folder, for its owner alone', async () => {
    const file = await newFile()
    const directory = await openFile(file)
    for (const path of [file, `${file}-wal`]) assert.equal(statSync(path).mode & 0o777, 0o600, path)
    await directory.close()
  })

  it('is synced at each commit, in write-ahead mode', async () => {
    const db = openDatabase({ url: `sqlite:${await newFile()}` })
    const journal = await sql`pragma journal_mode`.execute(db)
    assert.deepEqual(
      journal.rows.map((row) => ({ ...(row as object) })),
      [{ journal_mode: 'wal' }],
    )
    const synchronous = await sql`pragma synchronous`.execute(db)
    assert.deepEqual(
      synchronous.rows.map((row) => ({ ...(row as object) })),
      [{ synchronous: 2 }],
      'not FULL',
    )
    await db.destroy()
  })

  it('still holds after a restart what was promised before', async () => {
    const file = await newFile()
    const [account, credential] = [someAccount(), someCredential({ counter: 1 })]
    const device = someDevice({ trust: someTrust() })
    const first = await openFile(file)
    await first.addAccount(account)
    await first.addCredential(credential)
    await first.spend(credential.id, 1, 2, 3)
    await first.changeAttempts(account.id, 'totp', failedOnce)
    await first.addDevice(device, 10)
    await first.endTrust(device.accountId)
    await first.close()

    const second = await openFile(file)
    assert.equal(await second.spend(credential.id, 1, 2, 3), false)
    assert.equal((await second.changeAttempts(account.id, 'totp', (state) => state)).before.failures, 1)
    assert.deepEqual(await second.accountByName(account.username), account)
    assert.deepEqual(await second.devices(device.accountId), [{ ...device, trust: null }])
    await second.close()
  })

  it('refuses everything once closed, however often', async () => {
    const directory = await openFile(await newFile())
    await directory.close()
    await directory.close()
    await refusesEverything(directory)
  })

  it('refuses, and does not wait for ever, while another process holds it; then heals', async function () {
    this.timeout(20_000)
    const file = await newFile()
    const directory = await openFile(file)
    const holder = new DatabaseSync(file)
    holder.exec('begin immediate')
    await assert.rejects(directory.spend('c', 0, 1, 1), { code: 'directory_unavailable' })
    holder.exec('rollback')
    holder.close()
    assert.equal(await directory.spend('c', 0, 1, 1), false)
    await directory.close()
  })

  it('that is no database is refused, and left as it is', async () => {
    const file = join(await temporaryFolder(), 'letter.txt')
    writeFileSync(file, 'Dear Maria, this is not a database. '.repeat(100))
    await assert.rejects(sqlDirectory({ url: `sqlite:${file}` }), { code: 'directory_unavailable' })
    assert.ok(existsSync(file))
  })
})

it('an address that is neither SQLite nor PostgreSQL is refused without being quoted', async () => {
  for (const url of ['mysql://user:hunter2@host/db', 'sqlite:', 'postgres://user:hunter2@host:port/db']) {
    await assert.rejects(sqlDirectory({ url }), (error: Error & { code?: string }) => {
      assert.equal(error.code, 'not_configured')
      assert.doesNotMatch(`${error.stack} ${String(error.cause)}`, /hunter2/)
      return true
    })
  }
})
