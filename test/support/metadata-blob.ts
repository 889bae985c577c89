import { sign } from 'node:crypto'
import { issueCertificate, type TestCertificate } from './certificates.ts'

export interface BlobContents {
  root: TestCertificate
  entries: readonly BlobEntry[]
  no?: number
  /** YYYY-MM-DD. */
  nextUpdate?: string
  /** The host that the signing certificate is for. */
  signer?: string
  /** Default: one that the root issues now. */
  signingCertificate?: TestCertificate
  /** Between the signing certificate and the root. */
  intermediates?: readonly TestCertificate[]
  payload?: (payload: Record<string, unknown>) => unknown
}

export interface BlobEntry {
  aaguid: string
  description?: string
  roots: readonly TestCertificate[]
  statuses?: readonly string[]
}

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

/** A BLOB as the FIDO Metadata Service publishes it (MDS 3.0 §3.1.6), with what this project looks at. */
export const signBlob = (contents: BlobContents): string => {
  const { root, entries, no = 1, nextUpdate = '2099-01-01', signer = 'mds.example.org' } = contents
  const { payload: change = (payload) => payload, intermediates = [] } = contents
  const leaf =
    contents.signingCertificate ?? issueCertificate({ commonName: signer, issuer: root, dnsName: signer })
  const x5c = [leaf, ...intermediates].map(({ der }) => der.toString('base64'))
  const payload = {
    legalHeader: 'Made for tests.',
    no,
    nextUpdate,
    entries: entries.map(
      ({ aaguid, description = 'A test key', roots, statuses = ['FIDO_CERTIFIED_L1'] }) => ({
        aaguid,
        metadataStatement: {
          aaguid,
          description,
          attestationRootCertificates: roots.map(({ der }) => der.toString('base64')),
        },
        statusReports: statuses.map((status, year) => ({ status, effectiveDate: `${2020 + year}-01-01` })),
        timeOfLastStatusChange: '2020-01-01',
      }),
    ),
  }
  const text = `${encode({ alg: 'ES256', typ: 'JWT', x5c })}.${encode(change(payload))}`
  const signature = sign('sha256', Buffer.from(text), { key: leaf.privateKey, dsaEncoding: 'ieee-p1363' })
  return `${text}.${signature.toString('base64url')}`
}
