import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { CompiledQuery, type SqliteDatabase } from 'kysely'
import { SharedConnection } from '../../src/directory/sql/sqlite-commits.ts'

const change = (id: number): CompiledQuery =>
  ({
    ...CompiledQuery.raw('insert into entry values (?)', [id]),
    query: { kind: 'InsertQueryNode' },
  }) as unknown as CompiledQuery

const count = CompiledQuery.raw('select count(*) as entries from entry')

describe('changes of one SQLite connection', () => {
  let sent: string[] = []
  let failAt: string | undefined
  let connection: SharedConnection
  let database: DatabaseSync

  const entries = async () => {
    const { rows } = await connection.execute(count)
    return (rows as { entries: number }[])[0]?.entries
  }

  beforeEach(() => {
    database = new DatabaseSync(':memory:')
    database.exec('create table entry (id integer primary key)')
    sent = []
    failAt = undefined
    const spied: SqliteDatabase = {
      prepare(sql) {
        sent.push(sql.split(' ', 1)[0] ?? '')
        if (failAt === sql) throw new Error('no space left on the disk')
        const statement = database.prepare(sql)
        return {
          reader: statement.columns().length > 0,
          all: (parameters) => statement.all(...(parameters as number[])),
          run: (parameters) => statement.run(...(parameters as number[])),
          iterate: () => [][Symbol.iterator](),
        }
      },
      close: () => database.close(),
    }
    connection = new SharedConnection(spied)
  })
  afterEach(() => database.close())

  it('that come together are committed together', async () => {
    await Promise.all([change(1), change(2), change(3)].map((one) => connection.execute(one)))
    assert.deepEqual(sent, ['begin', 'insert', 'insert', 'insert', 'commit'])
    assert.equal(await entries(), 3)
  })

  it('are not there for anybody before they are committed', async () => {
    const changed = Promise.all([change(1), change(2)].map((one) => connection.execute(one)))
    assert.equal(await entries(), 0)
    await changed
    assert.equal(await entries(), 2)
  })

  it('need no transaction when they come alone', async () => {
    await connection.execute(change(1))
    assert.deepEqual(sent, ['insert'])
  })

  it('fail for themselves', async () => {
    await connection.execute(change(2))
    const outcomes = await Promise.allSettled([1, 2, 3].map((id) => connection.execute(change(id))))
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled'],
    )
    assert.equal(await entries(), 3)
  })

  it('are all refused when the commit fails, and leave nothing', async () => {
    failAt = 'commit'
    const outcomes = await Promise.allSettled([1, 2].map((id) => connection.execute(change(id))))
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      ['rejected', 'rejected'],
    )
    assert.equal(await entries(), 0)
    failAt = undefined
    await connection.execute(change(1))
    assert.equal(await entries(), 1)
  })

  it('wait for the end of a transaction, and so does reading', async () => {
    const end = await connection.begin()
    connection.run(change(1))
    let seen: number | undefined
    const read = entries().then((number) => {
      seen = number
    })
    const changed = Promise.all([change(2), change(3)].map((one) => connection.execute(one)))
    await new Promise((resolve) => setTimeout(resolve, 20))
    assert.equal(seen, undefined)
    connection.run({ sql: 'rollback', parameters: [] })
    end()
    await read
    await changed
    assert.equal(seen, 0)
    assert.equal(await entries(), 2)
  })
})
