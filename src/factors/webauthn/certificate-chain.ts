import type { X509Certificate } from 'node:crypto'

/**
 * Does a chain end at one of the trusted certificates: an authority, or the first certificate itself? In the order of
 * the standards, each certificate certifying the one before it (WebAuthn L3 §8.2, RFC 7515 §4.1.6); signatures, names,
 * key usage, basic constraints and validity as RFC 5280 §6.1 has them.
 *
 * Not the library's: it asks the network for revocation lists that a certificate names, takes the machine's clock, and
 * lets a certificate that is no authority certify another.
 *
 * @param now milliseconds since the Unix epoch
 */
export const endsAtTrusted = (
  chain: readonly X509Certificate[],
  trusted: readonly X509Certificate[],
  now: number,
): boolean => {
  const [certificate, ...issuers] = chain
  if (!certificate || !isValidAt(certificate, now)) return false
  if (trusted.some((anchor) => anchor.raw.equals(certificate.raw))) return true
  if (trusted.some((anchor) => isValidAt(anchor, now) && isIssuedBy(certificate, anchor))) return true
  const [issuer] = issuers
  if (!issuer?.ca) return false
  return isIssuedBy(certificate, issuer) && endsAtTrusted(issuers, trusted, now)
}

const isIssuedBy = (certificate: X509Certificate, issuer: X509Certificate): boolean =>
  certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey)

const isValidAt = ({ validFromDate, validToDate }: X509Certificate, now: number): boolean =>
  validFromDate.getTime() <= now && now <= validToDate.getTime()
