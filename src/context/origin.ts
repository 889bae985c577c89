import type { Sighting } from '../directory/directory.ts'
import type { Reaction, Signal } from '../policy/signals.ts'

/** Where a sign-in comes from, as it was seen when it began. */
export interface Origin {
  sighting: Sighting
  /** The account signed in with this browser before. */
  known: boolean
  /** It did, and this request holds the latest secret of it: the next one may take its place. */
  device: { id: string; secretHash: string; countries: readonly string[] } | null
  /** The account has not signed in anywhere that is remembered. */
  first: boolean
  signals: ReadonlyArray<{ signal: Signal; reaction: Reaction }>
}
