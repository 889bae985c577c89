/**
 * PostgreSQL for the tests: the server of DATABASE_URL; otherwise a private cluster in a temporary folder, from the
 * machine's programs; otherwise the compose file's. Test files never share a database: `freshDatabase`.
 */
import { type ChildProcess, execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chown, open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { Client } from 'pg'
import {
  composeService,
  endProgram,
  findProgram,
  freePort,
  onStop,
  program,
  startProgram,
  temporaryFolder,
} from './machine.ts'

const run = promisify(execFile)

let shared: Promise<string> | undefined

/** The address of a server on which databases may be created; one per run. */
export function databaseUrl(): Promise<string> {
  shared ??= process.env.DATABASE_URL ? Promise.resolve(process.env.DATABASE_URL) : someServer()
  return shared
}

/** The address of a new empty database, dropped at the end of the run. */
export async function freshDatabase(): Promise<string> {
  const server = await databaseUrl()
  const name = `duepassi_test_${randomBytes(8).toString('hex')}`
  await execute(server, `create database ${name}`)
  onStop(async () => {
    await execute(server, `drop database if exists ${name} with (force)`)
  })
  const url = new URL(server)
  url.pathname = `/${name}`
  return url.href
}

/** Runs SQL at the address and answers the rows. */
export async function execute(
  url: string,
  statement: string,
  parameters: unknown[] = [],
): Promise<unknown[]> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 5_000 })
  client.on('error', () => {})
  await client.connect()
  try {
    return (await client.query(statement, parameters)).rows
  } finally {
    await client.end()
  }
}

export interface PostgresServer {
  url: string
  /** Ends it at once, as a crash would, and resolves when it is gone. */
  stop(): Promise<void>
  /** Starts it again on the same port, with what it had committed. */
  start(): Promise<void>
}

/** A private server for one test file, to be stopped and started; ended with the run at the latest. */
export async function startPostgres(): Promise<PostgresServer> {
  const [initdb, postgres] = [await program('initdb'), await program('postgres')]
  const folder = await temporaryFolder()
  const port = await freePort()
  const user = await serverUser()
  if (user.uid !== undefined && user.gid !== undefined) await chown(folder, user.uid, user.gid)
  const settings = { ...user, cwd: folder, env: { PATH: process.env.PATH, LC_ALL: 'C' } }
  const data = join(folder, 'data')
  await run(initdb, ['-D', data, '-U', 'duepassi', '-A', 'trust', '-E', 'UTF8', '--no-sync'], settings)

  const url = `postgres://duepassi@127.0.0.1:${port}/postgres`
  let server: ChildProcess | undefined
  const start = async () => {
    const log = await open(join(folder, 'log'), 'a')
    const options = ['fsync=off', 'listen_addresses=127.0.0.1', 'unix_socket_directories=']
    const flags = options.flatMap((option) => ['-c', option])
    server = startProgram(
      postgres,
      ['-D', data, '-p', String(port), ...flags],
      { ...settings, stdio: ['ignore', log.fd, log.fd] },
      'SIGQUIT',
    )
    await log.close()
    await answers(url, server, join(folder, 'log'))
  }
  // SIGQUIT: immediate shutdown (PostgreSQL manual, "Shutting Down the Server"); SIGTERM would wait for clients.
  const stop = async () => {
    if (server) await endProgram(server, 'SIGQUIT')
  }
  onStop(stop)
  await start()
  return { url, stop, start }
}

async function someServer(): Promise<string> {
  if ((await findProgram('postgres')) !== undefined) return (await startPostgres()).url
  const port = await composeService('postgres')
  if (port !== undefined) return `postgres://duepassi:duepassi@127.0.0.1:${port}/duepassi`
  // Says how to get it.
  return program('postgres')
}

/** PostgreSQL refuses to run as root: it gets its Debian user, or nobody. */
async function serverUser(): Promise<{ uid?: number; gid?: number }> {
  if (process.getuid?.() !== 0) return {}
  const lines = (await readFile('/etc/passwd', 'utf8')).split('\n').map((line) => line.split(':'))
  const entry = lines.find(([name]) => name === 'postgres') ?? lines.find(([name]) => name === 'nobody')
  if (!entry)
    throw new Error('PostgreSQL needs a user other than root: create `postgres`, or set DATABASE_URL.')
  return { uid: Number(entry[2]), gid: Number(entry[3]) }
}

async function answers(url: string, server: ChildProcess, log: string): Promise<void> {
  const deadline = Date.now() + 30_000
  for (;;) {
    const failure = await execute(url, 'select 1').then(
      () => undefined,
      (error: unknown) => error,
    )
    if (failure === undefined) return
    if (server.exitCode !== null || server.signalCode !== null || Date.now() > deadline) {
      throw new Error(`PostgreSQL did not start:\n${await readFile(log, 'utf8')}`, { cause: failure })
    }
    await delay(50)
  }
}
