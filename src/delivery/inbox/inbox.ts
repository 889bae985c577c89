import { appendFile, mkdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Mail, MailDelivery } from '../delivery.ts'

export interface Inbox extends MailDelivery {
  /** What was sent, oldest first. */
  list(): Promise<Mail[]>
}

/**
 * Mails that go nowhere but into a file, one JSON object a line, for the demo's inbox page.
 *
 * @param place a folder, which then holds `inbox.jsonl`, or the file itself; made at the first mail.
 */
export function inboxDelivery(place: string | { file: string }): Inbox {
  const file = typeof place === 'string' ? join(place, 'inbox.jsonl') : place.file
  return {
    async send({ to, subject, text }) {
      await mkdir(dirname(file), { recursive: true })
      await appendFile(file, `${JSON.stringify({ to, subject, text })}\n`, { mode: 0o600 })
    },
    async list() {
      const lines = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return ''
        throw error
      })
      // What follows the last newline was cut off by a crash, or is being written right now.
      return lines
        .split('\n')
        .slice(0, -1)
        .map((line): Mail => JSON.parse(line))
    },
    async close() {},
  }
}
