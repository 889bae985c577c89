import { setTimeout as pause } from 'node:timers/promises'

/** Milliseconds that a store has to answer; a probe asks again soon enough. */
const patience = 2_000

interface Asked {
  /** Resolves when it answers. */
  ping(): Promise<void>
}

export type Readiness = Record<'store' | 'directory', 'ok' | 'down'>

/** Asks the stores, for `/health/ready`. */
export const readinessOf = async ({
  store,
  directory,
}: {
  store: Asked
  directory: Asked
}): Promise<Readiness> => {
  const [ofStore, ofDirectory] = await Promise.all([answers(store.ping()), answers(directory.ping())])
  return { store: ofStore, directory: ofDirectory }
}

const answers = (ping: Promise<void>): Promise<'ok' | 'down'> =>
  Promise.race([ping.then(() => 'ok' as const), pause(patience, 'down' as const, { ref: false })]).catch(
    () => 'down' as const,
  )
