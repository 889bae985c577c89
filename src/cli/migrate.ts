import type { Command } from 'commander'
import { type CommonOptions, configurationOf } from './configuration.ts'
import { type Io, print } from './io.ts'
import { partsOf } from './parts.ts'

export const addMigrateCommand = (program: Command, io: Io): void => {
  program
    .command('migrate')
    .description('bring the database up to date (starting the server does so as well)')
    .action(async (_, command: Command) => {
      const config = configurationOf(io, command.optsWithGlobals<CommonOptions>())
      const { migrate } = await partsOf(io)
      const names = await migrate(config)
      print(
        io,
        names.length === 0
          ? 'The database is up to date.'
          : `The database is up to date: ran ${names.join(', ')}.`,
      )
    })
}
