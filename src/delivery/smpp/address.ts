/** What a field of SMPP can hold: a line end or a zero would end it early. */
const printable = /^[\x20-\x7e]{1,64}$/

/**
 * `smpp://user:password@host:2775`; `exposed` when it leads out of this machine without TLS.
 *
 * @throws Error that does not repeat the url, in which there is a password.
 */
export function readSmsc(text: string) {
  if (!URL.canParse(text)) throw new Error('the address of the SMSC is not a url')
  const url = new URL(text)
  const host = url.hostname.replaceAll(/[[\]]/g, '')
  if (!/^smpps?:$/.test(url.protocol) || host === '')
    throw new Error('the address of the SMSC is smpp://user:password@host or smpps://…')
  const tls = url.protocol === 'smpps:'
  const systemId = decoded(url.username)
  const password = decoded(url.password)
  if (!printable.test(systemId) || !printable.test(password))
    throw new Error('the SMSC needs a user and a password of printable ASCII characters')
  const loopback = /^(localhost|127(\.\d+){3}|::1)$/.test(host)
  const port = Number(url.port) || (tls ? 3550 : 2775)
  return { host, port, tls, systemId, password, exposed: !tls && !loopback }
}

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return ''
  }
}

/**
 * The sender with its type of number (SMPP 3.4 §5.2.5): international, a short code of the network, or a name.
 *
 * @throws Error when it is none of these.
 */
export function readSender(from: string) {
  const number = /^\+?(\d{1,15})$/.exec(from)?.[1]
  if (number !== undefined && number.length > 6)
    return { source_addr_ton: 1, source_addr_npi: 1, source_addr: number }
  if (number !== undefined) return { source_addr_ton: 3, source_addr_npi: 0, source_addr: number }
  if (!/^[A-Za-z0-9 ._-]{1,11}$/.test(from))
    throw new Error('the sender of text messages is a number, or a name of up to 11 letters and digits')
  return { source_addr_ton: 5, source_addr_npi: 0, source_addr: from }
}
