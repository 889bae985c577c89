/** Chance that can be had again: the same numbers for the same seed. */
export interface Draw {
  /** From 0 up to 1, without it. */
  next(): number
  below(limit: number): number
  chance(probability: number): boolean
  of<One>(list: readonly One[]): One
  /** Some of the list, in its order. */
  some<One>(list: readonly One[], probability?: number): One[]
  /** By weights. */
  weighed<One>(list: ReadonlyArray<readonly [weight: number, one: One]>): One
  /** Bytes for identifiers and codes. */
  bytes(size: number): Buffer
}

/** Mulberry32 (public domain, Tommy Ettinger): short, and good enough to choose steps by. */
export const drawFrom = (...seed: readonly number[]): Draw => {
  let state = seed.reduce((mixed, part) => Math.imul(mixed ^ (part + 0x9e3779b9), 0x85ebca6b) >>> 0, 1)
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const below = (limit: number): number => Math.floor(next() * limit)
  return {
    next,
    below,
    chance: (probability) => next() < probability,
    of: (list) => list[below(list.length)] as (typeof list)[number],
    some: (list, probability = 0.5) => list.filter(() => next() < probability),
    weighed(list) {
      let left = next() * list.reduce((sum, [weight]) => sum + weight, 0)
      for (const [weight, one] of list) {
        left -= weight
        if (left < 0) return one
      }
      return (list.at(-1) as (typeof list)[number])[1]
    },
    bytes(size) {
      const bytes = Buffer.allocUnsafe(size)
      for (let at = 0; at < size; at++) bytes[at] = below(256)
      return bytes
    },
  }
}
