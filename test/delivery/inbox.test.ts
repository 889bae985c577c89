import { deepEqual, rejects } from 'node:assert/strict'
import { appendFile, mkdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { inboxDelivery } from '../../src/delivery/inbox/inbox.ts'
import { temporaryFolder } from '../support/machine.ts'

const mail = (subject: string) => ({
  to: { name: 'Maria', address: 'maria@example.org' },
  subject,
  text: 'a\nb "c" è\n',
})

describe('inboxDelivery', () => {
  it('keeps what was sent, oldest first, also for another process', async () => {
    const folder = join(await temporaryFolder(), 'new', 'folder')
    const inbox = inboxDelivery(folder)
    deepEqual(await inbox.list(), [])
    await inbox.send(mail('one'))
    await inbox.send(mail('two'))
    deepEqual(await inbox.list(), [mail('one'), mail('two')])
    deepEqual(await inboxDelivery({ file: join(folder, 'inbox.jsonl') }).list(), [mail('one'), mail('two')])
    deepEqual((await stat(join(folder, 'inbox.jsonl'))).mode & 0o077, 0)
    await inbox.close()
  })

  it('loses none of many that come at once', async () => {
    const inbox = inboxDelivery(await temporaryFolder())
    await Promise.all(Array.from({ length: 50 }, (_, index) => inbox.send(mail(String(index)))))
    deepEqual(new Set((await inbox.list()).map(({ subject }) => subject)).size, 50)
  })

  it('passes over a line that was cut off', async () => {
    const folder = await temporaryFolder()
    const inbox = inboxDelivery(folder)
    await inbox.send(mail('whole'))
    await appendFile(join(folder, 'inbox.jsonl'), '{"to":{"na')
    deepEqual(await inbox.list(), [mail('whole')])
  })

  it('rejects when it cannot keep the mail', async () => {
    const folder = await temporaryFolder()
    await mkdir(join(folder, 'inbox.jsonl'))
    await rejects(inboxDelivery(folder).send(mail('lost')))
    await rejects(inboxDelivery(folder).list())
  })
})
