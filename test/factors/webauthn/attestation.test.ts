import assert from 'node:assert/strict'
import { acceptedFormats, isTrusted } from '../../../src/factors/webauthn/attestation.ts'
import { readCredential } from '../../../src/factors/webauthn/credential.ts'
import { readMetadata } from '../../../src/factors/webauthn/metadata.ts'
import { issueAuthority, issueCertificate } from '../../support/certificates.ts'
import { type BlobContents, signBlob } from '../../support/metadata-blob.ts'
import type { SoftAuthenticatorSettings } from '../../support/soft-authenticator.ts'
import { type Case, context, enrol } from './scene.ts'

const aaguid = '11111111-2222-3333-4444-555555555555'
const otherModel = '99999999-2222-3333-4444-555555555555'
const blobRoot = issueAuthority('Metadata root')
const vendor = issueAuthority('Vendor')
const otherVendor = issueAuthority('Vendor')
const signer = issueCertificate({ commonName: 'Key One', issuer: vendor, aaguid })

const policyOf = async (contents: Partial<BlobContents> = {}, allowed = [aaguid]) => ({
  allowed,
  metadata: await readMetadata({
    blob: signBlob({ root: blobRoot, entries: [{ aaguid, roots: [vendor] }], ...contents }),
    roots: [blobRoot.pem],
    now: context.now,
  }),
})

const proven: Partial<SoftAuthenticatorSettings> = { aaguid, attestation: { signer } }

const register = async (
  settings: Partial<SoftAuthenticatorSettings> = proven,
  policy: Partial<BlobContents> = {},
  { allowed, ...given }: { allowed?: string[] } & Case & { context?: typeof context } = {},
) => {
  const authenticators = await policyOf(policy, allowed)
  return (await enrol({ settings, ...given, options: { authenticators, ...given.options } })).verdict
}

const untrusted = { confirmed: false, reason: 'untrusted' }
const withStatuses = (...statuses: string[]) => ({ entries: [{ aaguid, roots: [vendor], statuses }] })

