import { Command, CommanderError } from 'commander'
import { DuepassiError } from '../errors.ts'
import { addAccountCommands } from './account.ts'
import { addClientCommands } from './client.ts'
import { addConfigCommands } from './config-check.ts'
import { addHealthCommand } from './health.ts'
import { type Io, Refusal } from './io.ts'
import { addKeysCommands } from './keys.ts'
import { addMigrateCommand } from './migrate.ts'
import { addPolicyCommands } from './policy-explain.ts'
import { addServeCommand } from './serve.ts'
import { addSessionsCommands } from './sessions.ts'
import { addTokensCommands } from './tokens.ts'

const advice: Partial<Record<DuepassiError['code'], string>> = {
  directory_unavailable: 'See that the database of `database.url` runs and lets this machine in.',
  store_unavailable: 'See that the Redis of the configuration runs and lets this machine in.',
  sealed_badly: 'See that `keys.sealing` holds every key that was ever used.',
}

const explain = (error: unknown): string => {
  if (error instanceof Refusal) return error.message
  if (error instanceof DuepassiError) return [error.message, advice[error.code]].filter(Boolean).join('\n')
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}

/**
 * Runs the command line; `argv` begins with the command's name.
 * @returns the exit status: 0 when it was done, 1 otherwise, with the reason on standard error
 */
export const runCli = async (argv: readonly string[], io: Io): Promise<number> => {
  const program = new Command('duepassi')
    .description(
      'An OpenID Connect provider in which no signed token exists before a second factor succeeded.',
    )
    .option('-c, --config <file>', 'configuration file (otherwise DUEPASSI_CONFIG, or config/duepassi.yaml)')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void io.stdout.write(text),
      writeErr: (text) => void io.stderr.write(text),
    })
  for (const add of [
    addServeCommand,
    addConfigCommands,
    addKeysCommands,
    addMigrateCommand,
    addHealthCommand,
    addAccountCommands,
    addSessionsCommands,
    addClientCommands,
    addPolicyCommands,
    addTokensCommands,
  ]) {
    add(program, io)
  }
  try {
    await program.parseAsync(argv, { from: 'user' })
    return 0
  } catch (error) {
    // commander has printed its own already.
    if (error instanceof CommanderError) return error.exitCode
    io.stderr.write(`${explain(error)}\n`)
    return 1
  }
}
