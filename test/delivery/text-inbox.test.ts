import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict'
import { mkdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { startInbox } from '../../demo/inbox.ts'
import type { DeliveryReport } from '../../src/delivery/delivery.ts'
import { inboxDelivery, textInboxDelivery } from '../../src/delivery/inbox/inbox.ts'
import { freePort, temporaryFolder } from '../support/machine.ts'

const clock = { now: () => Date.UTC(2026, 2, 29, 13, 5, 7) }
const message = (id: string) => ({ id, to: '+393471234567', text: `codice <${id}>\n@idp.example #123456` })

describe('textInboxDelivery', () => {
  it('keeps what was sent with its time, also for another process, and reports it', async () => {
    const folder = join(await temporaryFolder(), 'new')
    const reports: DeliveryReport[] = []
    const inbox = textInboxDelivery(folder, {
      clock,
      onReport: (report) => reports.push(report),
      outcome: ({ id }) => (id === 'two' ? 'failed' : 'delivered'),
    })
    deepEqual(await inbox.list(), [])
    await inbox.send(message('one'))
    await inbox.send(message('two'))
    const kept = [
      { ...message('one'), at: clock.now(), state: 'delivered' },
      { ...message('two'), at: clock.now(), state: 'failed' },
    ]
    deepEqual(await textInboxDelivery(folder, { clock }).list(), kept)
    deepEqual(reports, [
      { id: 'one', state: 'delivered' },
      { id: 'two', state: 'failed' },
    ])
    equal((await stat(join(folder, 'texts.jsonl'))).mode & 0o077, 0)
    await inbox.close()
  })

  it('keeps the same id once', async () => {
    const inbox = textInboxDelivery(await temporaryFolder(), { clock })
    await Promise.all(['a', 'b', 'a', 'a', 'b'].map((id) => inbox.send(message(id))))
    deepEqual(
      (await inbox.list()).map(({ id }) => id),
      ['a', 'b'],
    )
  })

  it('rejects when it cannot keep the message, and goes on', async () => {
    const folder = await temporaryFolder()
    await mkdir(join(folder, 'texts.jsonl'))
    const inbox = textInboxDelivery(folder, { clock })
    await rejects(inbox.send(message('lost')))
    await rejects(inbox.send(message('lost')))
    await inbox.close()
  })
})

describe("the demo's inbox", () => {
  it('shows text messages with number, time and report, and mails', async () => {
    const folder = await temporaryFolder()
    const [inbox, texts] = [inboxDelivery(folder), textInboxDelivery(folder, { clock })]
    const page = await startInbox({ inbox, texts, port: await freePort() })
    const read = async () => (await fetch(page.url)).text()
    match(await read(), /Text messages[\s\S]*None yet[\s\S]*Mails[\s\S]*None yet/)
    await texts.send(message('one'))
    await texts.send(message('two'))
    await inbox.send({
      to: { name: 'Maria', address: 'maria@example.org' },
      subject: 'Subject',
      text: 'Text',
    })
    const html = await read()
    match(html, /<h2>\+393471234567<\/h2>/)
    match(html, /2026-03-29 13:05:07 UTC<\/time> · delivered/)
    match(html, /codice &lt;two&gt;\n@idp\.example #123456/)
    ok(html.indexOf('&lt;two&gt;') < html.indexOf('&lt;one&gt;'))
    match(html, /<h2>Subject<\/h2>/)
    await page.close()
  })

  it('shows mails alone where there are no text messages', async () => {
    const page = await startInbox({ inbox: inboxDelivery(await temporaryFolder()), port: await freePort() })
    ok(!(await (await fetch(page.url)).text()).includes('Text messages'))
    await page.close()
  })
})
