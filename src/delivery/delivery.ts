/**
 * Ways of telling a person something outside the page. Implementations: mail by smtp/, text messages by sms-webhook/ and
 * smpp/, notifications by push/; inbox/ keeps mails and text messages for the demo.
 */
export interface Mail {
  to: { name: string; address: string }
  subject: string
  /** Plain text; mails of this product have no other part. */
  text: string
}

export interface MailDelivery {
  /** Rejects when the mail could not be handed over; the caller logs it and goes on. */
  send(mail: Mail): Promise<void>
  close(): Promise<void>
}

export interface TextMessage {
  /** E.164, as `parsePhoneNumber` answers it. */
  to: string
  text: string
  /** Same id: same message; whoever delivers sends it once. */
  id: string
}

export interface TextDelivery {
  /** Resolves when the message was handed over, rejects otherwise; the caller logs it and offers another way. */
  send(message: TextMessage): Promise<void>
  close(): Promise<void>
}

/** What became of a message, as far as anybody tells: a hint for people, which nothing is decided by. */
export interface DeliveryReport {
  /** Of the `TextMessage`. */
  id: string
  state: 'delivered' | 'failed' | 'expired'
}

/** That something is asked in the authenticator app. Nothing but ids travels: whoever carries it learns nothing. */
export interface PushNotice {
  /** Of the request. */
  id: string
  /** Milliseconds since the Unix epoch; later it is of no use. */
  expiresAt: number
  /** Of the generic text that the device shows. */
  language: 'en' | 'it'
}

/**
 * `gone`: there is nobody at that address any more, nor ever will be. `failed`: not this time. None of them decides
 * anything: a request can be answered by whoever opens the app.
 */
export type PushOutcome = 'sent' | 'gone' | 'failed'

export interface PushDelivery {
  /** What a browser needs to subscribe (RFC 8292 §3.2): a P-256 point, base64url; null: no web push. */
  readonly applicationServerKey: string | null
  /** The address as it is kept, if it is one that this delivers to; undefined otherwise. `given` comes from a device. */
  readAddress(given: unknown): string | undefined
  /** Never rejects. `address`: as `readAddress` answered it. */
  send(address: string, notice: PushNotice): Promise<PushOutcome>
  close(): Promise<void>
}
