/** The algorithms of RFC 6030 §6 that are known here, by their URI. Everything else is refused. */

export interface Cipher {
  /** As OpenSSL calls it. */
  name: string
  keyBytes: number
  /** AES key wrap (RFC 3394) has a check of its own; CBC has none, and needs a MAC. */
  mode: 'cbc' | 'wrap'
}

const xmlenc = 'http://www.w3.org/2001/04/xmlenc#'

export const ciphers: ReadonlyMap<string, Cipher> = new Map(
  [128, 192, 256].flatMap((bits): [string, Cipher][] => [
    [`${xmlenc}aes${bits}-cbc`, { name: `aes-${bits}-cbc`, keyBytes: bits / 8, mode: 'cbc' }],
    [`${xmlenc}kw-aes${bits}`, { name: `id-aes${bits}-wrap`, keyBytes: bits / 8, mode: 'wrap' }],
  ]),
)

/** For MACs, and as the pseudorandom function of PBKDF2. */
export const hmacs: ReadonlyMap<string, 'sha1' | 'sha256' | 'sha512'> = new Map([
  ['http://www.w3.org/2000/09/xmldsig#hmac-sha1', 'sha1'],
  ['http://www.w3.org/2001/04/xmldsig-more#hmac-sha256', 'sha256'],
  ['http://www.w3.org/2001/04/xmldsig-more#hmac-sha512', 'sha512'],
])

export const pbkdf2Names: ReadonlySet<string> = new Set([
  'http://www.rsasecurity.com/rsalabs/pkcs/schemas/pkcs-5v2-0#pbkdf2',
  'http://www.w3.org/2009/xmlenc11#pbkdf2',
])

/** Of the key itself (RFC 6030 §10, with the # of its drafts; draft-josefsson-keyprov-pskc-yubikey). */
export function kindOf(algorithm: string | undefined): string | undefined {
  if (algorithm === 'http://www.yubico.com/#yubikey-aes') return 'yubico'
  return /^urn:ietf:params:xml:ns:keyprov:pskc[:#]([\w.-]+)$/.exec(algorithm ?? '')?.[1]
}

/** The part of a URI that names an algorithm, for people; undefined where it is none of the usual length. */
export const nameIn = (uri: string | undefined): string | undefined => /#([\w.-]{1,15})$/.exec(uri ?? '')?.[1]
