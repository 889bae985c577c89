import smpp from 'smpp'
import { type RandomBytes, systemRandom } from '../../crypto/random.ts'
import type { Log } from '../../log.ts'
import type { DeliveryReport, TextDelivery, TextMessage } from '../delivery.ts'
import { readSender, readSmsc } from './address.ts'
import { type Attempts, startAttempts } from './attempts.ts'
import { encodeText } from './encoding.ts'
import { keepLink, type LinkTiming } from './link.ts'
import { openReceiptBook } from './receipts.ts'
import { NotSent, openSession, type SessionTiming, SmscRefusal } from './session.ts'

export interface SmppOptions {
  /** `smpp://user:password@host:2775`, or `smpps://` (port 3550) for TLS. */
  url: string
  /** Whom the message comes from: a number, or a name of up to 11 letters and digits. */
  from: string
  /** `gsm-7` (the default): GSM 03.38 where the text fits, UCS-2 where it does not. `ucs-2`: always UCS-2. */
  encoding?: 'gsm-7' | 'ucs-2'
  log: Log
  onReport?: (report: DeliveryReport) => void
  random?: RandomBytes
  /** Authorities in PEM that sign for the SMSC, in place of those that Node trusts. */
  ca?: string
  timing?: Partial<SmppTiming>
}

/** Milliseconds. `patience` is also what one message may take, connecting, waiting and all its parts included. */
export type SmppTiming = SessionTiming & LinkTiming

const usual: SmppTiming = { patience: 10_000, heartbeat: 30_000, pause: 500, longestPause: 5_000 }

const { ESME_RTHROTTLED, ESME_RMSGQFUL } = smpp.errors
/** Later it may go through; anything else is said for good. */
const busy = new Set([ESME_RTHROTTLED, ESME_RMSGQFUL])
const isPassing = (error: unknown): boolean =>
  error instanceof NotSent || (error instanceof SmscRefusal && busy.has(error.status))

/** Messages remembered so that none goes out twice. */
const mostRemembered = 1_000

/**
 * Text messages to an SMSC by SMPP 3.4. One session, opened for the first message, sends them all. A message is tried
 * again while the SMSC is out of reach or busy; when nobody knows whether it arrived, it is not. Neither credentials nor
 * numbers nor texts are logged.
 *
 * @throws Error when url or sender will not do; it repeats neither.
 */
export function smppDelivery(options: SmppOptions): TextDelivery {
  const { log, onReport, random = systemRandom } = options
  const timing = { ...usual, ...options.timing }
  const smsc = { ...readSmsc(options.url), ca: options.ca }
  const sender = readSender(options.from)
  if (smsc.exposed) log.warn({ host: smsc.host }, 'text messages travel to the SMSC without TLS')
  const receipts = openReceiptBook((report) => {
    try {
      onReport?.(report)
    } catch (err) {
      log.error({ err }, 'a delivery report was not taken')
    }
  })
  const link = keepLink((signal) => openSession(smsc, timing, receipts.take, signal), timing, log)
  const closing = new AbortController()
  const remembered = new Map<string, Promise<void>>()

  /** Answers what the SMSC calls this part. */
  const submit = async (fields: Record<string, unknown>, attempts: Attempts): Promise<string> => {
    for (;;) {
      try {
        const session = await attempts.within(link.session())
        const answer = await session.ask('submit_sm', fields, attempts.signal)
        if (answer.command_status === 0) return answer.message_id ?? ''
        throw new SmscRefusal('the message', answer.command_status)
      } catch (error) {
        if (!isPassing(error)) throw error
        await attempts.pause(error)
      }
    }
  }

  const deliver = async ({ id, to, text }: TextMessage): Promise<void> => {
    if (!/^\+[1-9]\d{6,14}$/.test(to)) throw new Error('this is not a number in E.164')
    const { dataCoding, parts } = encodeText(text, {
      unicode: options.encoding === 'ucs-2',
      reference: random(1)[0] ?? 0,
    })
    const attempts = startAttempts(timing, closing.signal)
    try {
      const messageIds: string[] = []
      for (const part of parts) {
        const destination = { dest_addr_ton: 1, dest_addr_npi: 1, destination_addr: to.slice(1) }
        const fields = {
          ...sender,
          ...destination,
          data_coding: dataCoding,
          registered_delivery: 1,
          short_message: part,
        }
        messageIds.push(await submit(fields, attempts))
      }
      receipts.expect(id, messageIds)
    } finally {
      attempts.end()
    }
  }

  return {
    send(message) {
      const known = remembered.get(message.id)
      if (known !== undefined) return known
      const sent = deliver(message)
      remembered.set(message.id, sent)
      sent.catch(() => remembered.delete(message.id))
      const [oldest] = remembered.keys()
      if (oldest !== undefined && remembered.size > mostRemembered) remembered.delete(oldest)
      return sent
    },
    async close() {
      closing.abort(new Error('the delivery of text messages is closed'))
      await link.close()
    },
  }
}
