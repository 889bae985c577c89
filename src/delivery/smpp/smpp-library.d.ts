/** What is used of `smpp` 0.5.1, which has no types of its own. */
declare module 'smpp' {
  import type { EventEmitter } from 'node:events'
  import type { Server } from 'node:net'
  import type { TlsOptions } from 'node:tls'

  export type Command =
    | 'bind_transceiver'
    | 'data_sm'
    | 'deliver_sm'
    | 'enquire_link'
    | 'submit_sm'
    | 'unbind'

  /** Text when `data_coding` names an alphabet that the library knows, bytes otherwise. */
  export interface Message {
    message: string | Buffer
    udh?: Buffer[]
  }

  export interface Pdu {
    command: string
    command_status: number
    isResponse(): boolean
    response(fields?: Record<string, unknown>): Pdu
    system_id?: string
    password?: string
    source_addr?: string
    destination_addr?: string
    esm_class?: number
    data_coding?: number
    registered_delivery?: number
    short_message?: Message | ''
    message_payload?: Message
    message_id?: string
    receipted_message_id?: string
    message_state?: number
  }

  /** Emits `error`, `close`, and each PDU under the name of its command; what a listener throws kills the process. */
  export type Session = EventEmitter & {
    /** False when the socket takes no more; nothing was sent then. */
    send(pdu: Pdu): boolean
    close(): void
    destroy(): void
  } & Record<Command, (fields: Record<string, unknown>, onResponse?: (response: Pdu) => void) => boolean>

  const smpp: {
    /** All of it goes to `net.connect` or `tls.connect`. */
    connect(options: { host: string; port: number; tls: boolean; noDelay: boolean; ca?: string }): Session
    createServer(options: TlsOptions, onSession: (session: Session) => void): Server
    /** By name, such as `ESME_ROK`. */
    errors: Record<string, number>
    encodings: Record<
      'ASCII' | 'UCS2',
      { match(text: string): boolean; encode(text: string): Buffer; decode(bytes: Buffer): string }
    >
  }
  export default smpp
}
