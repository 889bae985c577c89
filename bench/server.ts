import type { ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { request } from 'undici'
import { endProgram, freePort, startProgram } from '../test/support/machine.ts'
import type { Question, Reply } from './child.ts'
import type { OwnRedis } from './redis.ts'
import type { ServerSettings } from './setup.ts'

export type Kind = 'bare' | 'duepassi'

/** A measured server: a process and its Redis. */
export interface MeasuredServer {
  origin: string
  redis: OwnRedis
  /** Milliseconds of CPU of the process (all threads) and its Redis since their start. */
  cpu(): Promise<number>
  /** Resident bytes of the process. */
  memory(): Promise<number>
  /** Milliseconds from spawning the process to the first answer 200 of the discovery document. */
  startup: number
  stop(): Promise<void>
}

/** `script` is the server's code: TypeScript, unless a compiled copy is named. Resolves when it answers. */
export const startServer = async (
  kind: Kind,
  redis: OwnRedis,
  settings: Omit<ServerSettings, 'port' | 'redisUrl'>,
  script = join(import.meta.dirname, `${kind}-server.ts`),
): Promise<MeasuredServer> => {
  const port = await freePort()
  const origin = `http://127.0.0.1:${port}`
  const spawned = performance.now()
  const child = startProgram(process.execPath, [script], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    env: {
      ...process.env,
      NODE_ENV: 'production',
      BENCH_SERVER: JSON.stringify({ ...settings, port, redisUrl: redis.url }),
    },
  })
  await firstAnswer(child, origin)
  const startup = performance.now() - spawned
  const ask = createAsking(child)
  return {
    origin,
    redis,
    startup,
    cpu: async () => (await ask('cpu')) + (await redis.cpu()),
    memory: () => ask('memory'),
    stop: () => endProgram(child),
  }
}

const firstAnswer = async (child: ChildProcess, origin: string): Promise<void> => {
  for (;;) {
    if (child.exitCode !== null || child.signalCode !== null)
      throw new Error('a server ended while it started')
    const status = await request(`${origin}/.well-known/openid-configuration`).then(
      async ({ statusCode, body }) => {
        await body.dump()
        return statusCode
      },
      () => 0,
    )
    if (status === 200) return
    await delay(3)
  }
}

const createAsking = (child: ChildProcess) => {
  const waiting = new Map<number, (value: number) => void>()
  let last = 0
  child.on('message', ({ id, value }: Reply) => {
    waiting.get(id)?.(value)
    waiting.delete(id)
  })
  return (what: Question['ask']): Promise<number> =>
    new Promise((resolve, reject) => {
      const question: Question = { id: ++last, ask: what }
      waiting.set(question.id, resolve)
      child.send(question, (error) => {
        if (error !== null) reject(error)
      })
    })
}
