import { createTransport } from 'nodemailer'
import type { MailDelivery } from '../delivery.ts'

export interface SmtpOptions {
  /** `smtp://user:password@host:587`, or `smtps://` for TLS from the first byte. */
  url: string
  /** Address of the sender. */
  from: string
  /** Name of the sender, such as the brand. */
  name?: string
}

/** Exactly one address: no display name, no list, no comment, no line break. */
const oneAddress = /^[^\s@<>()[\]\\,;:"]+@[^\s@<>()[\]\\,;:"]+$/

/**
 * Mail by SMTP. STARTTLS is required, with a certificate that is valid for the host; only to this very machine
 * (`localhost`, 127.0.0.0/8, `::1`) mail goes in the clear.
 *
 * @throws Error when `from` is not one address, or the url is not one.
 */
export function smtpDelivery({ url, from, name = '' }: SmtpOptions): MailDelivery {
  const sender = { name, address: checkedAddress(from) }
  const transport = createTransport({
    ...connection(new URL(url)),
    connectionTimeout: 10_000,
    greetingTimeout: 10_000,
    socketTimeout: 20_000,
    dnsTimeout: 10_000,
    disableFileAccess: true,
    disableUrlAccess: true,
  })
  return {
    async send({ to, subject, text }) {
      const address = checkedAddress(to.address)
      await transport.sendMail({
        from: sender,
        // An object and an explicit envelope: a string would be read as an address list, in which a line break
        // or a comma adds recipients.
        to: { name: oneLine(to.name), address },
        envelope: { from: sender.address, to: [address] },
        subject: oneLine(subject),
        text,
        // RFC 3834 §5: keeps out-of-office answers away.
        headers: { 'Auto-Submitted': 'auto-generated' },
      })
    },
    async close() {
      transport.close()
    },
  }
}

function connection(url: URL) {
  const secure = url.protocol === 'smtps:'
  const loopback = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(url.hostname)
  const auth = { user: decodeURIComponent(url.username), pass: decodeURIComponent(url.password) }
  return {
    host: url.hostname.replaceAll(/[[\]]/g, ''),
    port: Number(url.port) || (secure ? 465 : 587),
    secure,
    requireTLS: !secure && !loopback,
    ignoreTLS: loopback,
    ...(url.username ? { auth } : {}),
  }
}

function checkedAddress(address: string): string {
  if (!oneAddress.test(address)) throw new Error('this is not one mail address')
  return address
}

const oneLine = (text: string): string => text.replaceAll(/[\r\n]+/g, ' ')
