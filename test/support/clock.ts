import type { Clock } from '../../src/clock.ts'

/** A clock that starts now, runs on, and can be moved forward. */
export interface MovableClock extends Clock {
  advance(seconds: number): void
}

export const movableClock = (): MovableClock => {
  let offset = 0
  return {
    now: () => Date.now() + offset,
    advance(seconds) {
      offset += seconds * 1000
    },
  }
}
