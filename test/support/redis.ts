import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createConnection } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
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

let shared: Promise<string> | undefined

/**
 * The Redis that the tests share: `REDIS_URL`, or one started for this run. It may be somebody's: put a random prefix
 * before every key, and never flush it.
 */
export function redisUrl(): Promise<string> {
  shared ??= startShared()
  return shared
}

async function startShared(): Promise<string> {
  if (process.env.REDIS_URL) return process.env.REDIS_URL
  if ((await findProgram('redis-server')) === undefined) {
    const port = await composeService('redis')
    if (port !== undefined) return `redis://127.0.0.1:${port}`
  }
  return (await startRedis()).url
}

export interface PrivateRedis {
  url: string
  port: number
  stop(): Promise<void>
  /** SIGSTOP: connections stay open, nothing is answered. */
  pause(): void
  resume(): void
  /** SIGKILL: gone at once, with everything it held. */
  kill(): Promise<void>
}

/** A Redis of one's own, empty, without persistence, for tests that hurt it. */
export async function startRedis(options: { port?: number } = {}): Promise<PrivateRedis> {
  const port = options.port ?? (await freePort())
  const child = await spawnRedis(port, ['--save', '', '--appendonly', 'no'])
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    stop: () => endProgram(child),
    pause: () => void child.kill('SIGSTOP'),
    resume: () => void child.kill('SIGCONT'),
    kill: () => endProgram(child, 'SIGKILL'),
  }
}

export interface RedisNode {
  host: string
  port: number
}

/** Three masters that share the 16384 slots. */
export async function startRedisCluster(): Promise<{ nodes: RedisNode[]; servers: PrivateRedis[] }> {
  const servers = await Promise.all([0, 1, 2].map(() => startClusterNode()))
  const slots = [
    [0, 5460],
    [5461, 10922],
    [10923, 16383],
  ]
  const [first] = servers as [PrivateRedis, ...PrivateRedis[]]
  for (const [index, server] of servers.entries()) {
    const [from, to] = slots[index] as [number, number]
    await command(server.port, ['CLUSTER', 'ADDSLOTSRANGE', String(from), String(to)])
    await command(server.port, ['CLUSTER', 'SET-CONFIG-EPOCH', String(index + 1)])
  }
  for (const server of servers.slice(1)) {
    await command(first.port, ['CLUSTER', 'MEET', '127.0.0.1', String(server.port)])
  }
  for (const server of servers) {
    await until(async () => {
      const info = await command(server.port, ['CLUSTER', 'INFO'])
      return info.includes('cluster_state:ok') && info.includes('cluster_known_nodes:3')
    })
  }
  return { nodes: servers.map(({ port }) => ({ host: '127.0.0.1', port })), servers }
}

async function startClusterNode(): Promise<PrivateRedis> {
  // The bus listens on the port plus 10000.
  let port = await freePort()
  while (port >= 55_535) port = await freePort()
  const child = await spawnRedis(port, [
    '--save',
    '',
    '--appendonly',
    'no',
    '--cluster-enabled',
    'yes',
    '--cluster-config-file',
    'nodes.conf',
    '--cluster-node-timeout',
    '2000',
  ])
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    stop: () => endProgram(child),
    pause: () => void child.kill('SIGSTOP'),
    resume: () => void child.kill('SIGCONT'),
    kill: () => endProgram(child, 'SIGKILL'),
  }
}

export interface SentinelGroup {
  sentinels: RedisNode[]
  /** Name of the master group. */
  master: string
  password: string
  /** Ends the master at once; the replica takes over within a few seconds. */
  killMaster(): Promise<void>
}

/** A master, its replica and one sentinel, all with a password. */
export async function startSentinel(): Promise<SentinelGroup> {
  const password = 'sentinel-test'
  const [masterPort, replicaPort, sentinelPort] = [await freePort(), await freePort(), await freePort()]
  const secured = ['--save', '', '--appendonly', 'no', '--requirepass', password, '--masterauth', password]
  const master = await spawnRedis(masterPort, secured)
  await spawnRedis(replicaPort, [...secured, '--replicaof', `127.0.0.1 ${masterPort}`])
  await until(async () =>
    (await command(replicaPort, ['INFO', 'replication'], password)).includes('master_link_status:up'),
  )
  const configuration = join(await temporaryFolder(), 'sentinel.conf')
  await writeFile(
    configuration,
    [
      `requirepass ${password}`,
      `sentinel monitor group 127.0.0.1 ${masterPort} 1`,
      `sentinel auth-pass group ${password}`,
      'sentinel down-after-milliseconds group 500',
      'sentinel failover-timeout group 2000',
      '',
    ].join('\n'),
  )
  await spawnRedis(sentinelPort, ['--sentinel'], configuration)
  await until(async () =>
    (await command(sentinelPort, ['SENTINEL', 'master', 'group'], password)).includes(
      'num-slaves\r\n$1\r\n1',
    ),
  )
  return {
    sentinels: [{ host: '127.0.0.1', port: sentinelPort }],
    master: 'group',
    password,
    killMaster: () => endProgram(master, 'SIGKILL'),
  }
}

async function spawnRedis(port: number, options: string[], configuration?: string): Promise<ChildProcess> {
  const path = await program('redis-server')
  const folder = await temporaryFolder()
  const child = startProgram(path, [
    ...(configuration ? [configuration] : []),
    '--port',
    String(port),
    '--bind',
    '127.0.0.1',
    '--dir',
    folder,
    ...options,
  ])
  onStop(() => endProgram(child, 'SIGKILL'))
  const failed = once(child, 'exit').then(() => {
    throw new Error(`redis-server on port ${port} ended while starting`)
  })
  failed.catch(() => {})
  await Promise.race([
    failed,
    until(() =>
      command(port, ['PING']).then(
        (reply) => /^[+-]/.test(reply),
        () => false,
      ),
    ),
  ])
  return child
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + 15_000
  while (!(await holds())) {
    if (Date.now() > end) throw new Error('Redis did not get ready within 15 s')
    await delay(50)
  }
}

/** One command over a connection of its own; the raw reply. The client under test is not used to judge itself. */
export function command(port: number, words: string[], password?: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(port, '127.0.0.1')
    let reply = ''
    socket.setEncoding('utf8')
    socket.on('data', (text: string) => {
      reply += text
      // A sentinel knows no QUIT.
      if (reply.includes("unknown command 'QUIT'")) socket.end()
    })
    socket.on('error', reject)
    socket.on('close', () => resolve(password === undefined ? reply : reply.replace(/^\+OK\r\n/, '')))
    const all = [...(password === undefined ? [] : [['AUTH', password]]), words, ['QUIT']]
    const encode = (line: string[]) =>
      `*${line.length}\r\n${line.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`
    socket.write(all.map(encode).join(''))
  })
}
