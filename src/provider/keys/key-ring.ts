import { setTimeout as pause } from 'node:timers/promises'
import type { Provider } from 'oidc-provider'
import type { RecordEvent } from '../../audit/trail.ts'
import type { Clock } from '../../clock.ts'
import type { Config } from '../../config/schema.ts'
import type { RandomBytes } from '../../crypto/random.ts'
import type { Directory, RingKey } from '../../directory/directory.ts'
import type { Log } from '../../log.ts'
import type { OutboundFetch } from '../../outbound/guarded-fetch.ts'
import { replaceKeys } from '../../plugin/internals.ts'
import { forgettable, nextChange, type Staged, stagesOf, wantedKeys } from './key-stages.ts'
import { isServedBy, keepOf, ringLines, scheduleOf } from './key-times.ts'
import { createKeysNow, type KeysNow } from './keys-now.ts'
import { makeKey } from './new-key.ts'
import { openSigners } from './signers.ts'

/** Milliseconds for which the ring is believed: so long a key lives on that was pulled. */
export const believedFor = 30_000
/** Milliseconds until a directory that failed is asked again. */
const afterFailure = 5_000
/** Milliseconds that a request waits for the directory, before it goes on with the keys that are known. */
const patience = 2_000

export interface KeyRing {
  /** The keys of this moment. */
  now(): KeysNow
  /** From here on the provider has the keys of each moment. */
  serve(provider: Provider): void
  /**
   * To be called, and awaited where it answers a promise, before a request is answered: keys whose time has come change
   * places at once, and every 30 s the ring is read again. Never rejects: a directory that is down leaves the keys as they
   * are. There are no timers: without requests nobody needs new keys.
   */
  fresh(): Promise<void> | undefined
  /** Waits for what is under way. */
  close(): Promise<void>
}

interface Parts {
  config: Config
  directory: Pick<Directory, 'keys' | 'addKey' | 'removeKey'>
  /** For signers, which the administrator chose. */
  fetch: OutboundFetch
  record: RecordEvent
  clock: Clock
  random: RandomBytes
  log: Log
}

/**
 * The keys that Duepassi makes, renews and forgets by itself, beside those of the configuration. The first ones are made
 * here and now.
 *
 * @throws DuepassiError `directory_unavailable`, `sealed_badly`: without its keys a provider must not start, as it would
 *   refuse what they signed
 */
export const openKeyRing = async (parts: Parts): Promise<KeyRing> => {
  const { config, directory, clock, random, record, log } = parts
  const keep = keepOf(config)
  const demands = { lines: ringLines(config), isServed: isServedBy(config), schedule: scheduleOf(config) }
  const signers = await openSigners(config, parts)
  const keysNow = await createKeysNow(config, signers)

  let keys: readonly RingKey[] = []
  let known: { shape: string; keys: KeysNow; changeAt: number | null } | undefined
  let provider: Provider | undefined
  let readAt = 0
  let readAgainAt = 0
  let reading: Promise<void> | undefined
  let tending: Promise<void> | undefined

  const stagesNow = (): Staged<RingKey>[] => stagesOf(keys, clock.now(), keep)

  /** Takes what the ring amounts to by now; nothing is touched as long as it amounts to the same. */
  const turn = (): KeysNow => {
    const staged = stagesNow()
    const shape = staged.map(({ key, stage }) => `${key.kid} ${stage}`).join()
    const changeAt = nextChange(staged)
    if (known?.shape === shape) {
      known = { ...known, changeAt }
      return known.keys
    }
    const next = keysNow(staged)
    if (provider) replaceKeys(provider, next.jwks, next.signs)
    if (known) log.info({ signs: Object.fromEntries(next.signs) }, 'the keys changed')
    known = { shape, keys: next, changeAt }
    return next
  }

  const turnOrKeep = (): void => {
    try {
      turn()
    } catch (error) {
      log.error({ err: error }, 'the keys could not be changed')
    }
  }

  const read = async (): Promise<void> => {
    const at = clock.now()
    keys = await directory.keys()
    readAt = at
    readAgainAt = at + believedFor
    turn()
  }

  /** Makes what is wanted, and forgets what nobody needs. Of nodes that do so at once one wins; the others read its key. */
  const tend = async (): Promise<void> => {
    const staged = stagesNow()
    const wanted = wantedKeys(staged, clock.now(), demands)
    const old = forgettable(staged, clock.now())
    for (const { kid } of old) await directory.removeKey(kid)
    for (const one of wanted) {
      const key = await makeKey(one, clock.now(), random)
      if (await directory.addKey(key)) await record('key.published', { reason: key.kid })
    }
    if (wanted.length + old.length > 0) await read()
  }

  const readAndTend = async (): Promise<void> => {
    try {
      await read()
    } catch (error) {
      readAt = clock.now()
      readAgainAt = readAt + afterFailure
      log.warn({ err: error }, 'the key ring could not be read; the keys stay as they are')
      return
    }
    // Not waited for: it may take seconds to make a key, and what is due signs only later.
    tending ??= tend()
      .catch((error: unknown) => log.error({ err: error }, 'the key ring could not be renewed'))
      .finally(() => {
        tending = undefined
      })
  }

  try {
    await read()
    await tend()
  } catch (error) {
    signers.close()
    throw error
  }

  return {
    now: () => known?.keys ?? turn(),
    serve(served) {
      provider = served
      const { jwks, signs } = turn()
      replaceKeys(served, jwks, signs)
    },
    fresh() {
      const now = clock.now()
      if (known?.changeAt != null && known.changeAt <= now) turnOrKeep()
      // A clock that was set back makes nothing young again.
      if (readAt <= now && now < readAgainAt) return undefined
      reading ??= readAndTend().finally(() => {
        reading = undefined
      })
      return Promise.race([reading, pause(patience, undefined, { ref: false })])
    },
    async close() {
      await reading
      await tending
      signers.close()
    },
  }
}
