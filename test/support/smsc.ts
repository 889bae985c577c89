/** A message centre that is good for nothing but tests: the server of the `smpp` library on 127.0.0.1. */
import type { AddressInfo } from 'node:net'
import type { TlsOptions } from 'node:tls'
import smpp, { type Pdu, type Session } from 'smpp'

export interface ReceivedText {
  /** What the answer called it. */
  messageId: string
  from: string
  to: string
  alphabet: 'gsm-7' | 'ucs-2'
  /** Decoded, of this part. */
  text: string
  /** Total and number of a part; absent when the message is whole. */
  part?: [total: number, number: number]
  receiptAsked: boolean
}

export interface FakeSmsc {
  port: number
  /** With the right credentials, percent-encoded. */
  url: string
  received: ReceivedText[]
  binds: { systemId: string; password: string }[]
  /** Statuses for the next binds and submissions, one each; then all is well again. */
  bindAnswers: number[]
  submitAnswers: number[]
  /** Milliseconds before a submission is answered; `never` keeps it open. */
  delay: number | 'never'
  /** Whether questions for the link are answered. */
  alive: boolean
  enquiries: number
  /** What came back for deliveries and questions of ours, by command. */
  answered: string[]
  /** Given a receipt for each message, in the same packet as its answer. */
  reportAtOnce: string | undefined
  openSessions(): number
  /** Sends a receipt by its words, or by its fields alone. */
  report(messageId: string, state: string, by?: 'words' | 'fields'): void
  /** Sends anything to the client. */
  deliver(fields: Record<string, unknown>): void
  /** Ends all sessions: politely, by cutting them off, or with bytes that are no PDU. */
  drop(how?: 'unbind' | 'cut' | 'noise'): void
  close(): Promise<void>
}

const user = 'duepassi'
export const passwordOfSmsc = 'p@ss:w%d?'
const states: Record<string, number> = { DELIVRD: 2, EXPIRED: 3, UNDELIV: 5, ENROUTE: 1, REJECTD: 8 }

/** Listens on `port`, or a free one; with `key` and `cert` it speaks TLS. */
export async function startSmsc({
  port = 0,
  tls = {},
}: {
  port?: number
  tls?: TlsOptions
} = {}): Promise<FakeSmsc> {
  const sessions = new Set<Session>()
  let nextId = 161

  const server = smpp.createServer({ noDelay: true, ...tls }, (session) => {
    session.on('error', () => session.destroy())
    session.on('close', () => sessions.delete(session))
    session.on('bind_transceiver', (pdu: Pdu) => {
      smsc.binds.push({ systemId: pdu.system_id ?? '', password: pdu.password ?? '' })
      const right = pdu.system_id === user && pdu.password === passwordOfSmsc
      const status = smsc.bindAnswers.shift() ?? (right ? 0 : (smpp.errors.ESME_RINVPASWD ?? 0))
      session.send(pdu.response({ command_status: status, system_id: 'fake' }))
      if (status === 0) sessions.add(session)
      else session.close()
    })
    session.on('submit_sm', (pdu: Pdu) => submitted(session, pdu))
    session.on('enquire_link', (pdu: Pdu) => {
      smsc.enquiries += 1
      if (smsc.alive) session.send(pdu.response())
    })
    session.on('unbind', (pdu: Pdu) => {
      session.send(pdu.response())
      session.close()
    })
    for (const command of ['deliver_sm_resp', 'enquire_link_resp', 'generic_nack'])
      session.on(command, (pdu: Pdu) => smsc.answered.push(`${pdu.command} ${pdu.command_status}`))
  })

  function submitted(session: Session, pdu: Pdu): void {
    const status = smsc.submitAnswers.shift() ?? 0
    const messageId = `000${(nextId++).toString(16).toUpperCase()}`
    if (status === 0) smsc.received.push(textOf(pdu, messageId))
    const answer = () => {
      session.send(pdu.response({ command_status: status, message_id: messageId }))
      if (smsc.reportAtOnce !== undefined && status === 0) smsc.report(messageId, smsc.reportAtOnce)
    }
    if (smsc.delay === 'never') return
    if (smsc.delay === 0) answer()
    else setTimeout(answer, smsc.delay)
  }

  const smsc: FakeSmsc = {
    port: 0,
    url: '',
    received: [],
    binds: [],
    bindAnswers: [],
    submitAnswers: [],
    delay: 0,
    alive: true,
    enquiries: 0,
    answered: [],
    reportAtOnce: undefined,
    openSessions: () => sessions.size,
    report(messageId, state, by = 'words') {
      // As a real one does: the id in another spelling, and the beginning of the text at the end.
      const id = messageId.toLowerCase().replace(/^0+/, '')
      const words = `id:${id} sub:001 dlvrd:001 submit date:2603021400 done date:2603021401 stat:${state} err:000 text:id:77 stat:UNDELIV`
      smsc.deliver({
        esm_class: 4,
        ...(by === 'words'
          ? { short_message: words }
          : { receipted_message_id: messageId, message_state: states[state] }),
      })
    },
    deliver(fields) {
      for (const session of sessions)
        session.deliver_sm({ source_addr: '393471234567', destination_addr: '1234', ...fields })
    },
    drop(how = 'cut') {
      for (const session of sessions) {
        if (how === 'unbind') session.unbind({})
        else if (how === 'cut') session.destroy()
        else (session as unknown as { socket: { write(bytes: Buffer): void } }).socket.write(noise)
      }
    },
    async close() {
      for (const session of sessions) session.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  await new Promise<void>((resolve, reject) =>
    server.once('error', reject).listen(port, '127.0.0.1', resolve),
  )
  smsc.port = (server.address() as AddressInfo).port
  const scheme = tls.key === undefined ? 'smpp' : 'smpps'
  const host = tls.key === undefined ? '127.0.0.1' : 'localhost'
  smsc.url = `${scheme}://${user}:${encodeURIComponent(passwordOfSmsc)}@${host}:${smsc.port}`
  return smsc
}

/** A length that no PDU has. */
const noise = Buffer.from('ffffffff0000000000000000', 'hex')

const textOf = (pdu: Pdu, messageId: string): ReceivedText => {
  const message = pdu.short_message || { message: '' }
  const concatenation = message.udh?.find((element) => element[0] === 0)
  return {
    messageId,
    from: pdu.source_addr ?? '',
    to: pdu.destination_addr ?? '',
    alphabet: pdu.data_coding === 8 ? 'ucs-2' : 'gsm-7',
    text: String(message.message),
    ...(concatenation && { part: [concatenation[3] ?? 0, concatenation[4] ?? 0] }),
    receiptAsked: pdu.registered_delivery === 1,
  }
}
