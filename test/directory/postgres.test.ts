import assert from 'node:assert/strict'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { pino } from 'pino'
import { type SqlDirectory, sqlDirectory } from '../../src/directory/sql/sql-directory.ts'
import { directoryContract, failedOnce, refusesEverything, someCredential } from '../contracts/directory.ts'
import { execute, freshDatabase, type PostgresServer, startPostgres } from '../support/postgres.ts'

directoryContract('PostgreSQL', async () => {
  const url = await freshDatabase()
  const [one, two] = [await sqlDirectory({ url }), await sqlDirectory({ url })]
  await one.migrate()
  return [one, two]
})

describe('PostgreSQL that goes away', () => {
  let server: PostgresServer
  let directory: SqlDirectory
  const logged: string[] = []

  before(async function () {
    this.timeout(180_000)
    server = await startPostgres()
    const log = pino({ level: 'trace' }, { write: (line: string) => void logged.push(line) })
    directory = await sqlDirectory({ url: server.url, pool: 4, log })
    await directory.migrate()
  })

  after(async () => {
    await directory.close()
    await server.stop()
  })

  it('refuses everything while it is down, heals when it is back, and has forgotten nothing', async function () {
    this.timeout(60_000)
    const credential = someCredential({ counter: 1 })
    await directory.addCredential(credential)
    assert.equal(await directory.spend(credential.id, 1, 2, 3), true)
    await directory.changeAttempts(credential.accountId, 'totp', failedOnce)
    await Promise.all(Array.from({ length: 4 }, () => directory.ping()))

    await server.stop()
    await refusesEverything(directory)
    await assert.rejects(sqlDirectory({ url: server.url }), { code: 'directory_unavailable' })
    assert.ok(logged.some((line) => line.includes('a database connection was lost')))

    await server.start()
    assert.equal(await directory.spend(credential.id, 1, 2, 3), false)
    assert.equal((await directory.credentials(credential.accountId))[0]?.counter, 2)
    const { before } = await directory.changeAttempts(credential.accountId, 'totp', (state) => state)
    assert.equal(before.failures, 1)
  })

  it('refuses what was under way when it died, and stays alive', async function () {
    this.timeout(60_000)
    const credential = someCredential()
    await directory.addCredential(credential)
    const blocker = execute(server.url, 'begin; lock table credential; select pg_sleep(60)').catch(
      () => 'ended',
    )
    await waitForLock(server.url)
    const underWay = assert.rejects(directory.spend(credential.id, 0, 1, 1), {
      code: 'directory_unavailable',
    })
    await server.stop()
    await underWay
    assert.equal(await blocker, 'ended')
    await server.start()
    assert.equal(await directory.spend(credential.id, 0, 1, 1), true)
  })

  it('gives up a statement that takes too long, and waiting for a connection', async function () {
    this.timeout(60_000)
    const blocker = execute(server.url, 'begin; lock table credential; select pg_sleep(60)').catch(
      () => 'ended',
    )
    await waitForLock(server.url)
    const started = performance.now()
    const spending = Promise.allSettled(Array.from({ length: 4 }, () => directory.spend('c', 0, 1, 1)))
    await assert.rejects(directory.ping(), { code: 'directory_unavailable' })
    for (const outcome of await spending) {
      assert.equal(outcome.status === 'rejected' && outcome.reason.code, 'directory_unavailable')
    }
    assert.ok(performance.now() - started < 15_000, 'not within seconds')
    await execute(
      server.url,
      "select pg_terminate_backend(pid) from pg_stat_activity where query like 'begin; lock%'",
    )
    assert.equal(await blocker, 'ended')
    assert.equal(await directory.spend('c', 0, 1, 1), false)
  })

  it('refuses everything once closed, however often', async () => {
    const other = await sqlDirectory({ url: server.url })
    await other.close()
    await other.close()
    await refusesEverything(other)
  })
})

describe('PostgreSQL that falls silent', () => {
  it('refuses within seconds, throws the mute connection away, and heals', async function () {
    this.timeout(60_000)
    const { hostname, port, ...address } = split(await freshDatabase())
    const wire = await silencer(hostname, port)
    const directory = await sqlDirectory({ url: address.through(wire.port), pool: 1 })
    try {
      await directory.migrate()
      wire.silence()
      const unavailable = { code: 'directory_unavailable' }
      await Promise.all([
        assert.rejects(directory.ping(), unavailable),
        assert.rejects(sqlDirectory({ url: address.through(wire.port) }), unavailable),
      ])
      wire.speak()
      await directory.ping()
      assert.equal(await directory.spend('c', 0, 1, 1), false)
    } finally {
      await wire.close()
      await directory.close()
    }
  })
})

function split(url: string) {
  const { hostname, port } = new URL(url)
  const through = (other: number) => {
    const changed = new URL(url)
    changed.hostname = '127.0.0.1'
    changed.port = String(other)
    return changed.href
  }
  return { hostname, port: Number(port || 5432), through }
}

/** A wire to the database that can swallow what it should carry, without closing: as a lost route does. */
async function silencer(host: string, port: number) {
  let silent = false
  const sockets = new Set<Socket>()
  const server: Server = createServer((client) => {
    const upstream = connect(port, host)
    const mute = silent
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from)
      from.on('data', (data) => void (silent || mute || to.write(data)))
      from.on('close', () => to.destroy())
      from.on('error', () => to.destroy())
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  assert.ok(address !== null && typeof address === 'object')
  return {
    port: address.port,
    silence: () => {
      silent = true
    },
    /** New connections are carried again; those that lost data stay as they are. */
    speak: () => {
      silent = false
    },
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve))
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}

async function waitForLock(url: string): Promise<void> {
  const held = `select 1 from pg_locks where mode = 'AccessExclusiveLock' and granted
    and relation = 'credential'::regclass`
  while ((await execute(url, held)).length === 0) await new Promise((resolve) => setTimeout(resolve, 20))
}
