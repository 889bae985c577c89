import { setTimeout as delay } from 'node:timers/promises'
import type { LinkTiming } from './link.ts'

export interface Attempts {
  /** Given when the time is over, or the delivery closed. */
  signal: AbortSignal
  /** Rejects, too, when the signal is given. */
  within<Result>(task: Promise<Result>): Promise<Result>
  /** Remembers what went wrong and waits a while, longer each time; rejects when the signal is given. */
  pause(failure: unknown): Promise<void>
  end(): void
}

/** The time that one message has: `patience` milliseconds, which keep the process running. */
export function startAttempts(
  { patience, pause, longestPause }: LinkTiming & { patience: number },
  closing: AbortSignal,
): Attempts {
  const late = new AbortController()
  const signal = AbortSignal.any([late.signal, closing])
  let cause: unknown
  let pauses = 0
  const timer = setTimeout(
    () => late.abort(new Error('the SMSC did not take the message in time', { cause })),
    patience,
  )
  const over = new Promise<never>((_resolve, reject) => {
    const stop = () => reject(signal.reason)
    if (signal.aborted) stop()
    else signal.addEventListener('abort', stop)
  })
  over.catch(() => {})
  const within: Attempts['within'] = (task) => Promise.race([over, task])
  return {
    signal,
    within,
    async pause(failure) {
      cause = failure
      await within(delay(Math.min(pause * 2 ** pauses, longestPause), undefined, { ref: false }))
      pauses += 1
    },
    end: () => clearTimeout(timer),
  }
}