describe('an allow list of authenticators', () => {
  it('asks for attestation, which is not asked for without it', async () => {
    const { draft } = await enrol({ settings: proven, options: { authenticators: await policyOf() } })
    assert.equal((draft.shown.options as { attestation: string }).attestation, 'direct')
    const { draft: free } = await enrol()
    assert.equal((free.shown.options as { attestation: string }).attestation, 'none')
  })
  it('accepts a model that is on it, proves itself and is in good standing', async () => {
    const verdict = await register()
    assert(verdict.confirmed)
    assert.deepEqual(verdict.amr, ['pop', 'user', 'hwk', 'mfa'])
    const stored = readCredential({ id: '', secret: verdict.secret })
    assert.deepEqual([stored.attested, stored.fmt, stored.aaguid], [true, 'packed', aaguid])
  })
  it('accepts a model through an intermediate authority', async () => {
    const intermediate = issueAuthority('Intermediate', { issuer: vendor })
    const leaf = issueCertificate({ commonName: 'Key', issuer: intermediate, aaguid })
    const attestation = { signer: leaf, chain: [intermediate] }
    assert.equal((await register({ aaguid, attestation })).confirmed, true)
  })
  it('does not call proven what may leave its device', async () => {
    const verdict = await register({ ...proven, backupEligible: true })
    assert(verdict.confirmed)
    assert.deepEqual(verdict.amr, ['pop', 'user', 'mfa'])
  })
  it('refuses a model that is not on it', async () => {
    assert.deepEqual(await register(proven, {}, { allowed: [otherModel] }), untrusted)
    assert.deepEqual(await register(proven, {}, { allowed: [] }), untrusted)
  })
  it('refuses a model of which the metadata say nothing', async () => {
    assert.deepEqual(await register(proven, { entries: [] }), untrusted)
  })
  it('refuses whoever only claims to be a model that is on it', async () => {
    assert.deepEqual(await register({ aaguid, attestation: 'none' }), untrusted)
    assert.deepEqual(await register({ aaguid, attestation: 'packed-self' }), untrusted)
  })
  it('refuses a certificate of another authority for the same model', async () => {
    const forged = issueCertificate({ commonName: 'Key One', issuer: otherVendor, aaguid })
    assert.deepEqual(await register({ aaguid, attestation: { signer: forged } }), untrusted)
    assert.deepEqual(
      await register({ aaguid, attestation: { signer: forged, chain: [otherVendor] } }),
      untrusted,
    )
    assert.deepEqual(
      await register({ aaguid, attestation: { signer: issueCertificate({ commonName: 'Self', aaguid }) } }),
      untrusted,
    )
  })
  it('refuses the authority of another model', async () => {
    const entries = [
      { aaguid, roots: [vendor] },
      { aaguid: otherModel, roots: [otherVendor] },
    ]
    const forged = issueCertificate({ commonName: 'Key', issuer: otherVendor, aaguid })
    assert.deepEqual(
      await register(
        { aaguid, attestation: { signer: forged } },
        { entries },
        { allowed: [aaguid, otherModel] },
      ),
      untrusted,
    )
  })
  it('refuses a certificate that is for another model', async () => {
    const other = issueCertificate({ commonName: 'Key Two', issuer: vendor, aaguid: otherModel })
    assert.deepEqual(await register({ aaguid, attestation: { signer: other } }), {
      confirmed: false,
      reason: 'wrong',
    })
  })
  it('refuses a statement that the certificate did not sign', async () => {
    const tamper: Case = {
      ceremony: {
        tamper: {
          attestation: (object) => ({
            ...object,
            attStmt: new Map([...object.attStmt, ['sig', Buffer.alloc(70, 1)]]),
          }),
        },
      },
    }
    assert.deepEqual(await register(proven, {}, tamper), { confirmed: false, reason: 'wrong' })
  })
  it('refuses a chain that cannot be read', async () => {
    const chain = [{ ...vendor, der: Buffer.from('nonsense') }]
    assert.deepEqual(await register({ aaguid, attestation: { signer, chain } }), untrusted)
  })
  for (const status of [
    'REVOKED',
    'USER_VERIFICATION_BYPASS',
    'ATTESTATION_KEY_COMPROMISE',
    'USER_KEY_REMOTE_COMPROMISE',
    'USER_KEY_PHYSICAL_COMPROMISE',
  ])
    it(`refuses a model that was reported as ${status}, whatever was reported before or after`, async () => {
      assert.deepEqual(await register(proven, withStatuses(status)), untrusted)
      assert.deepEqual(await register(proven, withStatuses('FIDO_CERTIFIED', status)), untrusted)
      assert.deepEqual(await register(proven, withStatuses(status, 'UPDATE_AVAILABLE')), untrusted)
    })
  it('accepts a model for which there is an update', async () => {
    assert.equal((await register(proven, withStatuses('FIDO_CERTIFIED', 'UPDATE_AVAILABLE'))).confirmed, true)
  })
  it('refuses everything once the metadata are outdated', async () => {
    const today = new Date(context.now).toISOString().slice(0, 10)
    const day = 86_400_000
    const at = (offset: number) => ({ context: { ...context, now: Date.parse(today) + offset } })
    assert.equal((await register(proven, { nextUpdate: today }, at(day - 1))).confirmed, true)
    assert.deepEqual(await register(proven, { nextUpdate: today }, at(day)), untrusted)
    assert.deepEqual(await register(proven, { nextUpdate: '2020-01-01' }), untrusted)
  })
  it('asks the network for nothing, not even for a revocation list that a certificate names', async () => {
    const revocationList = 'http://127.0.0.1:9/revoked.crl'
    const leaf = issueCertificate({ commonName: 'Key', issuer: vendor, aaguid, revocationList })
    const signingCertificate = issueCertificate({ commonName: 'Signer', issuer: blobRoot, revocationList })
    const before = globalThis.fetch
    const asked: unknown[] = []
    globalThis.fetch = async (...request) => {
      asked.push(request[0])
      throw new Error('no network')
    }
    try {
      const verdict = await register({ aaguid, attestation: { signer: leaf } }, { signingCertificate })
      assert.equal(verdict.confirmed, true)
    } finally {
      globalThis.fetch = before
    }
    assert.deepEqual(asked, [])
  })
  it('counts a statement without format as none, even with certificates', async () => {
    const policy = await policyOf()
    const statement = { aaguid, x5c: [signer.der] }
    assert.equal(isTrusted({ ...statement, fmt: 'packed' }, policy, context.now), true)
    assert.equal(isTrusted({ ...statement, fmt: 'none' }, policy, context.now), false)
  })
})

describe('attestation without an allow list', () => {
  it('is verified, and proves nothing', async () => {
    const { verdict } = await enrol({ settings: { aaguid, attestation: { signer } } })
    assert(verdict.confirmed)
    assert.deepEqual(verdict.amr, ['pop', 'user', 'mfa'])
    assert.equal(readCredential({ id: '', secret: verdict.secret }).attested, false)
  })
  it('is accepted in the formats that are verified in full', () =>
    assert.deepEqual(acceptedFormats, ['none', 'packed', 'apple']))
})
