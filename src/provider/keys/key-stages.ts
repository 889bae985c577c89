import type { RingKey } from '../../directory/directory.ts'

/**
 * What each key of the ring is for at a time: published → signs → kept → gone. A pure function of the rows and the time, so
 * that all nodes agree on it without asking one another.
 */

/** What a stage follows from. */
export type DatedKey = Omit<RingKey, 'material' | 'createdAt'>

/**
 * - `published`: verifies, so that everybody knows it before it signs.
 * - `signs`: the newest of its line whose time has come. It verifies too.
 * - `kept`: a newer one signs; what this one signed still verifies.
 * - `gone`: pulled, or its time is over.
 */
export type Stage = 'published' | 'signs' | 'kept' | 'gone'

export interface Staged<Key extends DatedKey = DatedKey> {
  key: Key
  stage: Stage
  /** When the stage ends by itself; null: it does not. */
  until: number | null
  /** Since when it is gone. */
  goneAt?: number
}

/** Milliseconds for which a key is kept after another one took over. */
export type Keep = Readonly<Record<RingKey['use'], number>>

/** Keys that follow one another: of one use and algorithm. */
export interface Line {
  use: RingKey['use']
  alg: string
}

export const isOf =
  (line: Line) =>
  ({ use, alg }: Line): boolean =>
    use === line.use && alg === line.alg

const isLive = ({ endsAt }: DatedKey, now: number): boolean => endsAt === null || endsAt > now

/** Every key with its stage at `now`: line by line, newest first in each. */
export const stagesOf = <Key extends DatedKey>(
  keys: readonly Key[],
  now: number,
  keep: Keep,
): Staged<Key>[] =>
  linesIn(keys).flatMap((line) => stagesInLine(newestFirst(keys.filter(isOf(line))), now, keep))

const linesIn = (keys: readonly DatedKey[]): Line[] =>
  keys.filter((key, at) => keys.findIndex(isOf(key)) === at)

const newestFirst = <Key extends DatedKey>(keys: readonly Key[]): Key[] =>
  keys.toSorted((one, other) => other.generation - one.generation)

const stagesInLine = <Key extends DatedKey>(line: readonly Key[], now: number, keep: Keep): Staged<Key>[] => {
  const signer = line.findIndex((key) => isLive(key, now) && key.signsFrom <= now)
  return line.map((key, at): Staged<Key> => {
    if (!isLive(key, now)) return { key, stage: 'gone', until: null, goneAt: key.endsAt ?? now }
    if (at === signer) return { key, stage: 'signs', until: key.endsAt }
    if (signer < 0 || at < signer)
      return { key, stage: 'published', until: earlier(key.signsFrom, key.endsAt) }
    const over = takenOverAt(line.slice(0, at), now) + keep[key.use]
    return over <= now
      ? { key, stage: 'gone', until: null, goneAt: over }
      : { key, stage: 'kept', until: earlier(over, key.endsAt) }
  })
}

/** When the first of the newer keys began to sign, be it pulled since. */
const takenOverAt = (newer: readonly DatedKey[], now: number): number =>
  Math.min(
    ...newer
      .filter(({ signsFrom, endsAt }) => signsFrom <= now && (endsAt === null || endsAt > signsFrom))
      .map(({ signsFrom }) => signsFrom),
  )

const earlier = (time: number, end: number | null): number => Math.min(time, end ?? Number.POSITIVE_INFINITY)

/** When the stage of a key changes next by itself; null: never. */
export const nextChange = (staged: readonly Staged[]): number | null => {
  const times = staged.flatMap(({ until }) => (until === null ? [] : [until]))
  return times.length === 0 ? null : Math.min(...times)
}

/** The key of the ring that signs in a line, if any. */
export const signerOf = <Key extends DatedKey>(staged: readonly Staged<Key>[], line: Line): Key | undefined =>
  staged.find(({ key, stage }) => stage === 'signs' && isOf(line)(key))?.key

const day = 86_400_000

/** Keys whose row nobody needs any more. Whoever looks at the list finds them there for another day. */
export const forgettable = <Key extends DatedKey>(staged: readonly Staged<Key>[], now: number): Key[] =>
  staged.filter(({ goneAt }) => goneAt !== undefined && goneAt + day <= now).map(({ key }) => key)

/** Milliseconds. */
export interface Schedule {
  /** For how long a key signs; null: until somebody says otherwise. */
  every: number | null
  /** For how long a key is published before it signs. */
  publish: number
}

/** Nodes look at the ring every 30 s: a key that signs earlier is unknown to some of them. */
export const shortestPublish = 60_000

/** A key that is to be made. */
export interface Wanted extends Line {
  generation: number
  signsFrom: number
}

/** The key after all that are there. */
export const successor = (keys: readonly DatedKey[], { use, alg }: Line, signsFrom: number): Wanted => ({
  use,
  alg,
  generation: Math.max(0, ...keys.filter(isOf({ use, alg })).map(({ generation }) => generation)) + 1,
  signsFrom,
})

/**
 * What the ring lacks: a key that signs at once, in lines where nothing signs; and the successor of one that has signed for
 * long enough but for the time that the successor is published.
 *
 * @param lines where the ring signs, or has to: those in which a key from elsewhere always signs are left out by the caller
 * @param isServed whether a configured key signs in a line without one of the ring
 */
export const wantedKeys = (
  staged: readonly Staged[],
  now: number,
  {
    lines,
    isServed,
    schedule,
  }: { lines: readonly Line[]; isServed: (line: Line) => boolean; schedule: Schedule },
): Wanted[] => {
  const keys = staged.map(({ key }) => key)
  const publish = Math.max(schedule.publish, shortestPublish)
  return lines.flatMap((line) => {
    const signer = signerOf(staged, line)
    if (!signer) return isServed(line) ? [] : [successor(keys, line, now)]
    const waits = staged.some(({ key, stage }) => stage === 'published' && isOf(line)(key))
    const isDue = schedule.every !== null && signer.signsFrom + schedule.every - publish <= now
    return isDue && !waits ? [successor(keys, line, now + publish)] : []
  })
}
