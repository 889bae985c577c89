import { type Clock, systemClock } from './clock.ts'
import { type SqlDirectory, sqlDirectory } from './directory/sql/sql-directory.ts'
import { embeddedStore as embedded } from './stores/embedded/embedded-store.ts'
import { redisStore as redis } from './stores/redis/redis-store.ts'
import type { Store } from './stores/store.ts'

/** Opens the implementations for hosts of the plugin; `compose.ts` does so for the ready provider. */

/** Durable state in `sqlite:<file>` or `postgres://…`, brought up to date first. */
export const openDirectory = async (url: string): Promise<SqlDirectory> => {
  const directory = await sqlDirectory({ url })
  await directory.migrate()
  return directory
}

/** Short-lived state of one process, in a file or in memory (`:memory:`). */
export const embeddedStore = (file: string, clock: Clock = systemClock): Store => embedded({ file, clock })

/** Short-lived state shared by several processes. */
export const redisStore = (url: string): Store => redis({ url, tls: false, prefix: '' })
