/**
 * Ways of telling a person something outside the page. Implementations: mail by smtp/, text messages by sms-webhook/ and
 * smpp/; inbox/ keeps both for the demo.
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
