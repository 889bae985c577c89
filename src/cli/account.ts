import type { Command } from 'commander'
import { createTrail, type RecordEvent } from '../audit/trail.ts'
import { systemClock } from '../clock.ts'
import type { Config } from '../config/schema.ts'
import { systemRandom } from '../crypto/random.ts'
import type { Notice } from '../delivery/notices.ts'
import type { Account, Directory } from '../directory/directory.ts'
import type { TellClients } from '../provider/logout/logout-tokens.ts'
import type { Store } from '../stores/store.ts'
import { type ClaimChange, changeClaims } from './account-claims.ts'
import { createAccount, type NewAccount } from './account-create.ts'
import { deleteAccount } from './account-delete.ts'
import { forgetDevices, listDevices } from './account-devices.ts'
import { resetFactors, unlock } from './account-factors.ts'
import { changeGroups, type GroupChange } from './account-groups.ts'
import { checkedMinimum, describeMinimum, setMinimum } from './account-minimum.ts'
import { expirePassword, setPassword } from './account-password.ts'
import { describeAccount } from './account-show.ts'
import { setDisabled, setEnabled } from './account-state.ts'
import { collect } from './collect.ts'
import { type CommonOptions, configurationOf } from './configuration.ts'
import { type Io, print, Refusal } from './io.ts'
import { tellByMail, tellClients, withDirectory, withStore } from './parts.ts'
import { readNewPassword } from './password.ts'
import { policyOf } from './policy-settings.ts'

/** What an action on an account gets; it answers what happened. */
export interface OnAccount {
  account: Account
  directory: Directory
  record: RecordEvent
  withStore<T>(task: (store: Store) => Promise<T>): Promise<T>
  /** Tells relying parties that sessions are over; answers the ids of those that had asked for it and were not reached. */
  tellClients: TellClients
  /** Tells the person by mail, where mail is configured; says so on standard error when it fails. */
  tell(notice: Notice & { accountId: string }): Promise<void>
}

/** @throws Refusal when nobody is called so */
export const findAccount = async (directory: Directory, name: string): Promise<Account> => {
  const account = (await directory.accountByName(name)) ?? (await directory.accountById(name))
  if (!account)
    throw new Refusal(`There is no account "${name}". A user name, an e-mail address or an id names one.`)
  return account
}

const actions: ReadonlyArray<[name: string, description: string, act: (on: OnAccount) => Promise<string>]> = [
  ['show', 'show state, groups, minimum, factors, browsers, lock and failures', describeAccount],
  ['unlock', 'open a locked second factor and forget the wrong codes', unlock],
  ['disable', 'refuse sign-ins and tokens, and end all sessions', setDisabled],
  ['enable', 'allow sign-ins again', setEnabled],
  ['reset-factors', 'remove all factors, so that the person enrols anew', resetFactors],
]

/** Opens the directory, finds the account, and prints what the action says. */
export const actOn = async (
  io: Io,
  named: string,
  options: CommonOptions,
  act: (on: OnAccount, config: Config) => Promise<string>,
): Promise<void> => {
  const config = configurationOf(io, options)
  const said = await withDirectory(io, config, async (directory) =>
    act(
      {
        account: await findAccount(directory, named),
        directory,
        record: createTrail({ directory, clock: systemClock, random: systemRandom }),
        withStore: (task) => withStore(io, config, task),
        tellClients: (accountId, sessions) => tellClients(io, config, directory, accountId, sessions),
        tell: (notice) => tellByMail(io, config, directory, notice),
      },
      config,
    ),
  )
  print(io, said)
}

const named = ['<name>', 'user name, e-mail address or id'] as const

