// What it is built on (tsyringe) wants this to be there first.
import 'reflect-metadata'
import type { X509Certificate as Certificate } from 'node:crypto'
import { Name, SubjectAlternativeNameExtension, X509Certificate } from '@peculiar/x509'
import type { CertificateNames } from './client-certificate.ts'

/** The library knows a few types by their short names, in capitals: those of RFC 4514 §3, and what tools print besides. */
const types: ReadonlyArray<readonly [name: string, oid: string]> = [
  ['CN', '2.5.4.3'],
  ['SN', '2.5.4.4'],
  ['serialNumber', '2.5.4.5'],
  ['C', '2.5.4.6'],
  ['L', '2.5.4.7'],
  ['ST', '2.5.4.8'],
  ['S', '2.5.4.8'],
  ['STREET', '2.5.4.9'],
  ['O', '2.5.4.10'],
  ['OU', '2.5.4.11'],
  ['businessCategory', '2.5.4.15'],
  ['postalCode', '2.5.4.17'],
  ['GN', '2.5.4.42'],
  ['organizationIdentifier', '2.5.4.97'],
  ['UID', '0.9.2342.19200300.100.1.1'],
  ['DC', '0.9.2342.19200300.100.1.25'],
  ['E', '1.2.840.113549.1.9.1'],
  ['emailAddress', '1.2.840.113549.1.9.1'],
]
const spellings = Object.fromEntries(
  types.flatMap(([name, oid]) => [name, name.toLowerCase(), name.toUpperCase()].map((one) => [one, oid])),
)

/**
 * What the library reads as it is meant: it passes over what it does not understand, knows no escapes by number but two,
 * and mistakes a backslash at the end of a value. Not `#` at its start either, which stands for a value that is no text.
 */
const attribute = String.raw`(?:[A-Za-z]+|[0-2](?:\.\d+)+)=(?!\\?[ #])(?:[^\p{C}\p{Zl}\p{Zp},+"\\<>;]|\\[,+"<>;=# ])+(?<! )`
const readable = new RegExp(`^${attribute}(?:[,+] *${attribute})*$`, 'u')

/** The parts in their order; each a set of attributes, which has none. */
const partsOf = (name: Name): string[][] =>
  name.toJSON().map((part) =>
    Object.entries(part)
      .flatMap(([type, values]) => values.map((value) => JSON.stringify([type, value])))
      .sort(),
  )

/** @throws Error for a type without a name here */
const written = (text: string): string[][] => {
  if (!readable.test(text)) throw new Error('it is not written as a distinguished name')
  // Once more from its encoding, so that types have the names that they have in certificates. The most specific part is
  // written first (RFC 4514 §2.1), and encoded last.
  return partsOf(new Name(new Name(text, spellings).toArrayBuffer())).reverse()
}

const isSubject = (certificate: X509Certificate, expected: string): boolean =>
  JSON.stringify(partsOf(certificate.subjectName)) === JSON.stringify(written(expected))

/** Of two lists of names, none is the one that somebody vouched for (RFC 5280 §4.2). */
const alternatives = (certificate: X509Certificate, kind: 'dns' | 'url' | 'email'): string[] => {
  const [extension, ...more] = certificate.getExtensions(SubjectAlternativeNameExtension)
  if (extension === undefined || more.length > 0) return []
  return extension.names.items.filter(({ type }) => type === kind).map(({ value }) => value)
}

const carries: CertificateNames['carries'] = (given, property, expected) => {
  const certificate = () => new X509Certificate(Uint8Array.from(given.raw))
  switch (property) {
    case 'tls_client_auth_subject_dn':
      return isSubject(certificate(), expected)
    case 'tls_client_auth_san_dns':
      return alternatives(certificate(), 'dns').some((name) => name.toLowerCase() === expected.toLowerCase())
    case 'tls_client_auth_san_uri':
      return alternatives(certificate(), 'url').includes(expected)
    case 'tls_client_auth_san_email':
      return alternatives(certificate(), 'email').includes(expected)
    case 'tls_client_auth_san_ip':
      return given.checkIP(expected) !== undefined
  }
}

/** Takes memory: loaded by `import()`, where names count. */
export const certificateNames: CertificateNames = {
  faultOf(name) {
    if (!readable.test(name)) return 'is not written like CN=bank,O=The Bank,C=IT'
    try {
      written(name)
      return undefined
    } catch {
      return 'has an attribute whose name is not known; its number may stand there, as in 2.5.4.97=x'
    }
  },
  carries(certificate: Certificate, property, expected) {
    try {
      return carries(certificate, property, expected)
    } catch {
      return false
    }
  },
}
