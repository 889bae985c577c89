import { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { compactVerify, decodeProtectedHeader } from 'jose'
import { z } from 'zod'
import { DuepassiError } from '../../errors.ts'
import { endsAtTrusted } from './certificate-chain.ts'

/** What the FIDO Metadata Service says of authenticator models (MDS 3.0 §3.1), as far as it is looked at. */
export interface Metadata {
  /** Serial number of the BLOB; grows with every edition. */
  no: number
  /** Milliseconds since the Unix epoch: the end of the day by which another edition appears. From then on it is outdated. */
  nextUpdate: number
  /** `aaguid`: lower case. */
  entryOf(aaguid: string): MetadataEntry | undefined
}

export interface MetadataEntry {
  description: string
  /** DER, base64. */
  attestationRoots: readonly string[]
  /** Every status that was ever reported. */
  statuses: readonly string[]
}

export type MetadataSource = ({ file: string } | { blob: string }) & {
  /** PEM, one certificate each; default: the roots of the FIDO Alliance's own service. */
  roots?: readonly string[]
  /**
   * Host name that the signing certificate must be for. Default: with the FIDO Alliance's roots, its service, since
   * these roots certify web servers of all the world; with other roots, any.
   */
  signer?: string
  /** Milliseconds since the Unix epoch. */
  now: number
}

const fidoSigner = 'mds.fidoalliance.org'

const payloadSchema = z.object({
  no: z.int().nonnegative(),
  nextUpdate: z.iso.date(),
  entries: z.array(
    z.object({
      aaguid: z.string().toLowerCase().optional(),
      metadataStatement: z
        .object({ description: z.string(), attestationRootCertificates: z.array(z.string()) })
        .optional(),
      statusReports: z.array(z.object({ status: z.string() })),
    }),
  ),
})

/**
 * Reads a BLOB of the FIDO Metadata Service, from a local file or as text, and verifies who signed it. The network is
 * not used, so a revocation of the signing certificate goes unseen: it is for whoever fetches the file.
 *
 * @throws DuepassiError `not_configured`, with a plain reason
 */
export const readMetadata = async (source: MetadataSource): Promise<Metadata> => {
  const blob = 'blob' in source ? source.blob : await readBlob(source.file)
  const { no, nextUpdate, entries } = await verifyBlob(blob.trim(), source)
  const models = new Map<string, MetadataEntry>()
  for (const { aaguid, metadataStatement, statusReports } of entries)
    if (aaguid !== undefined && metadataStatement)
      models.set(aaguid, {
        description: metadataStatement.description,
        attestationRoots: metadataStatement.attestationRootCertificates,
        statuses: statusReports.map(({ status }) => status),
      })
  return { no, nextUpdate: Date.parse(nextUpdate) + 86_400_000, entryOf: (aaguid) => models.get(aaguid) }
}

const readBlob = (file: string): Promise<string> =>
  readFile(file, 'utf8').catch((cause) => {
    throw unusable(`${file} cannot be read`, cause)
  })

const verifyBlob = async (blob: string, source: MetadataSource) => {
  const roots = source.roots ?? (await fidoRoots())
  const chain = signersOf(blob)
  const signer = source.signer ?? (source.roots ? undefined : fidoSigner)
  const [leaf] = chain
  if (!leaf || !endsAtTrusted(chain, certificatesIn(roots), source.now))
    throw unusable('its signer is not certified by a root that is trusted for it')
  if (signer !== undefined && leaf.checkHost(signer) === undefined)
    throw unusable(`its signer is not ${signer}`)
  // The key is one of a pair: jose takes no `none` and no HMAC by it.
  const verified = await compactVerify(blob, leaf.publicKey).catch((cause) => {
    throw unusable('its signature is wrong', cause)
  })
  try {
    return payloadSchema.parse(JSON.parse(Buffer.from(verified.payload).toString()))
  } catch (cause) {
    throw unusable('it does not say what FIDO MDS 3.0 asks for', cause)
  }
}

const signersOf = (blob: string): X509Certificate[] => {
  try {
    const { x5c = [] } = decodeProtectedHeader(blob)
    return x5c.map((certificate) => new X509Certificate(Buffer.from(certificate, 'base64')))
  } catch (cause) {
    throw unusable('it is not a signed BLOB', cause)
  }
}

const certificatesIn = (pem: readonly string[]): X509Certificate[] => {
  try {
    return pem.map((certificate) => new X509Certificate(certificate))
  } catch (cause) {
    throw unusable('a root is not a certificate in PEM', cause)
  }
}

const fidoRoots = async (): Promise<string[]> => {
  const { SettingsService } = await import('@simplewebauthn/server')
  return SettingsService.getRootCertificates({ identifier: 'mds' })
}

const unusable = (reason: string, cause?: unknown): DuepassiError =>
  new DuepassiError('not_configured', `The FIDO metadata cannot be used: ${reason}.`, { cause })
