import smpp, { type Command, type Pdu, type Session } from 'smpp'

export interface Smsc {
  host: string
  port: number
  tls: boolean
  /** Authorities in PEM, in place of Node's. */
  ca?: string | undefined
  systemId: string
  password: string
}

/** Milliseconds. */
export interface SessionTiming {
  /** For an answer of the SMSC. */
  patience: number
  /** Between two questions whether the SMSC is still there. */
  heartbeat: number
}

export interface BoundSession {
  /**
   * Rejects with `NotSent` when nothing went out, and with another error when nobody knows whether it arrived: the
   * session ended, the answer took too long, or the signal was given.
   */
  ask(command: Command, fields: Record<string, unknown>, signal?: AbortSignal): Promise<Pdu>
  /** Resolves when the session is over, whoever ended it. */
  ended: Promise<void>
  close(): Promise<void>
}

/** The SMSC said no. Its message names the status and nothing of what was asked. */
export class SmscRefusal extends Error {
  readonly status: number
  constructor(what: string, status: number) {
    super(`the SMSC refused ${what}: ${nameOf(status)}`)
    this.name = 'SmscRefusal'
    this.status = status
  }
}

/** Nothing went out, so that it can be tried again. */
export class NotSent extends Error {
  override name = 'NotSent'
}

const { ESME_ROK, ESME_RINVPASWD, ESME_RINVSYSID, ESME_RBINDFAIL } = smpp.errors
/** Trying again with the same name and password would not help, and may get the account blocked. */
const unwelcome = new Set([ESME_RINVPASWD, ESME_RINVSYSID, ESME_RBINDFAIL])

const nameOf = (status: number): string =>
  Object.entries(smpp.errors).find(([, value]) => value === status)?.[0] ?? `0x${status.toString(16)}`

/**
 * Connects and binds as a transceiver: one session sends messages and gets receipts. TLS checks certificate and name.
 *
 * @param onMessage what the SMSC delivers, after it was answered; must not throw
 * @param signal gives up, also while connecting
 * @throws SmscRefusal of the credentials; NotSent, with its cause, when there is no session for another reason
 */
export async function openSession(
  smsc: Smsc,
  timing: SessionTiming,
  onMessage: (pdu: Pdu) => void,
  signal: AbortSignal,
): Promise<BoundSession> {
  signal.throwIfAborted()
  const { host, port, tls, ca, systemId, password } = smsc
  const session = smpp.connect({ host, port, tls, noDelay: true, ...(ca !== undefined && { ca }) })
  // Each question that is open listens for the end.
  session.setMaxListeners(0)
  let failure: Error | undefined
  session.on('error', (error: Error) => {
    failure ??= error
    session.destroy()
  })
  const ended = new Promise<void>((resolve) => session.once('close', () => resolve()))
  answerQuestions(session, onMessage)

  const ask: BoundSession['ask'] = async (command, fields, until) => {
    until?.throwIfAborted()
    const { promise, resolve, reject } = Promise.withResolvers<Pdu>()
    const over = () => reject(new Error('the session with the SMSC ended', { cause: failure }))
    const stop = () => reject(until?.reason)
    const timer = setTimeout(() => reject(new Error('the SMSC does not answer')), timing.patience).unref()
    session.once('close', over)
    until?.addEventListener('abort', stop)
    try {
      if (!session[command](fields, resolve)) throw new NotSent('the connection to the SMSC is closed')
      return await promise
    } finally {
      clearTimeout(timer)
      session.off('close', over)
      until?.removeEventListener('abort', stop)
    }
  }

  try {
    const fields = { system_id: systemId, password, interface_version: 0x34 }
    const { command_status: status } = await ask('bind_transceiver', fields, signal)
    if (status !== ESME_ROK) throw new SmscRefusal('the bind', status)
  } catch (error) {
    session.destroy()
    if (error instanceof SmscRefusal && unwelcome.has(error.status)) throw error
    throw new NotSent('there is no session with the SMSC', { cause: error })
  }
  const heartbeat = setInterval(() => {
    ask('enquire_link', {}).catch(() => session.destroy())
  }, timing.heartbeat).unref()
  void ended.then(() => clearInterval(heartbeat))

  return {
    ask,
    ended,
    async close() {
      await ask('unbind', {}, AbortSignal.timeout(1_000)).catch(() => {})
      session.destroy()
      await ended
    },
  }
}

/** The library answers nothing by itself. */
function answerQuestions(session: Session, onMessage: (pdu: Pdu) => void): void {
  const answer = (pdu: Pdu) => session.send(pdu.response())
  session.on('enquire_link', answer)
  session.on('unbind', (pdu: Pdu) => {
    answer(pdu)
    session.close()
  })
  for (const command of ['deliver_sm', 'data_sm'])
    session.on(command, (pdu: Pdu) => {
      answer(pdu)
      onMessage(pdu)
    })
  session.on('unknown', (pdu: Pdu) => {
    if (!pdu.isResponse()) answer(pdu)
  })
}
