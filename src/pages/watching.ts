import type { IncomingMessage, ServerResponse } from 'node:http'
import { addressOf } from './address.ts'

/** What a page that waits for another device watches. */
export interface Watched {
  /** Resolves with another state than `known` as soon as there is one; with `known` when `over` is aborted. */
  next(known: string, over: AbortSignal): Promise<string>
}

/** What a request wants to watch; `known`: the state that its page shows, empty for one that is none. */
export interface Watching {
  how: 'events' | 'poll'
  known: string
}

/** Milliseconds. Proxies cut what is silent for a minute; an answer that ends before is asked for again. */
const usualTimes = { poll: 25_000, stream: 55_000, heartbeat: 15_000 }

/** The states of sign-ins are hashes, with a word after them; anything else is none of ours. */
const wellFormed = /^[\w.-]{1,64}$/

/** What a request wants to watch: undefined for an ordinary page. */
export const watchOf = (req: IncomingMessage): Watching | undefined => {
  if (req.method !== 'GET') return undefined
  const search = new URLSearchParams(addressOf(req).split('?', 2)[1] ?? '')
  const how = search.get('watch')
  const known = search.get('state') ?? ''
  if (how !== 'events' && how !== 'poll') return undefined
  return { how, known: wellFormed.test(known) ? known : '' }
}

/**
 * Answers with the next state: as a server-sent event (HTML Standard §9.2), or as JSON after a long poll. The page reads
 * itself anew then, so nothing but a state travels, and whoever reads it learns nothing. Rejects where a poll fails and
 * nothing was answered; a stream that fails ends, and the browser asks again.
 */
export const answerWatch = async (
  res: ServerResponse,
  { how, known }: Watching,
  watched: Watched,
  times = usualTimes,
): Promise<void> => {
  const left = new AbortController()
  res.once('close', () => left.abort())
  const longest = AbortSignal.timeout(how === 'events' ? times.stream : times.poll)
  const over = AbortSignal.any([left.signal, longest])
  if (how === 'poll') {
    const state = await watched.next(known, over)
    if (left.signal.aborted) return
    const body = JSON.stringify({ state })
    res.writeHead(200, { ...common, 'content-type': 'application/json' }).end(body)
    return
  }
  res.writeHead(200, { ...common, 'content-type': 'text/event-stream' })
  // The page waits for this event, to learn whether streams get through to it. The pause is in milliseconds.
  res.write('retry: 2000\nevent: waiting\ndata: on\n\n')
  const beat = setInterval(() => res.write(': waiting\n\n'), times.heartbeat)
  const state = await watched.next(known, over).catch(() => known)
  clearInterval(beat)
  if (left.signal.aborted) return
  res.end(state === known ? undefined : `event: moved\ndata: ${state}\n\n`)
}

const common = {
  // Whoever compresses what passes through would hold it back.
  'cache-control': 'no-store, no-transform',
  'x-content-type-options': 'nosniff',
  // Nginx holds answers back otherwise.
  'x-accel-buffering': 'no',
}
