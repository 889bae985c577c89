import { deepEqual, equal, match, ok, rejects, throws } from 'node:assert/strict'
import { SMTPServer } from 'smtp-server'
import { smtpDelivery } from '../../src/delivery/smtp/smtp.ts'
import { freePort } from '../support/machine.ts'

interface Received {
  from: string
  to: string[]
  source: string
  secure: boolean
}

const mail = { to: { name: 'Maria Rossi', address: 'maria@example.org' }, subject: 'Perché', text: 'Ciao.\n' }

describe('smtpDelivery', () => {
  const received: Received[] = []
  let server: SMTPServer
  let port: number
  let authenticated: string[]

  async function listen(options: ConstructorParameters<typeof SMTPServer>[0]) {
    authenticated = []
    server = new SMTPServer({
      logger: false,
      onAuth({ username, password }, _session, done) {
        authenticated.push(`${username} ${password}`)
        if (password === 'p@ss') done(null, { user: username })
        else done(new Error('wrong'))
      },
      onData(stream, session, done) {
        const chunks: Buffer[] = []
        stream.on('data', (chunk: Buffer) => chunks.push(chunk))
        stream.on('end', () => {
          const { mailFrom, rcptTo } = session.envelope
          received.push({
            from: mailFrom ? mailFrom.address : '',
            to: rcptTo.map(({ address }) => address),
            source: Buffer.concat(chunks).toString('utf8'),
            secure: session.secure,
          })
          done()
        })
      },
      ...options,
    })
    port = await freePort()
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  }

  afterEach(async () => {
    received.length = 0
    await new Promise<void>((resolve) => server.close(() => resolve()))
  })

  it('hands a mail over', async () => {
    await listen({ authOptional: true })
    const delivery = smtpDelivery({
      url: `smtp://127.0.0.1:${port}`,
      from: 'id@example.org',
      name: 'Duepassi',
    })
    await delivery.send(mail)
    await delivery.close()
    const [message] = received
    ok(message)
    equal(message.from, 'id@example.org')
    deepEqual(message.to, ['maria@example.org'])
    match(message.source, /^From: "?Duepassi"? <id@example\.org>$/m)
    match(message.source, /^To: "?Maria Rossi"? <maria@example\.org>$/m)
    match(message.source, /^Subject: =\?UTF-8\?/m)
    match(message.source, /^Auto-Submitted: auto-generated$/m)
    match(message.source, /^Ciao\.$/m)
  })

  it('signs in with what the url says', async () => {
    await listen({ allowInsecureAuth: true })
    await smtpDelivery({ url: `smtp://mailer:p%40ss@127.0.0.1:${port}`, from: 'id@example.org' }).send(mail)
    deepEqual(authenticated, ['mailer p@ss'])
    await rejects(
      smtpDelivery({ url: `smtp://mailer:x@127.0.0.1:${port}`, from: 'id@example.org' }).send(mail),
      {
        code: 'EAUTH',
      },
    )
  })

  it('never adds a recipient that stands inside an address', async () => {
    await listen({ authOptional: true })
    const delivery = smtpDelivery({ url: `smtp://127.0.0.1:${port}`, from: 'id@example.org' })
    for (const address of [
      'maria@example.org\r\nBcc: evil@example.org',
      'maria@example.org, evil@example.org',
      'Maria <maria@example.org>',
      'maria@example.org evil@example.org',
      'maria',
      '',
    ]) {
      await rejects(delivery.send({ ...mail, to: { name: '', address } }), /not one mail address/, address)
    }
    deepEqual(received, [])
    throws(() => smtpDelivery({ url: 'smtp://127.0.0.1', from: 'a@b.c, d@e.f' }), /not one mail address/)
  })

  it('keeps line breaks in names and subjects out of the headers', async () => {
    await listen({ authOptional: true })
    const delivery = smtpDelivery({ url: `smtp://127.0.0.1:${port}`, from: 'id@example.org' })
    await delivery.send({
      to: { name: 'Maria\r\nBcc: evil@example.org', address: 'maria@example.org' },
      subject: 'Hi\r\nBcc: evil@example.org',
      text: 'x',
    })
    deepEqual(received[0]?.to, ['maria@example.org'])
    ok(!/^Bcc:/im.test(received[0]?.source ?? ''))
  })

  // 0.0.0.0 reaches this machine, and is no loopback address.
  it('sends nothing in the clear beyond this machine', async () => {
    await listen({ authOptional: true, hideSTARTTLS: true, disabledCommands: ['AUTH', 'STARTTLS'] })
    await rejects(smtpDelivery({ url: `smtp://0.0.0.0:${port}`, from: 'id@example.org' }).send(mail), {
      code: 'ETLS',
    })
    deepEqual(received, [])
  })

  it('believes no certificate that is not valid for the host', async () => {
    await listen({ authOptional: true })
    await rejects(
      smtpDelivery({ url: `smtp://0.0.0.0:${port}`, from: 'id@example.org' }).send(mail),
      /certificate|altnames/i,
    )
    deepEqual(received, [])
  })

  it('rejects when nobody listens', async () => {
    await listen({})
    await rejects(
      smtpDelivery({ url: `smtp://127.0.0.1:${await freePort()}`, from: 'id@example.org' }).send(mail),
      {
        code: 'ESOCKET',
      },
    )
  })
})
