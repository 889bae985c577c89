import { setTimeout as delay } from 'node:timers/promises'
import type { Clock } from '../../clock.ts'
import { type RandomBytes, randomId, systemRandom } from '../../crypto/random.ts'
import { type Log, silentLog } from '../../log.ts'
import { type OutboundFetch, OutboundRefused } from '../../outbound/guarded-fetch.ts'
import type { PushDelivery, PushNotice, PushOutcome } from '../delivery.ts'
import { type ApnsOptions, apns } from './apns.ts'
import { type FcmOptions, fcm } from './fcm.ts'
import { type NtfyOptions, ntfy } from './ntfy.ts'
import { parsed } from './parsed.ts'
import { type PushTexts, pushTexts } from './texts.ts'
import type { Answer, Recipient, Transport } from './transport.ts'
import { type WebPushOptions, webPush } from './web-push.ts'
import { type PushWebhookOptions, pushWebhook } from './webhook.ts'

export interface PushOptions {
  issuer: string
  /** Any of them, or none: then no address is taken. */
  transports: {
    web?: WebPushOptions
    fcm?: FcmOptions
    apns?: ApnsOptions
    ntfy?: NtfyOptions
    webhook?: PushWebhookOptions
  }
  /** For addresses that devices choose: `createGuardedFetch()`. */
  fetch: OutboundFetch
  /** For ntfy and the webhook, whose addresses are the administrator's. Default: `fetch`, which reaches no private one. */
  gatewayFetch?: OutboundFetch
  clock: Clock
  random?: RandomBytes
  log?: Log
  texts?: Readonly<Record<'en' | 'it', PushTexts>>
  /** Milliseconds before the second try, where nothing else was asked for. Default: 500. */
  pause?: number
}

/** Milliseconds; whoever wants more of it has the request expire. */
const longestPause = 5_000

/** No address of any kind is near it. */
const longestAddress = 4_096

/**
 * Notifications to devices. Each is tried once more where the other side is busy or hangs up, while the request is still
 * worth answering. Nothing is logged of an address, or of what was sent.
 *
 * @throws Error when the options of a transport will not do; it repeats no secret
 */
export function pushDelivery(options: PushOptions): PushDelivery {
  const { clock, random = systemRandom, log = silentLog, texts = pushTexts, pause = 500 } = options
  const { transports, applicationServerKey } = openTransports(options)
  const closing = new AbortController()
  const sending = new Set<Promise<PushOutcome>>()
  const app = `${options.issuer.replace(/\/$/, '')}/authenticator/`

  const recipientOf = (given: unknown): { kind: string; recipient: Recipient } | undefined => {
    const kind = typeof given === 'object' && given !== null && 'kind' in given ? given.kind : undefined
    const transport = transports.find((one) => one.kind === kind)
    const recipient = transport?.recipient(given)
    return transport && recipient && { kind: transport.kind, recipient }
  }

  const pauseAfter = (answer: Answer | Error): number | undefined => {
    if (answer instanceof Error) {
      if (answer instanceof OutboundRefused || answer.name === 'TimeoutError') return undefined
    } else {
      if (answer.status !== 429 && answer.status < 500) return undefined
      const asked = readRetryAfter(answer.retryAfter, clock.now())
      if (asked !== undefined) return asked <= longestPause ? asked : undefined
    }
    // Spread, so that those that failed together do not come back together.
    return pause * (0.5 + (random(1)[0] ?? 0) / 256)
  }

  const deliver = async (address: string, { id, expiresAt, language }: PushNotice): Promise<PushOutcome> => {
    const found = recipientOf(parsed(address))
    if (!found) {
      log.warn('the address of a device is not one that is delivered to any more')
      return 'failed'
    }
    const { kind, recipient } = found
    const notification = {
      ...texts[language],
      id,
      expires: Math.floor(expiresAt / 1000),
      navigate: `${app}#r=${id}`,
      key: randomId(random),
    }
    for (let attempt = 1; ; attempt += 1) {
      const ttl = Math.ceil((expiresAt - clock.now()) / 1000)
      if (ttl < 1) return 'failed'
      const answer = await recipient.post({ ...notification, ttl }).catch(asError)
      if (!(answer instanceof Error)) {
        if (answer.status >= 200 && answer.status < 300) return 'sent'
        if (answer.gone) return 'gone'
      }
      const wait = attempt === 1 ? pauseAfter(answer) : undefined
      if (wait === undefined || clock.now() + wait >= expiresAt) {
        const why =
          answer instanceof Error ? { err: answer } : { status: answer.status, reason: answer.reason }
        log.warn({ transport: kind, ...why }, 'a notification was not delivered')
        return 'failed'
      }
      await delay(wait, undefined, { signal: closing.signal }).catch(() => {})
      if (closing.signal.aborted) return 'failed'
    }
  }

  return {
    applicationServerKey,
    readAddress(given) {
      const text = JSON.stringify(recipientOf(given)?.recipient.address)
      return text !== undefined && text.length <= longestAddress ? text : undefined
    },
    async send(address, notice) {
      if (closing.signal.aborted) return 'failed'
      const delivered = deliver(address, notice).catch((error: unknown): PushOutcome => {
        log.error({ err: error }, 'a notification could not be made')
        return 'failed'
      })
      sending.add(delivered)
      return delivered.finally(() => sending.delete(delivered))
    },
    async close() {
      closing.abort()
      await Promise.all(sending)
      await Promise.all(transports.map((one) => one.close()))
    },
  }
}

function openTransports({ transports, fetch, gatewayFetch = fetch, clock }: PushOptions): {
  transports: Transport[]
  applicationServerKey: string | null
} {
  const web = transports.web && webPush(transports.web, { fetch, clock })
  const all = [
    web,
    transports.fcm && fcm(transports.fcm, { fetch, clock }),
    transports.apns && apns(transports.apns, clock),
    transports.ntfy && ntfy(transports.ntfy, gatewayFetch),
    transports.webhook && pushWebhook(transports.webhook, { fetch: gatewayFetch, clock }),
  ]
  return {
    transports: all.filter((one) => one !== undefined),
    applicationServerKey: web?.applicationServerKey ?? null,
  }
}

const asError = (reason: unknown): Error =>
  reason instanceof Error ? reason : new Error('the request failed')

/** RFC 9110 §10.2.3, in milliseconds from now; undefined where it says nothing. */
function readRetryAfter(text: string | null | undefined, now: number): number | undefined {
  if (!text) return undefined
  const wait = /^\d{1,9}$/.test(text) ? Number(text) * 1000 : Date.parse(text) - now
  return Number.isNaN(wait) ? undefined : Math.max(0, wait)
}
