/** Ways of telling a person something outside the page. Implementations: inbox/ (demo), smtp/. */
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
