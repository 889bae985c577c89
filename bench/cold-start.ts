import { execFile } from 'node:child_process'
import { mkdir, readdir, rm, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { OwnRedis } from './redis.ts'
import { type Kind, startServer } from './server.ts'
import { median } from './statistics.ts'

const repository = join(import.meta.dirname, '..')
const compiled = join(import.meta.dirname, 'results/compiled')

export interface ColdStart {
  /** Milliseconds from spawning the process to the first discovery document. */
  milliseconds: number
  /** Resident bytes of a process that did nothing but start. */
  idleBytes: number
}

/** Both servers as JavaScript, the way a release runs: stripping types at start would count against whoever has more files. */
export const compileServers = async (): Promise<void> => {
  await rm(compiled, { recursive: true, force: true })
  await promisify(execFile)(join(repository, 'node_modules/.bin/tsc'), [
    '-p',
    join(import.meta.dirname, 'tsconfig.compiled.json'),
  ])
  await mkdir(compiled, { recursive: true })
  // What the code reads beside itself (pages, package.json) is found in the same places.
  const own = new Set(['src', 'bench', 'test', 'demo', 'node_modules', 'dist'])
  for (const name of await readdir(repository))
    if (!own.has(name) && !name.startsWith('.')) await symlink(join(repository, name), join(compiled, name))
}

/** Starts each server so often, in turns, and lets the last of each idle. */
export const measureColdStarts = async (
  servers: readonly { kind: Kind; redis: OwnRedis; folder: string }[],
  starts: number,
  idle: number,
): Promise<Map<Kind, ColdStart>> => {
  const times = new Map<Kind, number[]>()
  const idleBytes = new Map<Kind, number>()
  for (let start = 0; start < starts; start++) {
    for (const { kind, redis, folder } of servers) {
      const server = await startServer(kind, redis, { folder }, join(compiled, `bench/${kind}-server.js`))
      times.set(kind, [...(times.get(kind) ?? []), server.startup])
      if (start === starts - 1) {
        await delay(idle)
        idleBytes.set(kind, await server.memory())
      }
      await server.stop()
    }
  }
  await rm(compiled, { recursive: true, force: true })
  return new Map(
    servers.map(({ kind }) => [
      kind,
      { milliseconds: median(times.get(kind) ?? []), idleBytes: idleBytes.get(kind) ?? Number.NaN },
    ]),
  )
}
