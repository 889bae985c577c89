import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { SettingsService } from '@simplewebauthn/server'
import { type MetadataSource, readMetadata } from '../../../src/factors/webauthn/metadata.ts'
import { issueAuthority, issueCertificate } from '../../support/certificates.ts'
import { temporaryFolder } from '../../support/machine.ts'
import { type BlobContents, signBlob } from '../../support/metadata-blob.ts'

const aaguid = 'aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee'
const now = Date.now()
const root = issueAuthority('Metadata root')
const vendor = issueAuthority('Vendor')
const contents: BlobContents = {
  root,
  no: 42,
  nextUpdate: '2099-12-31',
  entries: [
    { aaguid: aaguid.toUpperCase(), description: 'Key One', roots: [vendor], statuses: ['FIDO_CERTIFIED'] },
  ],
}
const blob = signBlob(contents)
const roots = [root.pem]

const refuses = (source: Partial<MetadataSource>, reason: RegExp) =>
  assert.rejects(
    readMetadata({ blob, roots, now, ...source } as MetadataSource),
    (error: Error & { code?: string }) => error.code === 'not_configured' && reason.test(error.message),
  )

/** The BLOB with one of its three parts changed. */
const changed = (part: 0 | 1 | 2, change: (text: string) => string): string =>
  blob
    .split('.')
    .map((text, index) =>
      index === part
        ? Buffer.from(change(Buffer.from(text, 'base64url').toString('latin1')), 'latin1').toString(
            'base64url',
          )
        : text,
    )
    .join('.')

describe('FIDO metadata', () => {
  it('are read from a file whose signer a trusted root certifies', async () => {
    const file = join(await temporaryFolder(), 'blob.jwt')
    await writeFile(file, `${blob}\n`)
    const metadata = await readMetadata({ file, roots, now })
    assert.equal(metadata.no, 42)
    assert.equal(metadata.nextUpdate, Date.parse('2100-01-01T00:00:00Z'))
    assert.deepEqual(metadata.entryOf(aaguid), {
      description: 'Key One',
      attestationRoots: [vendor.der.toString('base64')],
      statuses: ['FIDO_CERTIFIED'],
    })
    assert.equal(metadata.entryOf('00000000-0000-0000-0000-000000000000'), undefined)
  })
  it('may be signed through an intermediate authority', async () => {
    const intermediate = issueAuthority('Intermediate', { issuer: root })
    const signingCertificate = issueCertificate({ commonName: 'Signer', issuer: intermediate })
    const signed = signBlob({ ...contents, signingCertificate, intermediates: [intermediate] })
    assert.equal((await readMetadata({ blob: signed, roots, now })).no, 42)
  })
  it('leave out what is no FIDO2 model, and what has no statement', async () => {
    const metadata = await readMetadata({
      blob: signBlob({
        ...contents,
        payload: (payload) => ({
          ...payload,
          entries: [
            { aaid: '4e4e#4005', statusReports: [] },
            { aaguid, statusReports: [] },
          ],
        }),
      }),
      roots,
      now,
    })
    assert.equal(metadata.entryOf(aaguid), undefined)
  })
  it('name the file that is not there', () =>
    assert.rejects(readMetadata({ file: '/nowhere/blob.jwt', roots, now }), {
      code: 'not_configured',
      message: 'The FIDO metadata cannot be used: /nowhere/blob.jwt cannot be read.',
    }))
  it('are refused that are no BLOB', async () => {
    for (const text of ['', 'nonsense', 'a.b.c', '{}'])
      await refuses({ blob: text }, /not (a )?signed|not certified/)
  })
  it('are refused that another root signed, also one of the same name', async () => {
    await refuses({ roots: [issueAuthority('Other').pem] }, /not certified by a root/)
    await refuses({ roots: [issueAuthority('Metadata root').pem] }, /not certified by a root/)
    await refuses({ roots: [] }, /not certified by a root/)
  })
  it('are refused, without roots of our own, that the FIDO Alliance did not sign', () =>
    assert.rejects(readMetadata({ blob, now }), {
      code: 'not_configured',
      message: /not certified by a root/,
    }))
  it('are refused that are signed for another host', async () => {
    const signer = 'mds.fidoalliance.org'
    await refuses({ signer }, /its signer is not mds\.fidoalliance\.org/)
    const right = signBlob({ ...contents, signer })
    assert.equal((await readMetadata({ blob: right, roots, signer, now })).no, 42)
  })
  it('are refused, although a root of the FIDO Alliance certifies the signer, that are signed for another host', async () => {
    const certificates = SettingsService.getRootCertificates({ identifier: 'mds' })
    SettingsService.setRootCertificates({ identifier: 'mds', certificates: roots })
    try {
      await assert.rejects(readMetadata({ blob, now }), {
        message: /its signer is not mds\.fidoalliance\.org/,
      })
      const right = signBlob({ ...contents, signer: 'mds.fidoalliance.org' })
      assert.equal((await readMetadata({ blob: right, now })).no, 42)
    } finally {
      SettingsService.setRootCertificates({ identifier: 'mds', certificates })
    }
  })
  it('are refused whose signer is over', async () => {
    const [from, to] = [new Date(now - 2e9), new Date(now - 1e9)]
    const signingCertificate = issueCertificate({ commonName: 'Signer', issuer: root, from, to })
    await refuses({ blob: signBlob({ ...contents, signingCertificate }) }, /not certified by a root/)
  })
  it('are refused that were changed after they were signed', async () => {
    await refuses({ blob: changed(1, (text) => text.replace('"no":42', '"no":43')) }, /signature is wrong/)
    await refuses({ blob: changed(2, (text) => `${text.slice(0, -1)}\0`) }, /signature is wrong/)
  })
  it('are refused that nobody signed, whatever they say of it', async () => {
    for (const alg of ['none', 'HS256'])
      await refuses({ blob: changed(0, (text) => text.replace('"ES256"', `"${alg}"`)) }, /signature is wrong/)
  })
  it('are refused that do not say what they have to', async () => {
    for (const change of [{ nextUpdate: 'soon' }, { no: 'one' }, { entries: [{ aaguid }] }, { entries: {} }])
      await refuses(
        { blob: signBlob({ ...contents, payload: (payload) => ({ ...payload, ...change }) }) },
        /FIDO MDS 3\.0/,
      )
  })
  it('are refused with roots that are no certificates', () =>
    refuses({ roots: ['nonsense'] }, /not a certificate in PEM/))
})
