import { appendFile, mkdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Clock } from '../../clock.ts'
import type { DeliveryReport, Mail, MailDelivery, TextDelivery, TextMessage } from '../delivery.ts'

export interface Inbox extends MailDelivery {
  /** What was sent, oldest first. */
  list(): Promise<Mail[]>
}

export interface KeptText extends TextMessage {
  /** Milliseconds since the Unix epoch. */
  at: number
  state: DeliveryReport['state']
}

export interface TextInbox extends TextDelivery {
  /** What was sent, oldest first, with what was reported of it. */
  list(): Promise<KeptText[]>
}

export interface TextInboxOptions {
  clock: Clock
  onReport?: (report: DeliveryReport) => void
  /** What is reported of a message. Default: delivered. */
  outcome?: (message: TextMessage) => DeliveryReport['state']
}

/**
 * Mails that go nowhere but into a file, one JSON object a line, for the demo's inbox page.
 *
 * @param place a folder, which then holds `inbox.jsonl`, or the file itself; made at the first mail.
 */
export function inboxDelivery(place: string | { file: string }): Inbox {
  const lines = linesIn<Mail>(typeof place === 'string' ? join(place, 'inbox.jsonl') : place.file)
  return {
    send: ({ to, subject, text }) => lines.add({ to, subject, text }),
    list: lines.list,
    async close() {},
  }
}

/**
 * Text messages that go nowhere but into a file, as mails do: `texts.jsonl` in the folder. Each id is kept once, and
 * reported as soon as it is kept.
 */
export function textInboxDelivery(
  place: string | { file: string },
  { clock, onReport, outcome = () => 'delivered' }: TextInboxOptions,
): TextInbox {
  const lines = linesIn<KeptText>(typeof place === 'string' ? join(place, 'texts.jsonl') : place.file)
  let last: Promise<void> = Promise.resolve()

  const keep = async (message: TextMessage): Promise<void> => {
    const { id, to, text } = message
    if ((await lines.list()).some((kept) => kept.id === id)) return
    const state = outcome(message)
    await lines.add({ id, to, text, at: clock.now(), state })
    onReport?.({ id, state })
  }

  return {
    send(message) {
      // One after the other, so that none of two with the same id comes in between.
      const kept = last.then(() => keep(message))
      last = kept.catch(() => {})
      return kept
    },
    list: lines.list,
    async close() {
      await last
    },
  }
}

function linesIn<Entry>(file: string) {
  return {
    async add(entry: Entry): Promise<void> {
      await mkdir(dirname(file), { recursive: true })
      await appendFile(file, `${JSON.stringify(entry)}\n`, { mode: 0o600 })
    },
    async list(): Promise<Entry[]> {
      const lines = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return ''
        throw error
      })
      // What follows the last newline was cut off by a crash, or is being written right now.
      return lines
        .split('\n')
        .slice(0, -1)
        .map((line): Entry => JSON.parse(line))
    },
  }
}
