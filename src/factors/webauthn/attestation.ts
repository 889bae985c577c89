import { X509Certificate } from 'node:crypto'
import { endsAtTrusted } from './certificate-chain.ts'
import type { AllowedAuthenticators } from './options.ts'

/** Formats that are verified in full here; the others are refused, not waved through. */
export const acceptedFormats: readonly string[] = ['none', 'packed', 'apple']

/** FIDO MDS 3.0 §3.1.4: what is wrong with all authenticators of a model. One such report, of whatever date, refuses it. */
const refusedStatuses: readonly string[] = [
  'REVOKED',
  'USER_VERIFICATION_BYPASS',
  'ATTESTATION_KEY_COMPROMISE',
  'USER_KEY_REMOTE_COMPROMISE',
  'USER_KEY_PHYSICAL_COMPROMISE',
]

/** An attestation statement whose signature is verified already. */
export interface VerifiedStatement {
  aaguid: string
  fmt: string
  /** DER, from the authenticator's own certificate on; none: the authenticator vouches for itself, or nobody does. */
  x5c: readonly Uint8Array[]
}

/**
 * Is this one of the allowed models, proven by a chain to the roots of that very model, by metadata that are current,
 * and is nothing bad known of it? An AAGUID alone is only a claim.
 *
 * @param now milliseconds since the Unix epoch
 */
export const isTrusted = (
  { aaguid, fmt, x5c }: VerifiedStatement,
  { allowed, metadata }: AllowedAuthenticators,
  now: number,
): boolean => {
  const entry = metadata.entryOf(aaguid)
  if (fmt === 'none' || !entry || !allowed.includes(aaguid)) return false
  if (now >= metadata.nextUpdate) return false
  if (entry.statuses.some((status) => refusedStatuses.includes(status))) return false
  try {
    return endsAtTrusted(
      x5c.map((certificate) => new X509Certificate(certificate)),
      entry.attestationRoots.map((root) => new X509Certificate(Buffer.from(root, 'base64'))),
      now,
    )
  } catch {
    return false
  }
}
