import { setTimeout as delay } from 'node:timers/promises'
import type { Log } from '../../log.ts'
import type { BoundSession } from './session.ts'

/** Milliseconds. */
export interface LinkTiming {
  /** Before a session is opened again; doubled after each failure. */
  pause: number
  longestPause: number
}

export interface Link {
  /** The session, or the next one: all who ask meanwhile wait for the same try. Rejects with what made it fail. */
  session(): Promise<BoundSession>
  close(): Promise<void>
}

/**
 * One session, opened when first asked for. When it is lost, it is opened again, because receipts are still to come,
 * until that succeeds or the link is closed.
 */
export function keepLink(
  open: (signal: AbortSignal) => Promise<BoundSession>,
  { pause, longestPause }: LinkTiming,
  log: Log,
): Link {
  const closing = new AbortController()
  const { signal } = closing
  let current: Promise<BoundSession> | undefined
  let failures = 0
  let pausing: Promise<unknown> = Promise.resolve()

  const pauseAfter = (err: unknown): void => {
    current = undefined
    if (signal.aborted) return
    if (failures === 0) log.warn({ err }, 'the SMSC is out of reach')
    pausing = delay(Math.min(pause * 2 ** failures, longestPause), undefined, { ref: false, signal })
    pausing.catch(() => {})
    failures += 1
  }

  const opened = (session: BoundSession): BoundSession => {
    if (failures > 0) log.info('the SMSC is back')
    failures = 0
    void session.ended.then(reopen)
    return session
  }

  const session = (): Promise<BoundSession> => {
    current ??= pausing.then(() => open(signal)).then(opened)
    const opening = current
    opening.catch((error: unknown) => {
      if (current === opening) pauseAfter(error)
    })
    return opening
  }

  const reopen = async (): Promise<void> => {
    pauseAfter(new Error('the SMSC ended the session'))
    while (!signal.aborted) {
      const back = await session().catch(() => undefined)
      if (back) return
    }
  }

  return {
    session,
    async close() {
      closing.abort(new Error('the delivery of text messages is closed'))
      const session = await current?.catch(() => undefined)
      await session?.close()
    },
  }
}
