import type { Command } from 'commander'
import { createTrail, type RecordEvent } from '../audit/trail.ts'
import { systemClock } from '../clock.ts'
import { systemRandom } from '../crypto/random.ts'
import type { Directory } from '../directory/directory.ts'
import { type CommonOptions, configurationOf } from './configuration.ts'
import { type Io, print, Refusal } from './io.ts'
import { withDirectory } from './parts.ts'
import { assignToken } from './tokens-assign.ts'
import { type FileSecrets, readTokens } from './tokens-file.ts'
import { type ImportOptions, importTokens } from './tokens-import.ts'
import { type Listing, listTokens } from './tokens-list.ts'
import { describeFile } from './tokens-preview.ts'
import { removeTokens } from './tokens-remove.ts'
import { resynchroniseToken } from './tokens-resync.ts'

/** Opens the directory, and prints what the action says. */
const actOn = async (
  io: Io,
  options: CommonOptions,
  act: (on: { directory: Directory; record: RecordEvent }) => Promise<string>,
): Promise<void> => {
  const said = await withDirectory(io, configurationOf(io, options), (directory) =>
    act({ directory, record: createTrail({ directory, clock: systemClock, random: systemRandom }) }),
  )
  print(io, said)
}

const importFile = async (
  io: Io,
  file: string,
  options: FileSecrets & ImportOptions & CommonOptions,
): Promise<void> => {
  const config = configurationOf(io, options)
  const read = await readTokens(io, file, options)
  if (!options.json) print(io, ...describeFile(file, read))
  await withDirectory(io, config, (directory) =>
    importTokens(
      {
        directory,
        record: createTrail({ directory, clock: systemClock, random: systemRandom }),
        say: (text) => print(io, text),
      },
      read,
      options,
    ),
  )
  if (!config.tokens.enabled)
    io.stderr.write('Hardware tokens are not offered: nobody can use them until `tokens.enabled` is true.\n')
}

export const addTokensCommands = (program: Command, io: Io): void => {
  const group = program.command('tokens').description('the inventory of hardware tokens')
  group
    .command('import')
    .description('import a file of tokens (PSKC or CSV), all of it or nothing')
    .argument('<file>', 'as the vendor sent it')
    .option('--dry-run', 'check everything and write nothing', false)
    .option('--password-stdin', 'read the password of the file from standard input', false)
    .option('--key-file <file>', 'holds the pre-shared key, as bytes or in hexadecimal')
    .option('--key-name <name>', 'the name that the file has to give its key')
    .option('--json', 'as JSON', false)
    .action(async (file: string, _, command: Command) =>
      importFile(io, file, command.optsWithGlobals<FileSecrets & ImportOptions & CommonOptions>()),
    )
  group
    .command('list')
    .description('list the tokens, whom they are assigned to and whether they are active')
    .option('--account <name>', 'those assigned to this account')
    .option('--unassigned', 'those assigned to nobody', false)
    .option('--json', 'as JSON', false)
    .action(async (_, command: Command) => {
      const options = command.optsWithGlobals<Listing & CommonOptions>()
      await actOn(io, options, ({ directory }) => listTokens(directory, options))
    })
  group
    .command('assign')
    .description('say who may activate a token')
    .argument('<serial>', 'its serial number')
    .argument('[account]', 'user name, e-mail address or id')
    .option('--none', 'nobody', false)
    .action(async (serial: string, account: string | undefined, _, command: Command) => {
      const options = command.optsWithGlobals<{ none: boolean } & CommonOptions>()
      if (options.none === (account !== undefined)) throw new Refusal('Give an account, or --none.')
      await actOn(io, options, (on) => assignToken(on, serial, account))
    })
  group
    .command('remove')
    .description('take tokens out of the inventory')
    .argument('<serial...>', 'their serial numbers')
    .action(async (serials: string[], _, command: Command) =>
      actOn(io, command.optsWithGlobals<CommonOptions>(), (on) => removeTokens(on, serials)),
    )
  group
    .command('resync')
    .description('find the counter or clock of an active token again, by two codes in a row')
    .argument('<serial>', 'its serial number')
    .argument('<code>', 'what it shows')
    .argument('<next>', 'what it shows after that')
    .action(async (serial: string, code: string, next: string, _, command: Command) =>
      actOn(io, command.optsWithGlobals<CommonOptions>(), (on) =>
        resynchroniseToken(on, serial, [code, next]),
      ),
    )
}
