import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { z } from 'zod'
import { type Config, schema } from '../../src/config/schema.ts'
import {
  relatedOriginsFile,
  relatedOriginsPath,
  rpIdOf,
  webauthnOptions,
} from '../../src/provider/webauthn-options.ts'
import { issueAuthority } from '../support/certificates.ts'
import { movableClock } from '../support/clock.ts'
import { temporaryFolder } from '../support/machine.ts'
import { signBlob } from '../support/metadata-blob.ts'
import { enrolKey, enterWith, offers, optionsOn } from '../support/passkeys.ts'
import { startProvider } from '../support/provider.ts'
import { codeOf } from '../support/relying-party.ts'
import { createSoftAuthenticator } from '../support/soft-authenticator.ts'

const clock = movableClock()
const config = (
  webauthn: NonNullable<z.input<typeof schema>['webauthn']> = {},
  issuer = 'https://id.example.org',
): Config => schema.parse({ issuer, webauthn })

describe('passkeys as they are configured', () => {
  it('belong to the issuer’s host, or to the domain that is named', () => {
    assert.equal(rpIdOf(config()), 'id.example.org')
    assert.equal(rpIdOf(config({}, 'https://id.example.org:8443/tenant')), 'id.example.org')
    assert.equal(rpIdOf(config({ rpId: 'example.org' })), 'example.org')
  })
  it('are used on the issuer’s origin, and on the related ones', async () => {
    const related = ['https://example.com', 'https://a.example:8443']
    const { origins, topOrigins } = await webauthnOptions(
      config({ relatedOrigins: related }, 'https://id.example.org:8443/tenant'),
      clock,
    )
    assert.deepEqual(origins, ['https://id.example.org:8443', ...related])
    assert.deepEqual(topOrigins, [])
    assert.deepEqual((await webauthnOptions(config(), clock)).origins, ['https://id.example.org'])
  })
  it('are made and used as the section says', async () => {
    const { rpId, topOrigins, algorithms, userVerification, authenticators } = await webauthnOptions(
      config({
        rpId: 'example.org',
        topOrigins: ['https://portal.example.org'],
        algorithms: ['EdDSA'],
        userVerification: 'required',
      }),
      clock,
    )
    assert.deepEqual(
      { rpId, topOrigins, algorithms, userVerification, authenticators },
      {
        rpId: 'example.org',
        topOrigins: ['https://portal.example.org'],
        algorithms: ['EdDSA'],
        userVerification: 'required',
        authenticators: undefined,
      },
    )
  })

  describe('with models that alone may be registered', () => {
    const aaguid = 'aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee'
    const root = issueAuthority('Metadata root')
    const files = { metadata: '', root: '' }
    before(async () => {
      const folder = await temporaryFolder()
      files.metadata = join(folder, 'mds.jwt')
      files.root = join(folder, 'root.pem')
      const blob = signBlob({ root, entries: [{ aaguid, roots: [issueAuthority('Vendor')] }] })
      await Promise.all([writeFile(files.metadata, blob), writeFile(files.root, root.pem)])
    })
    const options = (over: Parameters<typeof config>[0]) =>
      webauthnOptions(config({ authenticators: [aaguid], metadata: files.metadata, ...over }), clock)

    it('read their metadata, by the root that is named', async () => {
      const { authenticators } = await options({ metadataRoot: files.root })
      assert.deepEqual(authenticators?.allowed, [aaguid])
      assert.equal(authenticators?.metadata.entryOf(aaguid)?.description, 'A test key')
    })
    it('do not open with metadata that are missing, or that nobody known has signed', async () => {
      const notConfigured = { code: 'not_configured' }
      await assert.rejects(options({}), notConfigured)
      await assert.rejects(options({ metadata: join(files.root, 'absent') }), notConfigured)
      await assert.rejects(options({ metadata: files.root, metadataRoot: files.root }), notConfigured)
    })
  })
})

describe('the file of related origins', () => {
  it('is there only where there are any, and names the issuer’s first', () => {
    assert.equal(relatedOriginsFile(config()), undefined)
    assert.deepEqual(
      JSON.parse(relatedOriginsFile(config({ relatedOrigins: ['https://example.com'] })) ?? ''),
      { origins: ['https://id.example.org', 'https://example.com'] },
    )
  })
  it('is answered as JSON', async () => {
    const relatedOrigins = ['https://related.example']
    await using op = await startProvider({ config: { webauthn: { relatedOrigins } } })
    const response = await fetch(`${op.issuer}${relatedOriginsPath}`)
    assert.equal(response.status, 200)
    assert.match(response.headers.get('content-type') ?? '', /^application\/json\b/)
    assert.deepEqual(await response.json(), { origins: [op.issuer, ...relatedOrigins] })
    const head = await fetch(`${op.issuer}${relatedOriginsPath}`, { method: 'HEAD' })
    assert.deepEqual([head.status, await head.text()], [200, ''])
    assert.equal((await fetch(`${op.issuer}${relatedOriginsPath}/more`)).status, 404)
    // And their pages may use the passkeys; others may not.
    const key = createSoftAuthenticator()
    await enrolKey(op, 'ana', key)
    const enter = async (origin: string) => enterWith(await op.begin(), key, { origin })
    assert.ok(codeOf((await enter('https://related.example')).page))
    const refused = await enter('https://unrelated.example')
    assert.deepEqual([refused.page.status, codeOf(refused.page)], [401, null])
  })
  it('is not there where none are configured', async () => {
    await using op = await startProvider()
    assert.equal((await fetch(`${op.issuer}${relatedOriginsPath}`)).status, 404)
    assert.equal(optionsOn((await op.begin()).page, 'get').rpId, '127.0.0.1')
  })
})

describe('sign-in by passkey alone, switched off', () => {
  it('is not offered on the login page, nor taken there', async () => {
    await using op = await startProvider({ config: { webauthn: { passkeys: false } } })
    const at = await op.begin()
    assert.equal(offers(at.page, 'get'), false)
    const forged = await op.submit(at, { intent: 'passkey', response: '{}', question: 'x' })
    assert.deepEqual([forged.page.status, codeOf(forged.page)], [400, null])
    // As the second step it stays.
    await enrolKey(op, 'ana', createSoftAuthenticator())
    const asked = await op.typePassword(await op.begin(), { username: 'ana' })
    assert.ok(offers(asked.page, 'get'))
  })
})
