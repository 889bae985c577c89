import { systemClock } from '../clock.ts'
import type { Config } from '../config/schema.ts'
import { systemRandom } from '../crypto/random.ts'
import type { Notice } from '../delivery/notices.ts'
import { createNotifier } from '../delivery/notifier.ts'
import type { Directory } from '../directory/directory.ts'
import { createLog, type Log } from '../log.ts'
import { createHasher } from '../passwords/hashing.ts'
import type { TellClients } from '../provider/logout/logout-tokens.ts'
import type { Store } from '../stores/store.ts'
import type { Io } from './io.ts'

/** What stands behind the commands. */
export type Parts = Pick<
  typeof import('../compose.ts'),
  'compose' | 'migrate' | 'openDirectory' | 'openFactors' | 'openMail' | 'openStore'
>

/** Loaded when a command needs it, so that `--help` and `config check` need no database driver. */
export const partsOf = async (io: Io): Promise<Parts> => io.parts ?? import('../compose.ts')

/** Problems go to standard error, so that the output of a command stays what it says. */
const logForCommands = (io: Io): Log => createLog('error', { write: (line) => void io.stderr.write(line) })

/** Opens the directory for one task, up to date, and closes it whatever happens. */
export const withDirectory = async <T>(
  io: Io,
  config: Config,
  task: (directory: Directory) => Promise<T>,
): Promise<T> => {
  const { migrate, openDirectory } = await partsOf(io)
  await migrate(config)
  const directory = await openDirectory(config, { log: logForCommands(io) })
  try {
    return await task(directory)
  } finally {
    await directory.close()
  }
}

/** Opens the short-lived store for one task. */
export const withStore = async <T>(
  io: Io,
  config: Config,
  task: (store: Store) => Promise<T>,
): Promise<T> => {
  const { openStore } = await partsOf(io)
  const store = openStore(config, { log: logForCommands(io) })
  try {
    return await task(store)
  } finally {
    await store.close()
  }
}

/**
 * Tells relying parties that sessions are over. Only where one of them asked for it is a provider composed, since that takes
 * its keys, and only after the sessions have ended: whatever goes wrong here brings none of them back. Answers the ids of
 * those that could not be told.
 */
export const tellClients = async (
  io: Io,
  config: Config,
  directory: Directory,
  ...[accountId, sessions]: Parameters<TellClients>
): Promise<string[]> => {
  const ids = [...new Set(sessions.flatMap(({ authorizations }) => Object.keys(authorizations)))].sort()
  const clients = await Promise.all(ids.map((id) => directory.clientById(id)))
  const asking = ids.filter((_, index) => clients[index]?.['backchannel_logout_uri'] !== undefined)
  if (asking.length === 0) return []
  try {
    const { compose } = await partsOf(io)
    // Places are for sign-ins, and may be a large file.
    const provider = await compose({ ...config, places: {} }, { log: logForCommands(io) })
    return await provider.tell(accountId, sessions).finally(() => provider.close())
  } catch (error) {
    logForCommands(io).error({ err: error }, 'relying parties could not be told')
    return asking
  }
}

/** A mail that does not go out is no reason to stop; whoever runs the command is told instead. */
export const tellByMail = async (
  io: Io,
  config: Config,
  directory: Directory,
  notice: Notice & { accountId: string },
): Promise<void> => {
  const { openMail } = await partsOf(io)
  const mail = await openMail(config)
  try {
    await createNotifier({ directory, mail, clock: systemClock, brand: config.brand, issuer: config.issuer })(
      notice,
    )
  } catch {
    io.stderr.write('The person could not be told by mail: the mail server did not take it.\n')
  } finally {
    await mail?.close()
  }
}

/** For one password at a time, by one person. */
export const hashPassword = (password: string): Promise<string> =>
  createHasher({ concurrency: 1, queue: 1, random: systemRandom }).hash(password)
