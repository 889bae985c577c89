import { DuepassiError } from '../errors.ts'

export interface Gate {
  /** Runs the task when a place is free; rejects with `busy` when the queue is full. */
  run<T>(task: () => Promise<T>): Promise<T>
  readonly running: number
  readonly waiting: number
}

/**
 * Admits so many tasks at once and lets so many wait. Without it a storm of password hashes fills the thread pool,
 * and everything else waits behind it.
 */
export const createGate = ({ concurrency, queue }: { concurrency: number; queue: number }): Gate => {
  const waiting: Array<() => void> = []
  let running = 0
  return {
    get running() {
      return running
    },
    get waiting() {
      return waiting.length
    },
    async run(task) {
      if (running >= concurrency) {
        if (waiting.length >= queue)
          throw new DuepassiError('busy', 'too many sign-ins at once', { retryAfter: 5 })
        // The place is handed over by whoever finishes, so nobody can slip in between.
        await new Promise<void>((admit) => waiting.push(admit))
      } else running++
      try {
        return await task()
      } finally {
        const next = waiting.shift()
        if (next) next()
        else running--
      }
    },
  }
}
