/**
 * What the tests need from the machine: programs, ports, folders, and the end of everything that was started.
 * A program is taken from the machine; otherwise, where the user is root on Debian, its package is installed;
 * otherwise the run fails with one line that says how to get it. Nothing is skipped.
 */
import { type ChildProcess, execFile, type SpawnOptions, spawn } from 'node:child_process'
import { existsSync, rmSync } from 'node:fs'
import { access, constants, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'

const run = promisify(execFile)
const repository = join(import.meta.dirname, '../..')

/** Debian's package of each program, and what else would do. */
const programs = {
  'redis-server': { debian: 'redis-server', otherwise: 'set REDIS_URL' },
  postgres: { debian: 'postgresql', otherwise: 'set DATABASE_URL' },
  initdb: { debian: 'postgresql', otherwise: 'set DATABASE_URL' },
  pg_ctl: { debian: 'postgresql', otherwise: 'set DATABASE_URL' },
  psql: { debian: 'postgresql', otherwise: 'set DATABASE_URL' },
  chromium: { debian: 'chromium', otherwise: 'set CHROMIUM_PATH' },
  oathtool: { debian: 'oathtool', otherwise: 'put it on the PATH' },
  ykgenerate: { debian: 'libyubikey-dev', otherwise: 'put it on the PATH' },
  'fido2-assert': { debian: 'fido2-tools', otherwise: 'put it on the PATH' },
  pskctool: { debian: 'pskctool', otherwise: 'put it on the PATH' },
  csv2pskc: { debian: 'pskc-utils', otherwise: 'put it on the PATH' },
  pskc2csv: { debian: 'pskc-utils', otherwise: 'put it on the PATH' },
  openssl: { debian: 'openssl', otherwise: 'put it on the PATH' },
  'softhsm2-util': { debian: 'softhsm2', otherwise: 'put it on the PATH' },
  'pkcs11-tool': { debian: 'opensc', otherwise: 'put it on the PATH' },
  apache2: { debian: 'apache2-bin', otherwise: 'put it on the PATH' },
  'mod_auth_openidc.so': {
    debian: 'libapache2-mod-auth-openidc',
    otherwise: 'put it beside Apache’s modules',
  },
} as const

export type Program = keyof typeof programs

/**
 * The path of a program. Installing takes up to two minutes: give the hook that calls this the time.
 *
 * @throws Error whose message is one line that says how to get the program.
 */
export async function program(name: Program): Promise<string> {
  const found = await findProgram(name)
  if (found !== undefined) return found
  const { debian, otherwise } = programs[name]
  const compose = otherwise.endsWith('_URL') ? ', or run `docker compose up`' : ''
  throw new Error(
    `The tests need ${name}: install it (Debian: apt-get install ${debian}), or ${otherwise}${compose}.`,
  )
}

const searches = new Map<Program, Promise<string | undefined>>()

/** As `program`, but answers undefined where the program is not to be had. */
export function findProgram(name: Program): Promise<string | undefined> {
  const search = searches.get(name) ?? locate(name).then((path) => path ?? install(name))
  searches.set(name, search)
  return search
}

async function locate(name: Program): Promise<string | undefined> {
  const fromEnvironment = name === 'chromium' ? process.env.CHROMIUM_PATH : undefined
  if (fromEnvironment) return fromEnvironment
  const folders = (process.env.PATH ?? '')
    .split(delimiter)
    .concat('/usr/bin', '/usr/local/bin', '/usr/sbin', '/usr/lib/apache2/modules')
  // Debian's wrappers in /usr/bin speak to system clusters; the real programs lie by version.
  if (programs[name].debian === 'postgresql') folders.unshift(...(await postgresFolders()))
  for (const folder of folders) {
    const path = join(folder, name)
    // A module is loaded, not run.
    const wanted = name.endsWith('.so') ? constants.R_OK : constants.X_OK
    const executable = await access(path, wanted).then(
      () => true,
      () => false,
    )
    if (folder !== '' && executable) return path
  }
  return undefined
}

async function postgresFolders(): Promise<string[]> {
  const versions = await readdir('/usr/lib/postgresql').catch(() => [])
  return versions.sort((a, b) => Number(b) - Number(a)).map((version) => `/usr/lib/postgresql/${version}/bin`)
}

async function install(name: Program): Promise<string | undefined> {
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) return undefined
  return alone(async () => {
    const installedMeanwhile = await locate(name)
    if (installedMeanwhile !== undefined) return installedMeanwhile
    const { debian } = programs[name]
    try {
      await withoutServices(async () => {
        await apt('update')
        await apt('install', '-y', '--no-install-recommends', debian)
      })
    } catch (error) {
      const reason =
        error instanceof Error ? error.message.replaceAll(/\s+/g, ' ').slice(0, 300) : String(error)
      throw new Error(`apt-get install ${debian} failed (${reason}); or ${programs[name].otherwise}.`)
    }
    return locate(name)
  })
}

const apt = (...options: string[]) =>
  run('/usr/bin/apt-get', ['-q', '-o', 'DPkg::Lock::Timeout=300', ...options], {
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' },
    maxBuffer: 64 * 1024 * 1024,
  })

