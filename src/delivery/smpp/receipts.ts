import type { Pdu } from 'smpp'
import type { DeliveryReport } from '../delivery.ts'

export interface ReceiptBook {
  /** `messageIds`: what the SMSC calls the parts of the message that is `id` for us. */
  expect(id: string, messageIds: readonly string[]): void
  /** Reads a receipt; anything else, and what is not final yet, is passed over. */
  take(pdu: Pdu): void
}

type State = DeliveryReport['state']

/** SMPP 3.4 §5.2.28, and the words of Appendix B. What is not here is still on its way, or unknown. */
const states: Readonly<Record<string, State>> = {
  2: 'delivered',
  3: 'expired',
  4: 'failed',
  5: 'failed',
  8: 'failed',
  DELIVRD: 'delivered',
  EXPIRED: 'expired',
  DELETED: 'failed',
  UNDELIV: 'failed',
  REJECTD: 'failed',
}

/** Receipts that never come, and those for messages of another process, must not fill the memory. */
const mostKept = 10_000

/** Joins receipts with messages. A message of several parts is delivered when all are, and failed when one is. */
export function openReceiptBook(onReport: (report: DeliveryReport) => void): ReceiptBook {
  const expected = new Map<string, { id: string; left: Set<string> }>()
  /** A receipt can stand in the same packet as the answer that names its message. */
  const early = new Map<string, State>()

  const settle = (messageId: string, state: State): void => {
    const message = expected.get(messageId)
    if (!message) {
      keep(early, messageId, state)
      return
    }
    expected.delete(messageId)
    message.left.delete(messageId)
    if (state === 'delivered' && message.left.size > 0) return
    for (const other of message.left) expected.delete(other)
    onReport({ id: message.id, state })
  }

  return {
    expect(id, messageIds) {
      const left = new Set(messageIds.map(plain))
      for (const messageId of left) keep(expected, messageId, { id, left })
      for (const messageId of [...left]) {
        const state = early.get(messageId)
        early.delete(messageId)
        if (state !== undefined && expected.has(messageId)) settle(messageId, state)
      }
    },
    take(pdu) {
      const receipt = readReceipt(pdu)
      if (receipt) settle(plain(receipt.messageId), receipt.state)
    },
  }
}

function readReceipt(pdu: Pdu): { messageId: string; state: State } | undefined {
  // SMPP 3.4 §5.2.12, bits 5 to 2: a receipt of the message centre.
  if (((pdu.esm_class ?? 0) & 0x3c) !== 0x04) return undefined
  const words = textOf(pdu)
  const messageId = pdu.receipted_message_id || /\bid:\s*(\S+)/i.exec(words)?.[1]
  const state = states[pdu.message_state ?? /\bstat:\s*(\w+)/i.exec(words)?.[1]?.toUpperCase() ?? '']
  return messageId && state ? { messageId, state } : undefined
}

/** What comes before the field `text`, in which the message begins. */
const textOf = ({ short_message, message_payload }: Pdu): string => {
  const message = (short_message || message_payload)?.message
  return String(message ?? '')
    .slice(0, 500)
    .replace(/\btext:.*/is, '')
}

/** The same id is written with leading zeros here, and without them there. */
const plain = (messageId: string): string => messageId.toLowerCase().replace(/^0+(?=.)/, '')

const keep = <Value>(map: Map<string, Value>, key: string, value: Value): void => {
  map.set(key, value)
  for (const oldest of map.keys()) {
    if (map.size <= mostKept) return
    map.delete(oldest)
  }
}
