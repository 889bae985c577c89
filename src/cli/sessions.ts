import type { Command } from 'commander'
import { actOn } from './account.ts'
import type { CommonOptions } from './configuration.ts'
import type { Io } from './io.ts'
import { endSessionsOf, type Which } from './sessions-end.ts'
import { listSessions } from './sessions-list.ts'

const ofAccount = ['--account <name>', 'user name, e-mail address or id'] as const

export const addSessionsCommands = (program: Command, io: Io): void => {
  const group = program.command('sessions').description('where people are signed in')
  group
    .command('list')
    .description('list the sessions of an account')
    .requiredOption(...ofAccount)
    .option('--json', 'as JSON', false)
    .action(async (_, command: Command) => {
      const options = command.optsWithGlobals<{ account: string; json: boolean } & CommonOptions>()
      await actOn(io, options.account, options, (on) => listSessions(on, options))
    })
  group
    .command('end')
    .description('end sessions of an account with their codes and tokens, and tell the relying parties')
    .requiredOption(...ofAccount)
    .option('--session <id>', 'this one alone')
    .option('--all-of-account', 'all of them, and the grants that outlive sessions', false)
    .action(async (_, command: Command) => {
      const options = command.optsWithGlobals<{ account: string } & Which & CommonOptions>()
      await actOn(io, options.account, options, (on) => endSessionsOf(on, options))
    })
}
