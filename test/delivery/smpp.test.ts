import { deepEqual, doesNotMatch, equal, match, ok, rejects } from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import smpp from 'smpp'
import type { DeliveryReport, TextDelivery } from '../../src/delivery/delivery.ts'
import { type SmppOptions, smppDelivery } from '../../src/delivery/smpp/smpp.ts'
import { createLog } from '../../src/log.ts'
import { issueAuthority, issueCertificate } from '../support/certificates.ts'
import { freePort } from '../support/machine.ts'
import { type FakeSmsc, passwordOfSmsc, startSmsc } from '../support/smsc.ts'

const { ESME_RTHROTTLED = 0, ESME_RMSGQFUL = 0, ESME_RINVDSTADR = 0, ESME_RALYBND = 0 } = smpp.errors
const italian = 'Il codice di Duepassi è 123456 €'
const message = (id = 'first', text = italian) => ({ id, to: '+393471234567', text })

describe('smppDelivery', () => {
  let smsc: FakeSmsc
  let reports: DeliveryReport[]
  let lines: string[]
  const open: { close(): Promise<void> }[] = []

  beforeEach(async () => {
    smsc = await startSmsc()
    reports = []
    lines = []
  })
  afterEach(async () => {
    for (const one of open.splice(0)) await one.close()
    await smsc.close()
  })

  function connect(more: Partial<SmppOptions> = {}): TextDelivery {
    const delivery = smppDelivery({
      url: smsc.url,
      from: 'Duepassi',
      log: createLog('trace', { write: (line) => lines.push(line) }),
      onReport: (report) => reports.push(report),
      ...more,
      timing: { patience: 2_000, heartbeat: 60_000, pause: 10, longestPause: 50, ...more.timing },
    })
    open.push(delivery)
    return delivery
  }

  const until = async (isSo: () => boolean): Promise<void> => {
    for (let left = 400; !isSo(); left -= 1) {
      ok(left > 0, 'it never came to it')
      await delay(5)
    }
  }

  it('sends GSM-7 and UCS-2 over one session, bound at the first message', async () => {
    const delivery = connect()
    equal(smsc.binds.length, 0)
    await delivery.send(message('first'))
    await Promise.all(
      ['Codice 🔑 123456', 'ç'].map((text, index) => delivery.send(message(`more ${index}`, text))),
    )
    deepEqual(
      smsc.received.map(({ from, to, alphabet, text, receiptAsked }) => [
        from,
        to,
        alphabet,
        text,
        receiptAsked,
      ]),
      [
        ['Duepassi', '393471234567', 'gsm-7', italian, true],
        ['Duepassi', '393471234567', 'ucs-2', 'Codice 🔑 123456', true],
        ['Duepassi', '393471234567', 'ucs-2', 'ç', true],
      ],
    )
    deepEqual(smsc.binds, [{ systemId: 'duepassi', password: passwordOfSmsc }])
  })

  it('sends UCS-2 where it is told to', async () => {
    await connect({ encoding: 'ucs-2' }).send(message())
    equal(smsc.received[0]?.alphabet, 'ucs-2')
    equal(smsc.received[0]?.text, italian)
  })

  it('sends a long text in parts, and reports it when all arrived', async () => {
    const text = `${'Perché '.repeat(30)}\n@idp.example #123456`
    await connect().send(message('long', text))
    deepEqual(
      smsc.received.map(({ part }) => part),
      [
        [2, 1],
        [2, 2],
      ],
    )
    equal(smsc.received.map((one) => one.text).join(''), text)
    const [first, second] = smsc.received
    smsc.report(second?.messageId ?? '', 'DELIVRD')
    smsc.report(second?.messageId ?? '', 'DELIVRD')
    await until(() => smsc.answered.length === 2)
    deepEqual(reports, [])
    smsc.report(first?.messageId ?? '', 'DELIVRD')
    await until(() => smsc.answered.length === 3)
    deepEqual(reports, [{ id: 'long', state: 'delivered' }])
  })

  it('reports a text in parts as failed as soon as one is, once', async () => {
    await connect().send(message('long', 'ç'.repeat(200)))
    for (const { messageId } of smsc.received) smsc.report(messageId, 'UNDELIV')
    await until(() => smsc.answered.length === 3)
    deepEqual(reports, [{ id: 'long', state: 'failed' }])
  })

  for (const by of ['words', 'fields'] as const)
    for (const [word, state] of [
      ['DELIVRD', 'delivered'],
      ['UNDELIV', 'failed'],
      ['REJECTD', 'failed'],
      ['EXPIRED', 'expired'],
    ] as const)
      it(`reports ${word} as ${state}, from the ${by} of the receipt, and answers it`, async () => {
        const delivery = connect()
        await delivery.send(message('a'))
        await delivery.send(message('b'))
        smsc.report(smsc.received[1]?.messageId ?? '', word, by)
        await until(() => smsc.answered.length === 1)
        deepEqual(smsc.answered, ['deliver_sm_resp 0'])
        deepEqual(reports, [{ id: 'b', state }])
      })

  it('takes a receipt that comes together with the answer', async () => {
    smsc.reportAtOnce = 'DELIVRD'
    await connect().send(message('quick'))
    await until(() => reports.length > 0)
    deepEqual(reports, [{ id: 'quick', state: 'delivered' }])
  })

  it('passes over what is no final receipt of a message of ours, and answers it', async () => {
    await connect().send(message())
    const [{ messageId } = { messageId: '' }] = smsc.received
    smsc.report(messageId, 'ENROUTE')
    smsc.report('ffff', 'DELIVRD')
    smsc.deliver({ short_message: `id:${messageId} stat:DELIVRD` })
    smsc.deliver({ esm_class: 4, short_message: 'gibberish' })
    smsc.deliver({ esm_class: 4, data_coding: 4, short_message: Buffer.from([0, 255, 1]) })
    await until(() => smsc.answered.length === 5)
    deepEqual(new Set(smsc.answered), new Set(['deliver_sm_resp 0']))
    deepEqual(reports, [])
  })

  it('survives a listener for reports that throws', async () => {
    const delivery = connect({
      onReport: () => {
        throw new Error('full')
      },
    })
    await delivery.send(message('a'))
    smsc.report(smsc.received[0]?.messageId ?? '', 'DELIVRD')
    await until(() => lines.join('').includes('was not taken'))
    await delivery.send(message('b'))
    equal(smsc.received.length, 2)
  })

  it('rejects at once when user or password are wrong', async () => {
    const delivery = connect({ url: smsc.url.replace('w%25d', 'wrong'), timing: { patience: 20_000 } })
    const began = performance.now()
    await rejects(delivery.send(message()), /refused the bind: ESME_RINVPASWD/)
    ok(performance.now() - began < 2_000)
    equal(smsc.binds.length, 1)
    await rejects(delivery.send(message()), /ESME_RINVPASWD/)
    equal(smsc.received.length, 0)
  })

  it('tries again when the SMSC refuses the bind for now', async () => {
    smsc.bindAnswers = [ESME_RALYBND, ESME_RALYBND]
    await connect().send(message())
    equal(smsc.binds.length, 3)
    equal(smsc.received.length, 1)
  })

  it('tries again when the SMSC is busy', async () => {
    smsc.submitAnswers = [ESME_RTHROTTLED, ESME_RMSGQFUL, ESME_RTHROTTLED]
    await connect().send(message())
    deepEqual([smsc.received.length, smsc.submitAnswers.length], [1, 0])
  })

  it('rejects when it stays busy for too long', async () => {
    smsc.submitAnswers = Array(10_000).fill(ESME_RTHROTTLED)
    const error = await connect({ timing: { patience: 150 } })
      .send(message())
      .catch((reason: Error) => reason)
    ok(error instanceof Error)
    match(error.message, /in time/)
    match(String(error.cause), /ESME_RTHROTTLED/)
  })

  it('takes any other status as final', async () => {
    const delivery = connect()
    smsc.submitAnswers = [ESME_RINVDSTADR, 0x499]
    await rejects(delivery.send(message()), /ESME_RINVDSTADR/)
    await rejects(delivery.send(message()), /0x499/)
    equal(smsc.received.length, 0)
  })

  it('rejects when no answer comes in time, and sends nothing twice', async () => {
    smsc.delay = 'never'
    const delivery = connect({ timing: { patience: 100 } })
    await rejects(delivery.send(message()), /in time|does not answer/)
    equal(smsc.received.length, 1)
    smsc.delay = 20
    await delivery.send(message('second'))
  })

  it('rejects when nobody listens', async () => {
    const url = `smpp://duepassi:x@127.0.0.1:${await freePort()}`
    const error = await connect({ url, timing: { patience: 200 } })
      .send(message())
      .catch((reason: Error) => reason)
    match(String(error?.message), /in time/)
  })

  for (const how of ['cut', 'unbind', 'noise'] as const)
    it(`comes back by itself when the session ends: ${how}`, async () => {
      const delivery = connect()
      await delivery.send(message('a'))
      smsc.drop(how)
      await until(() => smsc.binds.length === 2 && smsc.openSessions() === 1)
      smsc.report(smsc.received[0]?.messageId ?? '', 'DELIVRD')
      await until(() => reports.length === 1)
      await delivery.send(message('b'))
      deepEqual([smsc.received.length, smsc.binds.length], [2, 2])
    })

  it('goes on when a message comes at the very moment in which the session is lost', async () => {
    const delivery = connect()
    await delivery.send(message('a'))
    smsc.drop('unbind')
    const answers = await Promise.allSettled(
      Array.from({ length: 20 }, async (_, index) => {
        await delay(index / 4)
        await delivery.send(message(String(index), `number ${index}`))
      }),
    )
    equal(smsc.binds.length, 2)
    const arrived = new Set(smsc.received.map(({ text }) => text))
    answers.forEach(({ status }, index) => {
      ok(status === 'rejected' || arrived.has(`number ${index}`))
    })
    await delivery.send(message('z', 'the last'))
    equal(smsc.received.at(-1)?.text, 'the last')
  })

  it('refuses a message whose fate is unknown, rather than send it twice', async () => {
    smsc.delay = 'never'
    const delivery = connect()
    const sending = delivery.send(message('a'))
    const failed = rejects(sending, /session with the SMSC ended/)
    await until(() => smsc.received.length === 1)
    smsc.drop()
    await failed
    equal(smsc.received.length, 1)
  })

  it('waits for an SMSC that starts a little later, and pauses longer after each failure', async () => {
    const port = await freePort()
    const url = smsc.url.replace(`:${smsc.port}`, `:${port}`)
    const sending = connect({ url, timing: { pause: 20, longestPause: 80 } }).send(message())
    await delay(100)
    const late = await startSmsc({ port })
    open.push(late)
    await sending
    equal(late.received.length, 1)
    match(lines.join(''), /out of reach[\s\S]*is back/)
    equal(lines.join('').match(/out of reach/g)?.length, 1)
  })

  it('asks whether the SMSC is there, and opens another session when it is not', async () => {
    await connect({ timing: { heartbeat: 20, patience: 200 } }).send(message())
    await until(() => smsc.enquiries >= 3)
    equal(smsc.binds.length, 1)
    smsc.alive = false
    await until(() => smsc.binds.length === 2)
  })

  it('sends the same id once', async () => {
    const delivery = connect()
    await Promise.all([delivery.send(message('a')), delivery.send(message('a'))])
    await delivery.send(message('a'))
    equal(smsc.received.length, 1)
    smsc.submitAnswers = [ESME_RINVDSTADR]
    await rejects(delivery.send(message('b')))
    await delivery.send(message('b'))
    equal(smsc.received.length, 2)
  })

  it('ends the session when it is closed, and takes nothing more', async () => {
    const delivery = connect()
    await delivery.send(message('a'))
    await delivery.close()
    await until(() => smsc.openSessions() === 0)
    await rejects(delivery.send(message('b')), /closed/)
    equal(smsc.binds.length, 1)
  })

  it('gives up what is on its way when it is closed', async () => {
    const delivery = connect({ url: `smpp://duepassi:x@127.0.0.1:${await freePort()}` })
    const failed = rejects(delivery.send(message()), /closed/)
    await delay(30)
    await delivery.close()
    await failed
  })

  it('logs neither password nor number nor text', async () => {
    const wrong = smsc.url.replace('w%25d', 'hidden')
    await rejects(connect({ url: wrong }).send(message()))
    smsc.submitAnswers = [ESME_RINVDSTADR]
    const delivery = connect()
    await rejects(delivery.send(message()))
    await delivery.send(message('b'))
    smsc.drop('noise')
    await until(() => smsc.openSessions() === 1 && smsc.binds.length === 3)
    smsc.deliver({ short_message: 'STOP, says 393471234567' })
    await until(() => smsc.answered.length === 1)
    match(lines.join(''), /out of reach/)
    doesNotMatch(lines.join(''), /p@ss|p%40ss|w%d|hidden|w%25d|3471234567|codice|123456|STOP/)
  })

  it('says nothing of the message or the password in its errors', async () => {
    smsc.submitAnswers = [ESME_RINVDSTADR]
    const delivery = connect()
    for (const sending of [
      delivery.send(message()),
      delivery.send({ ...message(), to: '0039347123456' }),
      delivery.send({ ...message(), to: '+393471234567\0' }),
      delivery.send(message('long', 'codice '.repeat(1_000))),
    ]) {
      const error = await sending.catch((reason: Error) => reason)
      ok(error instanceof Error)
      doesNotMatch(`${error.stack} ${error.cause}`, /347123|codice|123456/)
    }
    equal(smsc.received.length, 0)
  })

  for (const [from, shown] of [
    ['+393401234567', '393401234567'],
    ['12345', '12345'],
  ] as const)
    it(`sends from ${from}`, async () => {
      await connect({ from }).send(message())
      equal(smsc.received[0]?.from, shown)
    })

  it('warns when the SMSC is elsewhere and TLS is not used', () => {
    connect()
    connect({ url: 'smpps://a:b@smsc.example' })
    deepEqual(lines, [])
    connect({ url: 'smpp://a:b@smsc.example' })
    match(lines.join(''), /without TLS/)
  })

  describe('over TLS', () => {
    const authority = issueAuthority('SMSC authority')
    const certificateFor = (dnsName: string) => {
      const { pem, privateKey } = issueCertificate({ commonName: dnsName, dnsName, issuer: authority })
      return { cert: pem, key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string }
    }

    const secured = async (dnsName: string): Promise<FakeSmsc> => {
      const started = await startSmsc({ tls: certificateFor(dnsName) })
      open.push(started)
      return started
    }

    it('sends with a certificate that is valid for the host', async () => {
      const { url, received } = await secured('localhost')
      await connect({ url, ca: authority.pem }).send(message())
      equal(received[0]?.text, italian)
    })

    for (const [what, dnsName, ca] of [
      ['of another host', 'smsc.example', authority.pem],
      ['of an authority that is not trusted', 'localhost', undefined],
    ] as const)
      it(`tells nothing to a certificate ${what}`, async () => {
        const { url, binds } = await secured(dnsName)
        const delivery = connect({ url, ...(ca !== undefined && { ca }), timing: { patience: 200 } })
        await rejects(delivery.send(message()), /in time/)
        deepEqual(binds, [])
        match(lines.join(''), /certificate|altnames/i)
      })
  })
})
