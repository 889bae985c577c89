import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Browser } from '../support/browser.ts'
import { issueAuthority, issueCertificate } from '../support/certificates.ts'
import { temporaryFolder } from '../support/machine.ts'
import { signBlob } from '../support/metadata-blob.ts'
import { answerWith, enrolKey, enterWith, offers, register } from '../support/passkeys.ts'
import { mfa, type SignedIn, startProvider, type TestProvider } from '../support/provider.ts'
import { codeOf, errorOf, type RelyingParty } from '../support/relying-party.ts'
import { createSoftAuthenticator } from '../support/soft-authenticator.ts'
import { recoveryCodesOn } from '../support/steps.ts'
import { answerApp, asksApp, atStepTwo, someoneNew, someoneWithApp } from './ruled-people.ts'

const aaguid = '11111111-2222-3333-4444-555555555555'
const essential = (...values: string[]) => ({
  claims: JSON.stringify({ id_token: { acr: { essential: true, values } } }),
})
const said = ({ tokens }: SignedIn) => {
  const claims = tokens.claims() as Record<string, unknown>
  return [claims['acr'], claims['amr']]
}

/** Keys whose maker attests them, by the metadata that is configured. */
describe('the level of hardware', () => {
  const blobRoot = issueAuthority('Metadata root')
  const vendor = issueAuthority('Vendor')
  const signer = issueCertificate({ commonName: 'Key One', issuer: vendor, aaguid })
  const attestedKey = (userVerification = true, backupEligible = false) =>
    createSoftAuthenticator({
      aaguid,
      attestation: { signer },
      userVerification,
      backupEligible,
      transports: ['usb'],
    })
  let webauthn: { authenticators: string[]; metadata: string; metadataRoot: string }
  let op: TestProvider
  let reactor: RelyingParty
  let people = 0
  const name = () => `hardware-${++people}`
  before(async () => {
    const folder = await temporaryFolder()
    webauthn = {
      authenticators: [aaguid],
      metadata: join(folder, 'mds.jwt'),
      metadataRoot: join(folder, 'root.pem'),
    }
    await writeFile(webauthn.metadata, signBlob({ root: blobRoot, entries: [{ aaguid, roots: [vendor] }] }))
    await writeFile(webauthn.metadataRoot, blobRoot.pem)
    op = await startProvider({ config: { webauthn } })
    reactor = await op.addClient({ client_id: 'reactor', minimum_acr: 'phrh' })
  })
  after(() => op.close())

  it('is reached by such a key, with the password or alone', async () => {
    const key = attestedKey()
    const first = await enrolKey(op, name(), key)
    const withPassword = ['phrh', ['pwd', 'pop', 'user', 'hwk', 'mfa']]
    assert.deepEqual(said(first), withPassword)
    const typed = await answerWith(await atStepTwo(op, first.account, reactor), key)
    assert.deepEqual(said(await op.redeem(typed)), withPassword)
    const alone = await op.redeem(await enterWith(await op.begin({}, new Browser(), reactor), key))
    assert.deepEqual(said(alone), ['phrh', ['pop', 'user', 'hwk', 'mfa']])
    // Lower names where those are asked for.
    assert.deepEqual(said(await op.redeem(await op.begin(essential('phr'), alone.browser)))[0], 'phr')
    assert.deepEqual(said(await op.redeem(await op.begin(essential(mfa), alone.browser)))[0], mfa)
    assert.deepEqual(said(await op.redeem(await op.begin(essential(mfa), alone.browser, reactor)))[0], 'phrh')
  })
  it('is reached with the password by a key that did not check who holds it', async () => {
    const key = attestedKey(false)
    const { account } = await enrolKey(op, name(), key)
    const done = await op.redeem(await answerWith(await atStepTwo(op, account, reactor), key))
    assert.deepEqual(said(done), ['phrh', ['pwd', 'pop', 'user', 'hwk', 'mfa']])
  })
  it('is set up where it is asked for, and by no key without attestation', async () => {
    const account = await someoneNew(op)
    const asked = await atStepTwo(op, account, reactor)
    assert.ok(offers(asked.page, 'create'), 'there is nothing else to choose')
    const refused = await register(asked, createSoftAuthenticator())
    assert.equal(codeOf(refused.page), null)
    assert.ok(offers(refused.page, 'create'))
    const issuing = await register(refused, attestedKey())
    recoveryCodesOn(issuing.page)
    const done = await op.redeem(await op.submit(issuing, { intent: 'saved' }))
    assert.deepEqual(said(done), ['phrh', ['pwd', 'pop', 'user', 'hwk', 'mfa']])
  })
  it('is reached from an app by adding the key', async () => {
    const { browser, secret } = await someoneWithApp(op)
    const asked = await op.begin(essential('phrh'), browser)
    assert.ok(asksApp(asked.page))
    const enrolling = await answerApp(op, asked, secret)
    const done = await op.redeem(await register(enrolling, attestedKey()))
    assert.deepEqual(said(done), ['phrh', ['pwd', 'otp', 'pop', 'user', 'hwk', 'mfa']])
  })
  const unmet = 'unmet_authentication_requirements'
  it('is not reached by a key that is synced: an error, and no loop', async () => {
    const synced = attestedKey(true, true)
    const holder = await enrolKey(op, name(), synced)
    assert.deepEqual(said(holder), ['phr', ['pwd', 'pop', 'user', 'mfa']])
    const asked = await atStepTwo(op, holder.account, reactor)
    assert.ok(offers(asked.page, 'get'))
    assert.equal(errorOf((await answerWith(asked, synced)).page), unmet)
    const stepping = await op.begin(essential('phrh'), holder.browser)
    assert.ok(offers(stepping.page, 'get'))
    assert.equal(errorOf((await answerWith(stepping, synced)).page), unmet)
    const { page } = await op.begin({ prompt: 'none' }, holder.browser, reactor)
    assert.equal(errorOf(page), 'interaction_required')
  })
  it('is not reached by a key that was set up before attestation was asked for', async () => {
    await using lax = await startProvider()
    const key = attestedKey()
    const { account } = await enrolKey(lax, name(), key)
    await op.addPerson(account.username, account)
    for (const credential of await lax.duepassi.directory.credentials(account.id))
      await op.duepassi.directory.addCredential(credential)
    const done = await op.redeem(await answerWith(await atStepTwo(op, account, op.rp), key))
    assert.deepEqual(said(done), ['phr', ['pwd', 'pop', 'user', 'mfa']])
    const asked = await atStepTwo(op, account, reactor)
    assert.equal(errorOf((await answerWith(asked, key)).page), unmet)
  })
  it('is the third level of SPID and of eIDAS', async () => {
    for (const [ladder, high] of [
      ['spid', 'https://www.spid.gov.it/SpidL3'],
      ['eidas', 'http://eidas.europa.eu/LoA/high'],
    ] as const) {
      await using other = await startProvider({ config: { webauthn, policy: { ladder } } })
      const bank = await other.addClient({ client_id: 'bank', minimum_acr: high })
      const key = attestedKey()
      const { browser } = await enrolKey(other, 'anna', key)
      assert.equal(said(await other.redeem(await other.begin({}, browser, bank)))[0], high)
      assert.equal(
        said(await other.redeem(await enterWith(await other.begin({}, new Browser(), bank), key)))[0],
        high,
      )
    }
  })
})
