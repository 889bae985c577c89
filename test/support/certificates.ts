/** Certificates for tests (RFC 5280, P-256 with SHA-256), with the extensions that attestation looks at. */
import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'

export interface TestCertificate {
  der: Buffer
  pem: string
  privateKey: KeyObject
  /** The subject as DER, which the certificates that it issues repeat. */
  name: Buffer
}

export interface CertificateContents {
  commonName: string
  /** Default: signed by itself. */
  issuer?: TestCertificate
  /** Default: Authenticator Attestation, as WebAuthn L3 §8.2.1 asks for. */
  unit?: string
  /** CA:TRUE in the basic constraints. */
  authority?: boolean
  /** Extension id-fido-gen-ce-aaguid. */
  aaguid?: string
  dnsName?: string
  /** Where a revocation list would be. */
  revocationList?: string
  from?: Date
  to?: Date
}

const tlv = (tag: number, ...contents: Buffer[]): Buffer => {
  const content = Buffer.concat(contents)
  const length = content.length
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255]
  return Buffer.concat([Buffer.from([tag, ...size]), content])
}
const sequence = (...contents: Buffer[]) => tlv(0x30, ...contents)
const octets = (content: Buffer) => tlv(0x04, content)
const bits = (content: Buffer) => tlv(0x03, Buffer.from([0]), content)
const yes = tlv(0x01, Buffer.from([255]))

const oid = (dotted: string): Buffer => {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  const base128 = (value: number): number[] => {
    const septets = [value & 127]
    for (let left = value >> 7; left > 0; left >>= 7) septets.unshift((left & 127) | 128)
    return septets
  }
  return tlv(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]))
}

const attribute = (type: string, value: string, tag = 0x0c) =>
  tlv(0x31, sequence(oid(type), tlv(tag, Buffer.from(value))))

const nameOf = ({ commonName, unit = 'Authenticator Attestation' }: CertificateContents) =>
  sequence(
    attribute('2.5.4.6', 'IT', 0x13),
    attribute('2.5.4.10', 'Duepassi tests'),
    attribute('2.5.4.11', unit),
    attribute('2.5.4.3', commonName),
  )

/** GeneralizedTime, which holds every year. */
const time = (date: Date) =>
  tlv(0x18, Buffer.from(`${date.toISOString().replaceAll(/[-:T]/g, '').slice(0, 14)}Z`))

const ecdsaWithSha256 = sequence(oid('1.2.840.10045.4.3.2'))

const extension = (id: string, value: Buffer, critical = false) =>
  sequence(oid(id), ...(critical ? [yes] : []), octets(value))

const extensionsOf = ({ authority, aaguid, dnsName, revocationList }: CertificateContents) => [
  extension('2.5.29.19', authority ? sequence(yes) : sequence(), true),
  ...(aaguid === undefined
    ? []
    : [extension('1.3.6.1.4.1.45724.1.1.4', octets(Buffer.from(aaguid.replaceAll('-', ''), 'hex')))]),
  ...(dnsName === undefined ? [] : [extension('2.5.29.17', sequence(tlv(0x82, Buffer.from(dnsName))))]),
  ...(revocationList === undefined
    ? []
    : [
        extension(
          '2.5.29.31',
          sequence(sequence(tlv(0xa0, tlv(0xa0, tlv(0x86, Buffer.from(revocationList)))))),
        ),
      ]),
]

const day = 86_400_000

export const issueCertificate = (contents: CertificateContents): TestCertificate => {
  const { issuer, from = new Date(Date.now() - day), to = new Date(Date.now() + 3650 * day) } = contents
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const name = nameOf(contents)
  const body = sequence(
    tlv(0xa0, tlv(0x02, Buffer.from([2]))),
    tlv(0x02, Buffer.concat([Buffer.from([1]), randomBytes(15)])),
    ecdsaWithSha256,
    issuer?.name ?? name,
    sequence(time(from), time(to)),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    tlv(0xa3, sequence(...extensionsOf(contents))),
  )
  const signature = sign('sha256', body, issuer?.privateKey ?? privateKey)
  const der = sequence(body, ecdsaWithSha256, bits(signature))
  const lines = der.toString('base64').replaceAll(/.{64}(?=.)/g, '$&\n')
  const pem = `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`
  return { der, pem, privateKey, name }
}

/** A certificate that may issue others. */
export const issueAuthority = (
  commonName: string,
  contents: Omit<CertificateContents, 'commonName' | 'authority'> = {},
): TestCertificate => issueCertificate({ unit: 'Authority', ...contents, commonName, authority: true })
