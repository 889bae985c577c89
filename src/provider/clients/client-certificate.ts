import { X509Certificate } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

/** Base64 of more than that is no certificate of a client. */
const longest = 16_384

const pem = /^-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----\s*$/

/** RFC 9440 §2.1: a byte sequence of RFC 8941. */
const byteSequence = /^:([A-Za-z0-9+/=]+):$/

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return ''
  }
}

/** A certificate from a header: RFC 9440, PEM, or PEM with URL escapes (nginx `$ssl_client_escaped_cert`). Just one. */
export const readCertificate = (text: string): X509Certificate | undefined => {
  if (text.length > longest) return undefined
  const base64 = byteSequence.exec(text)?.[1] ?? pem.exec(text)?.[1] ?? pem.exec(decoded(text))?.[1]
  if (base64 === undefined) return undefined
  try {
    return new X509Certificate(Buffer.from(base64, 'base64'))
  } catch {
    return undefined
  }
}

/** The value of a header that came just once: of two, one is not the proxy's. */
export const onlyValue = ({ headersDistinct }: IncomingMessage, header: string): string | undefined => {
  const values = headersDistinct[header.toLowerCase()] ?? []
  return values.length === 1 ? values[0] : undefined
}

/** `tls_client_auth_…` of client metadata (RFC 8705 §2.1.2). */
export const subjectProperties = [
  'tls_client_auth_subject_dn',
  'tls_client_auth_san_dns',
  'tls_client_auth_san_uri',
  'tls_client_auth_san_ip',
  'tls_client_auth_san_email',
] as const

export type SubjectProperty = (typeof subjectProperties)[number]

/** Reads the names in certificates: `certificate-names.ts`, which is loaded only where somebody asks for them. */
export interface CertificateNames {
  /** What is wrong with a distinguished name (RFC 4514) that a client would be registered with; undefined: nothing. */
  faultOf(name: string): string | undefined
  /** Whether a certificate carries the very name that its client is registered with. Values are compared to the letter. */
  carries(certificate: X509Certificate, property: SubjectProperty, expected: string): boolean
}
