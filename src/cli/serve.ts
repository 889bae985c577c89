import { once } from 'node:events'
import type { Command } from 'commander'
import { type Listening, listen } from '../http/server.ts'
import { createLog, type Log } from '../log.ts'
import { type CommonOptions, configurationOf } from './configuration.ts'
import type { Io } from './io.ts'
import { partsOf } from './parts.ts'

/** Resolves at the first SIGTERM or SIGINT. */
const askedToEnd = async (io: Io): Promise<string> => {
  const signals = io.signals ?? process
  const given = new AbortController()
  const names = ['SIGTERM', 'SIGINT']
  const first = await Promise.race(
    names.map(async (name) => {
      await once(signals, name, { signal: given.signal })
      return name
    }),
  )
  given.abort()
  return first
}

const open = async (io: Io, options: CommonOptions): Promise<{ listening: Listening; log: Log }> => {
  const config = configurationOf(io, options)
  const log = createLog(
    config.log.level,
    io.stdout === process.stdout ? undefined : { write: (line) => void io.stdout.write(line) },
  )
  const { compose, migrate } = await partsOf(io)
  const migrations = await migrate(config)
  if (migrations.length > 0) log.info({ migrations }, 'the database is up to date')
  const duepassi = await compose(config, { log })
  try {
    const listening = await listen(duepassi, config, log)
    log.info(
      { address: listening.url, metrics: listening.metricsUrl, issuer: config.issuer, mode: config.mode },
      'listening',
    )
    return { listening, log }
  } catch (error) {
    await duepassi.close()
    throw error
  }
}

/** Node's own report of an uncaught error shows everything a driver hung on it; the log does not. */
const logCrashes = (log: Log): void => {
  process.on('uncaughtException', (error) => {
    log.fatal({ err: error }, 'ended by an error that nobody handled')
    log.flush(() => process.exit(1))
  })
}

/** Runs the provider until it is asked to end; then finishes what is running, and closes everything. */
const serve = async (io: Io, options: CommonOptions): Promise<void> => {
  const { listening, log } = await open(io, options)
  if (io.stdout === process.stdout) logCrashes(log)
  const signal = await askedToEnd(io)
  log.info({ signal }, 'draining')
  await listening.drain()
  log.info('ended')
  await new Promise((resolve) => log.flush(resolve))
}

export const addServeCommand = (program: Command, io: Io): void => {
  program
    .command('serve')
    .description('run the provider')
    .action(async (_, command: Command) => serve(io, command.optsWithGlobals<CommonOptions>()))
}
