import { type Command, Option } from 'commander'
import { createTrail } from '../audit/trail.ts'
import { systemClock } from '../clock.ts'
import { systemRandom } from '../crypto/random.ts'
import { type CommonOptions, configurationOf } from './configuration.ts'
import { type Io, print } from './io.ts'
import { generateKeys } from './keys-generate.ts'
import { listKeys } from './keys-list.ts'
import { retireKey } from './keys-retire.ts'
import { type KeysParts, type Rotation, rotateKeys } from './keys-rotate.ts'
import { withDirectory } from './parts.ts'

/** Opens the directory, and prints what the action says. */
const actOn = async (
  io: Io,
  options: CommonOptions,
  act: (parts: KeysParts) => Promise<string>,
): Promise<void> => {
  const config = configurationOf(io, options)
  const [clock, random] = [systemClock, systemRandom]
  const said = await withDirectory(io, config, (directory) =>
    act({ config, directory, clock, random, record: createTrail({ directory, clock, random }) }),
  )
  print(io, said)
}

export const addKeysCommands = (program: Command, io: Io): void => {
  const group = program.command('keys').description('keys for tokens, cookies and secrets at rest')
  group
    .command('generate')
    .description('print a fresh `keys:` section for the configuration file')
    .option('--all', 'with keys for tokens and cookies, which Duepassi makes by itself otherwise', false)
    .action(async (_, command: Command) => {
      print(io, await generateKeys(command.opts<{ all: boolean }>()))
    })
  group
    .command('list')
    .description('list the keys for tokens and cookies, and what each is for now')
    .option('--json', 'as JSON', false)
    .action(async (_, command: Command) => {
      const options = command.optsWithGlobals<{ json: boolean } & CommonOptions>()
      await actOn(io, options, (parts) => listKeys(parts, options))
    })
  group
    .command('rotate')
    .description('make new keys, which sign when they have been published for long enough')
    .addOption(new Option('--use <use>', 'for these only').choices(['signing', 'cookies']))
    .option('--alg <algorithm>', 'for tokens of this algorithm only')
    .option('--sooner', 'they sign in a minute; some relying parties may not know them by then', false)
    .action(async (_, command: Command) => {
      const options = command.optsWithGlobals<Rotation & CommonOptions>()
      await actOn(io, options, (parts) => rotateKeys(parts, options))
    })
  group
    .command('retire')
    .description('withdraw a key: what it signed is refused within 30 seconds')
    .argument('<kid>', 'as `keys list` says')
    .action(async (kid: string, _, command: Command) =>
      actOn(io, command.optsWithGlobals<CommonOptions>(), (parts) => retireKey(parts, kid)),
    )
}
