import { setTimeout as delay } from 'node:timers/promises'
import type { Clock } from '../../clock.ts'
import { type RandomBytes, systemRandom } from '../../crypto/random.ts'
import { type Log, silentLog } from '../../log.ts'
import type { TextDelivery, TextMessage } from '../delivery.ts'
import { checkedAddress } from '../gateway-address.ts'
import { checkedSecret, signedHeaders } from '../signed-headers.ts'

/** What is used of `fetch`; `globalThis.fetch` and undici's fit. */
export type WebhookFetch = (
  url: string,
  init: {
    method: 'POST'
    headers: Record<string, string>
    body: string
    redirect: 'error'
    signal: AbortSignal
  },
) => Promise<{ status: number; body: { cancel(): Promise<void> } | null }>

export interface WebhookOptions {
  /** Where the administrator's gateway listens: https, or http on this very machine. */
  url: string
  /** Shared with the gateway, 16 characters at least. */
  secret: string
  /** Outbound HTTP: `fetch: globalThis.fetch`. */
  fetch: WebhookFetch
  clock: Clock
  random?: RandomBytes
  log?: Log
  /** Whether the url may name a private address. Default: no. */
  allowPrivate?: boolean
  timing?: Partial<WebhookTiming>
}

/** Milliseconds. */
interface WebhookTiming {
  /** For one try, until the answer's head is there. */
  patience: number
  /** Before the second try; each further one waits four times as long. */
  pause: number
}

const usual: WebhookTiming = { patience: 5_000, pause: 250 }
const tries = 3

/**
 * Text messages by a signed HTTP request to the administrator's gateway. Each is tried up to three times, with the same
 * id, when the gateway does not answer or says 429 or 5xx; any other answer is final. Neither number nor text is logged.
 *
 * @throws Error when the url or the secret will not do.
 */
export function webhookDelivery(options: WebhookOptions): TextDelivery {
  const { fetch: request, clock, random = systemRandom, log = silentLog } = options
  const address = checkedAddress(options.url, options.allowPrivate ?? false)
  const secret = checkedSecret(options.secret)
  const { patience, pause } = { ...usual, ...options.timing }
  const closing = new AbortController()
  const sending = new Set<Promise<void>>()

  /** Answers the status, or the error of a gateway that did not answer. */
  const post = async (id: string, body: string): Promise<number | Error> => {
    try {
      const answer = await request(address, {
        method: 'POST',
        headers: signedHeaders(secret, body, { at: clock.now(), key: id }),
        body,
        redirect: 'error',
        signal: AbortSignal.timeout(patience),
      })
      await answer.body?.cancel().catch(() => {})
      return answer.status
    } catch (error) {
      return error instanceof Error ? error : new Error('the request failed')
    }
  }

  /** Spread, so that messages that failed together do not come back together. */
  const waitBefore = (attempt: number): Promise<void> => {
    const spread = 0.5 + (random(1)[0] ?? 0) / 512
    return delay(pause * 4 ** (attempt - 2) * spread, undefined, { signal: closing.signal })
  }

  const deliver = async ({ id, to, text }: TextMessage): Promise<void> => {
    const body = JSON.stringify({ id, to, text })
    for (let attempt = 1; ; attempt += 1) {
      const outcome = await post(id, body)
      if (typeof outcome === 'number' && outcome >= 200 && outcome < 300) return
      const failure =
        outcome instanceof Error
          ? new Error('the gateway for text messages did not answer', { cause: outcome })
          : new Error(`the gateway for text messages answered ${outcome}`)
      const passing = outcome instanceof Error || outcome === 429 || outcome >= 500
      if (!passing || attempt === tries || closing.signal.aborted) throw failure
      log.warn({ err: failure, attempt, id }, 'a text message is tried again')
      await waitBefore(attempt + 1).catch(() => {
        throw failure
      })
    }
  }

  return {
    async send(message) {
      if (closing.signal.aborted) throw new Error('the delivery of text messages is closed')
      const delivered = deliver(message)
      sending.add(delivered)
      await delivered.finally(() => sending.delete(delivered))
    },
    async close() {
      closing.abort()
      await Promise.allSettled(sending)
    },
  }
}
