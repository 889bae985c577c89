import type { Command } from 'commander'
import { isLive } from '../http/probe.ts'
import { type CommonOptions, configurationOf } from './configuration.ts'
import { type Io, print, Refusal } from './io.ts'

export const addHealthCommand = (program: Command, io: Io): void => {
  program
    .command('health')
    .description('ask the provider on this machine whether it lives (for container health checks)')
    .action(async (_, command: Command) => {
      const { listen } = configurationOf(io, command.optsWithGlobals<CommonOptions>())
      if (!(await isLive(listen)))
        throw new Refusal(`Nothing healthy answers on port ${listen.port} of ${listen.host}.`)
      print(io, 'It lives.')
    })
}
