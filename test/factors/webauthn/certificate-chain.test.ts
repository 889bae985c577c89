import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { endsAtTrusted } from '../../../src/factors/webauthn/certificate-chain.ts'
import { issueAuthority, issueCertificate, type TestCertificate } from '../../support/certificates.ts'

const now = Date.now()
const year = 365 * 86_400_000
const past = { from: new Date(now - 2 * year), to: new Date(now - year) }
const future = { from: new Date(now + year), to: new Date(now + 2 * year) }

const root = issueAuthority('Root')
const intermediate = issueAuthority('Intermediate', { issuer: root })
const leaf = issueCertificate({ commonName: 'Leaf', issuer: intermediate })
const direct = issueCertificate({ commonName: 'Leaf', issuer: root })

const ends = (chain: TestCertificate[], trusted: TestCertificate[], at = now) =>
  endsAtTrusted(
    chain.map(({ der }) => new X509Certificate(der)),
    trusted.map(({ der }) => new X509Certificate(der)),
    at,
  )

describe('a chain of certificates', () => {
  it('ends at a trusted authority, directly or not, with that authority or without it', () => {
    const accepted: Array<[TestCertificate[], TestCertificate[]]> = [
      [[direct], [root]],
      [[leaf, intermediate], [root]],
      [[leaf, intermediate, root], [root]],
      [[leaf], [intermediate]],
      [
        [leaf, intermediate],
        [issueAuthority('Other'), root],
      ],
    ]
    for (const [chain, trusted] of accepted) assert.equal(ends(chain, trusted), true)
  })
  it('is a trusted certificate itself', () => assert.equal(ends([leaf], [leaf]), true))

  const impostor = issueAuthority('Root')
  const endpoint = issueCertificate({ commonName: 'No authority', issuer: root })
  const refused: Record<string, [TestCertificate[], TestCertificate[]]> = {
    'is empty': [[], [root]],
    'has nothing to end at': [[leaf, intermediate, root], []],
    'ends at an authority of the same name': [
      [issueCertificate({ commonName: 'Leaf', issuer: impostor })],
      [root],
    ],
    'ends at another authority': [[direct], [issueAuthority('Other')]],
    'lacks a link': [[leaf], [root]],
    'is out of order': [
      [leaf, root, intermediate],
      [issueAuthority('Other'), root],
    ],
    'has a link that is no authority': [
      [issueCertificate({ commonName: 'Leaf', issuer: endpoint }), endpoint],
      [root],
    ],
    'has a link of an impostor': [
      [issueCertificate({ commonName: 'Leaf', issuer: issueAuthority('Intermediate') }), intermediate],
      [root],
    ],
    'names another issuer than the one who signed it': [
      [issueCertificate({ commonName: 'Leaf', issuer: { ...root, name: leaf.name } })],
      [root],
    ],
    'begins with a certificate that is over': [
      [issueCertificate({ commonName: 'Leaf', issuer: root, ...past })],
      [root],
    ],
    'begins with a certificate that is not valid yet': [
      [issueCertificate({ commonName: 'Leaf', issuer: root, ...future })],
      [root],
    ],
  }
  for (const [name, [chain, trusted]] of Object.entries(refused))
    it(`is refused that ${name}`, () => assert.equal(ends(chain, trusted), false))

  it('is refused when a link, or the authority, is over', () => {
    const old = issueAuthority('Old', { issuer: root, ...past })
    assert.equal(ends([issueCertificate({ commonName: 'Leaf', issuer: old }), old], [root]), false)
    const oldRoot = issueAuthority('Old root', past)
    assert.equal(ends([issueCertificate({ commonName: 'Leaf', issuer: oldRoot })], [oldRoot]), false)
  })
  it('is judged at the given time', () => {
    const once = issueCertificate({ commonName: 'Leaf', issuer: issueAuthority('Old root', past), ...past })
    assert.equal(ends([once], [once], now), false)
    assert.equal(ends([once], [once], past.from.getTime() + 1000), true)
  })
})