export const addAccountCommands = (program: Command, io: Io): void => {
  const group = program.command('account').description('accounts and their second factor')
  group
    .command('create')
    .description('create an account; asks for the password')
    .argument('<username>', 'name to sign in with')
    .option('--email <address>', 'e-mail address, a name to sign in with as well')
    .option('--name <name>', 'full name (otherwise the user name)')
    .option('--locale <tag>', 'preferred language, such as `it`')
    .option('--group <name>', 'group to be in; may be given several times', collect, [])
    .option('--minimum-acr <acr>', 'the least level that this account has to reach, such as phr')
    .option('--password-stdin', 'read the password from standard input', false)
    .action(async (username: string, _, command: Command) => {
      await createAccount(io, username, command.optsWithGlobals<NewAccount & CommonOptions>())
    })
  for (const [name, description, act] of actions) {
    group
      .command(name)
      .description(description)
      .argument(...named)
      .action(async (name: string, _, command: Command) =>
        actOn(io, name, command.optsWithGlobals<CommonOptions>(), act),
      )
  }
  group
    .command('delete')
    .description('forget an account with its factors, ending its sessions; the audit trail stays')
    .argument(...named)
    .option('--yes', 'that it is meant', false)
    .action(async (name: string, _, command: Command) => {
      const options = command.optsWithGlobals<{ yes: boolean } & CommonOptions>()
      await actOn(io, name, options, (on) => deleteAccount(on, options))
    })
  group
    .command('groups')
    .description('list the groups of an account, or change them')
    .argument(...named)
    .option('--add <group>', 'group to be in from now on; may be given several times', collect, [])
    .option('--remove <group>', 'group to leave; may be given several times', collect, [])
    .action(async (name: string, _, command: Command) => {
      const options = command.optsWithGlobals<GroupChange & CommonOptions>()
      await actOn(io, name, options, (on) => changeGroups(on, options))
    })
  group
    .command('claims')
    .description('list what is released about a person (OIDC standard claims), or change it')
    .argument(...named)
    .option('--set <claim=value>', 'such as given_name=Maria, address.locality=Forlì', collect, [])
    .option('--unset <claim>', 'no longer known; may be given several times', collect, [])
    .option('--json', 'as JSON', false)
    .action(async (name: string, _, command: Command) => {
      const options = command.optsWithGlobals<ClaimChange & CommonOptions>()
      await actOn(io, name, options, (on) => changeClaims(on, options))
    })
  group
    .command('minimum')
    .description('show the least level that an account has to reach, or set it')
    .argument(...named)
    .argument('[acr]', 'value of the configured ladder, such as phr')
    .option('--none', 'no minimum of its own', false)
    .action(async (name: string, acr: string | undefined, _, command: Command) => {
      const options = command.optsWithGlobals<{ none: boolean } & CommonOptions>()
      if (options.none && acr !== undefined) throw new Refusal('Give a level or --none, not both.')
      await actOn(io, name, options, async (on, config) => {
        if (options.none) return setMinimum(on, null)
        if (acr === undefined) return describeMinimum(on)
        const { settings } = await policyOf(io, config)
        return setMinimum(on, await checkedMinimum(settings, acr, on.account.groups))
      })
    })
  group
    .command('password')
    .description(
      'set a new password, ending sessions, grants and the trust in browsers; or have it asked for',
    )
    .argument(...named)
    .option('--password-stdin', 'read the password from standard input', false)
    .option('--ask-at-next-sign-in', 'set none: the person chooses one at the next sign-in', false)
    .action(async (name: string, _, command: Command) => {
      type Options = { passwordStdin: boolean; askAtNextSignIn: boolean } & CommonOptions
      const options = command.optsWithGlobals<Options>()
      if (options.passwordStdin && options.askAtNextSignIn)
        throw new Refusal('Give --password-stdin or --ask-at-next-sign-in, not both.')
      if (options.askAtNextSignIn) return actOn(io, name, options, expirePassword)
      await actOn(io, name, options, async (on, config) =>
        setPassword(on, await readNewPassword(io, config, options.passwordStdin)),
      )
    })
  group
    .command('devices')
    .description('list the browsers that an account signed in with')
    .argument(...named)
    .option('--json', 'as JSON', false)
    .action(async (name: string, _, command: Command) => {
      const options = command.optsWithGlobals<{ json: boolean } & CommonOptions>()
      await actOn(io, name, options, async (on, config) => {
        const { settings } = await policyOf(io, config)
        return listDevices(on, settings, options.json)
      })
    })
  group
    .command('forget-devices')
    .description('forget the browsers of an account, and the trust in them')
    .argument(...named)
    .option('--device <id>', 'this one alone')
    .action(async (name: string, _, command: Command) => {
      const options = command.optsWithGlobals<{ device?: string } & CommonOptions>()
      await actOn(io, name, options, (on) => forgetDevices(on, options.device))
    })
}
