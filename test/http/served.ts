import { Registry } from 'prom-client'
import { type Config, schema } from '../../src/config/schema.ts'
import { type Listening, listen, type Served } from '../../src/http/server.ts'
import { createLog } from '../../src/log.ts'

export interface Stage {
  listening: Listening
  /** Parsed log lines, as they come. */
  lines: Record<string, unknown>[]
  closed: () => number
}

const started: Stage[] = []

/** A server on a free port around a handler; `stopAll` ends it. */
export const serveHandler = async (
  handler: Served['handler'],
  {
    config = {},
    ready = async () => ({ store: 'ok', directory: 'ok' }),
    patience = 10_000,
  }: {
    config?: Record<string, unknown>
    ready?: Served['ready']
    patience?: number
  } = {},
): Promise<Stage> => {
  const lines: Record<string, unknown>[] = []
  let closed = 0
  const served: Served = {
    handler,
    ready,
    registry: new Registry(),
    close: async () => {
      closed += 1
    },
  }
  const log = createLog('trace', { write: (line) => void lines.push(JSON.parse(line)) })
  const listening = await listen(served, configFor(config), log, { patience })
  const stage = { listening, lines, closed: () => closed }
  started.push(stage)
  return stage
}

export const configFor = (over: Record<string, unknown> = {}): Config =>
  schema.parse({ mode: 'demo', issuer: 'http://localhost:3000', listen: { port: 0 }, ...over })

export const stopAll = async (): Promise<void> => {
  await Promise.all(started.splice(0).map(({ listening }) => listening.drain()))
}