const policy = '/usr/sbin/policy-rc.d'

/** Debian's packages start their service when installed; this policy forbids it (invoke-rc.d(8), 101: forbidden). */
async function withoutServices(installing: () => Promise<void>): Promise<void> {
  if (existsSync(policy)) {
    const forbidden = await run(policy, ['redis-server', 'start']).then(
      () => false,
      (error: { code?: unknown }) => error.code === 101,
    )
    if (!forbidden) throw new Error(`${policy} lets packages start services`)
    return installing()
  }
  await writeFile(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
  try {
    await installing()
  } finally {
    await rm(policy, { force: true })
  }
}

/** One process of the machine at a time; a lock whose holder died is taken over. */
async function alone<Result>(task: () => Promise<Result>): Promise<Result> {
  const lock = join(tmpdir(), 'duepassi-install.lock')
  const holder = join(lock, 'pid')
  let anonymous = 0
  for (;;) {
    const mine = await mkdir(lock).then(
      () => true,
      () => false,
    )
    if (mine) break
    await delay(500)
    const pid = await readFile(holder, 'utf8').catch(() => 'unknown')
    anonymous = pid === 'unknown' ? anonymous + 1 : 0
    const dead = pid !== 'unknown' && !existsSync(`/proc/${pid}`)
    if (dead || anonymous > 10) await rm(lock, { recursive: true, force: true })
  }
  await writeFile(holder, String(process.pid))
  try {
    return await task()
  } finally {
    await rm(lock, { recursive: true, force: true })
  }
}

/** Whether Docker runs, so that a service may come from `compose.yaml`. */
export const dockerRuns = (): Promise<boolean> =>
  run('docker', ['info'], { timeout: 10_000 }).then(
    () => true,
    () => false,
  )

/**
 * Starts a service of `compose.yaml` on a free port of 127.0.0.1, in a project of its own, and ends it with the run.
 * Answers the port; undefined where Docker does not run.
 */
export async function composeService(service: 'redis' | 'postgres'): Promise<number | undefined> {
  if (!(await dockerRuns())) return undefined
  const port = await freePort()
  const variable = service === 'redis' ? 'REDIS_PORT' : 'POSTGRES_PORT'
  const compose = (...options: string[]) =>
    run('docker', ['compose', '-p', `duepassi-test-${service}-${process.pid}`, ...options], {
      cwd: repository,
      env: { ...process.env, [variable]: String(port) },
    })
  onStop(async () => {
    await compose('down', '--volumes')
  })
  await compose('up', '--detach', '--wait', service)
  return port
}

const stops: (() => Promise<void>)[] = []
const children = new Map<ChildProcess, NodeJS.Signals>()
const folders: string[] = []

/** Called at the end of the run, the latest first. */
export function onStop(stop: () => Promise<void>): void {
  stops.push(stop)
}

/** Ends all that was started, then removes the temporary folders; called by the root hook `afterAll`. */
export async function stopServices(): Promise<void> {
  const failures: unknown[] = []
  for (const stop of stops.splice(0).reverse()) await stop().catch((error) => failures.push(error))
  for (const child of [...children.keys()]) await endProgram(child)
  await Promise.all(folders.splice(0).map((folder) => rm(folder, { recursive: true, force: true })))
  if (failures.length > 0) throw new AggregateError(failures, 'a service did not stop')
}

/**
 * Starts a program that ends with this run at the latest.
 *
 * @param atExit the signal it gets when this process exits without `stopServices` (PostgreSQL wants SIGQUIT).
 */
export function startProgram(
  path: string,
  options: string[],
  settings: SpawnOptions = {},
  atExit: NodeJS.Signals = 'SIGKILL',
): ChildProcess {
  const child = spawn(path, options, { stdio: 'ignore', ...settings })
  children.set(child, atExit)
  child.once('exit', () => children.delete(child))
  child.once('error', () => children.delete(child))
  return child
}

/** Sends the signal and resolves when the program is gone; after 10 s it is killed. */
export async function endProgram(child: ChildProcess, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  const gone = new Promise((resolve) => child.once('exit', resolve))
  child.kill(signal)
  child.kill('SIGCONT')
  const impatience = setTimeout(() => child.kill('SIGKILL'), 10_000)
  await gone
  clearTimeout(impatience)
}

function endAtOnce(): void {
  for (const [child, signal] of children) child.kill(signal)
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
}

process.once('exit', endAtOnce)
for (const signal of ['SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => {
    endAtOnce()
    process.kill(process.pid, signal)
  })
}

const given = new Set<number>()

/** A port of 127.0.0.1 on which nothing listens; never the same twice in one run. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = await new Promise<number>((resolve, reject) => {
      const server = createServer()
      server.once('error', reject)
      server.listen(0, '127.0.0.1', () => {
        const address = server.address()
        server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
      })
    })
    if (port > 0 && !given.has(port)) {
      given.add(port)
      return port
    }
  }
}

/** A new empty folder, removed at the end of the run. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'duepassi-'))
  folders.push(folder)
  return folder
}
