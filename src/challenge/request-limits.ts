import type { Clock } from '../clock.ts'
import { DuepassiError } from '../errors.ts'
import type { Store } from '../stores/store.ts'

/** Seconds, and requests. Whoever gets many that they did not cause approves one in the end (MFA fatigue). */
export interface RequestLimits {
  /** In ten minutes, and in a day, since the last one that was approved. */
  perTenMinutes: number
  perDay: number
  /** After a request that nobody approved; doubles with each, … */
  firstWait: number
  /** … up to this. */
  longestWait: number
  /** So many refusals in five minutes silence requests for `silence`. */
  refusals: number
  silence: number
  /** And one report, "it was not me", for so long. */
  silenceAfterReport: number
}

export const defaultRequestLimits: RequestLimits = {
  perTenMinutes: 5,
  perDay: 20,
  firstWait: 10,
  longestWait: 3_600,
  refusals: 3,
  silence: 900,
  silenceAfterReport: 3_600,
}

/** Milliseconds. */
const minute = 60_000
const day = 86_400_000

interface Count {
  /** When requests were sent since the last that was approved, a day at most. */
  sent: readonly number[]
  refused: readonly number[]
  /** Milliseconds since the Unix epoch; 0: not silent. */
  silentUntil: number
}

const none: Count = { sent: [], refused: [], silentUntil: 0 }

const mostRaces = 20

/** How long until another request may be sent. Pure; exported for its test. */
export const secondsUntilNext = (
  { sent, silentUntil }: Pick<Count, 'sent' | 'silentUntil'>,
  now: number,
  limits: RequestLimits,
): number => {
  const freeAgain = (most: number, within: number) => {
    const recent = sent.filter((at) => at > now - within)
    return recent.length < most ? 0 : (recent.at(-most) as number) + within
  }
  const last = sent.at(-1)
  const backOff =
    last === undefined
      ? 0
      : last + 1000 * Math.min(limits.firstWait * 2 ** (sent.length - 1), limits.longestWait)
  const until = Math.max(
    silentUntil,
    backOff,
    freeAgain(limits.perTenMinutes, 10 * minute),
    freeAgain(limits.perDay, day),
  )
  return Math.max(0, Math.ceil((until - now) / 1000))
}

export type RequestCounts = ReturnType<typeof createRequestCounts>

/** How many requests a person got lately without approving one. Counted before anything is sent. */
export const createRequestCounts = (parts: { store: Store; clock: Clock; limits: RequestLimits }) => {
  const { store, clock, limits } = parts
  const keyOf = (accountId: string) => `rc:${accountId}`
  const read = (text: string | undefined): Count => {
    if (text === undefined) return none
    const count = JSON.parse(text) as Count
    return { ...count, sent: count.sent.filter((at) => at > clock.now() - day) }
  }

  /** Changes the count by compare-and-set; `change` answers undefined where it stays as it is. */
  const change = async (accountId: string, next: (count: Count) => Count | undefined): Promise<boolean> => {
    const key = keyOf(accountId)
    for (let race = 0; race < mostRaces; race++) {
      const text = await store.get(key)
      const changed = next(read(text))
      if (!changed) return false
      const written = JSON.stringify(changed)
      const won =
        text === undefined
          ? await store.add(key, written, day / 1000)
          : await store.swap(key, text, written, day / 1000)
      if (won) return true
    }
    throw new DuepassiError('busy', 'too many requests of one account at the same time')
  }

  return {
    /** Seconds until a request may be sent; 0: now. Counts nothing. */
    async waiting(accountId: string): Promise<number> {
      return secondsUntilNext(read(await store.get(keyOf(accountId))), clock.now(), limits)
    },

    /** 0: a request may be sent, and is counted. Otherwise the seconds until one may. */
    async reserve(accountId: string): Promise<number> {
      let seconds = 0
      await change(accountId, (count) => {
        seconds = secondsUntilNext(count, clock.now(), limits)
        return seconds > 0 ? undefined : { ...count, sent: [...count.sent, clock.now()] }
      })
      return seconds
    },

    approved: (accountId: string): Promise<void> => store.drop(keyOf(accountId)),

    /** A refusal; many in a row are an attack on somebody's patience. */
    async refused(accountId: string): Promise<void> {
      const now = clock.now()
      await change(accountId, (count) => {
        const refused = [...count.refused.filter((at) => at > now - 5 * minute), now]
        const isSilent = refused.length >= limits.refusals
        return { ...count, refused, silentUntil: isSilent ? now + limits.silence * 1000 : count.silentUntil }
      })
    },
  }
}
