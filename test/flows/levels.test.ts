import assert from 'node:assert/strict'
import { Browser } from '../support/browser.ts'
import { answerWith, enterWith, offers, register } from '../support/passkeys.ts'
import { mfa, type SignedIn, sfa, startProvider, type TestProvider } from '../support/provider.ts'
import { codeOf, errorOf, type RelyingParty } from '../support/relying-party.ts'
import { createSoftAuthenticator } from '../support/soft-authenticator.ts'
import {
  answerApp,
  asksApp,
  atStepTwo,
  someoneNew,
  someoneWithApp,
  someoneWithBoth,
  someoneWithKey,
} from './ruled-people.ts'

const essential = (...values: string[]) => ({
  claims: JSON.stringify({ id_token: { acr: { essential: true, values } } }),
})
const acrOf = ({ tokens }: SignedIn): unknown => tokens.claims()?.['acr']

describe('levels of a sign-in', () => {
  let op: TestProvider
  /** Takes nothing less than a key. */
  let vault: RelyingParty
  before(async () => {
    op = await startProvider({ config: { policy: { groups: { keyholders: { minimum: 'phr' } } } } })
    vault = await op.addClient({ client_id: 'vault', minimum_acr: 'phr' })
  })
  after(() => op.close())

  it('are phishing-resistant by a key, with the password or alone, and two factors by an app', async () => {
    const { key, account } = await someoneWithKey(op)
    assert.equal(acrOf(await op.redeem(await answerWith(await atStepTwo(op, account, op.rp), key))), 'phr')
    assert.equal(acrOf(await op.redeem(await enterWith(await op.begin(), key))), 'phr')
    assert.equal(acrOf((await someoneWithApp(op)) as unknown as SignedIn), mfa)
  })
  it('are called by the name that was asked for, and never by a higher one than was proven', async () => {
    const { key, browser } = await someoneWithKey(op)
    const asked = async (parameters: Record<string, string>) =>
      acrOf(await op.redeem(await op.begin(parameters, browser)))
    assert.equal(await asked({}), 'phr')
    assert.equal(await asked(essential(mfa)), mfa)
    assert.equal(await asked(essential('phrh', mfa)), mfa)
    assert.equal(await asked({ acr_values: `${sfa} phr` }), 'phr', 'less than is needed is not said')
    assert.equal(await asked({ acr_values: 'phr' }), 'phr')
    assert.equal(await asked({ acr_values: 'phrh' }), 'phr')
    assert.equal(await asked({ acr_values: mfa, ...essential('phr') }), 'phr')
    // What a token was called is what its refreshes are called.
    const { tokens } = await op.redeem(await op.begin(essential(mfa), browser))
    assert.ok(tokens.refresh_token)
    assert.equal((await op.rp.refresh(tokens.refresh_token)).claims()?.['acr'], mfa)
    assert.ok(key)
  })
  it('lead from an app to the key, and to no less', async () => {
    const { account, secret, key, browser } = await someoneWithBoth(op)
    for (const [parameters, rp] of [
      [essential('phr'), op.rp],
      [{ acr_values: 'phr' }, op.rp],
      [{ acr_values: sfa }, vault],
      [essential(mfa), vault],
    ] as const) {
      const asked = await op.begin({ ...parameters, prompt: 'login' }, browser, rp)
      const second = await op.typePassword(asked, { username: account.username })
      assert.ok(offers(second.page, 'get'), JSON.stringify(parameters))
      for (const intent of ['switch', 'give-nothing'])
        assert.equal(codeOf((await op.submit(second, { intent, factor: 'totp' })).page), null)
      assert.ok(codeOf((await answerWith(second, key)).page), JSON.stringify(parameters))
    }
    assert.ok(secret)
  })
  it('step a session of an app up, by the key that there is or by one that is set up for it', async () => {
    const { browser, account, secret } = await someoneWithApp(op)
    assert.equal(errorOf((await op.begin({ prompt: 'none' }, browser, vault)).page), 'interaction_required')
    const asked = await op.begin({}, browser, vault)
    assert.ok(asksApp(asked.page), 'what the account has is proven once more before a key is added')
    const enrolling = await answerApp(op, asked, secret)
    assert.ok(offers(enrolling.page, 'create'))
    const key = createSoftAuthenticator()
    const stepped = await op.redeem(await register(enrolling, key))
    assert.equal(acrOf(stepped), 'phr')
    assert.ok(codeOf((await op.begin({ prompt: 'none' }, browser, vault)).page))
    const later = await answerApp(op, await atStepTwo(op, account, op.rp, new Browser()), secret)
    if (codeOf(later.page) === null) assert.ok(offers(later.page, 'get'))
  })
  it('that a group demands hold at every relying party', async () => {
    const { account, browser } = await someoneWithApp(op)
    assert.ok(codeOf((await op.begin({ prompt: 'none' }, browser)).page))
    await op.duepassi.directory.changeAccount(account.id, { groups: ['keyholders'] })
    assert.equal(errorOf((await op.begin({ prompt: 'none' }, browser)).page), 'interaction_required')
  })
  it('that no factor reaches here are an error for the relying party, and no page', async () => {
    const { browser } = await someoneWithKey(op)
    const unmet = 'unmet_authentication_requirements'
    assert.equal(errorOf((await op.begin(essential('phrh'), browser)).page), unmet)
    const person = await someoneNew(op)
    const hardware = await op.addClient({ client_id: 'hardware', minimum_acr: 'phrh' })
    assert.equal(errorOf((await atStepTwo(op, person, hardware)).page), unmet)
  })
  it('of a key that did not check who holds it are two factors with the password all the same', async () => {
    const { key, account } = await someoneWithKey(op)
    key.settings.userVerification = false
    assert.equal(acrOf(await op.redeem(await answerWith(await atStepTwo(op, account, vault), key))), 'phr')
  })
  it('are published, and a client that asks for one that is not is none', async () => {
    const metadata = await (await fetch(`${op.issuer}/.well-known/openid-configuration`)).json()
    assert.deepEqual((metadata as Record<string, unknown>)['acr_values_supported'], [sfa, mfa, 'phr', 'phrh'])
    await op.duepassi.directory.addClient({
      client_id: 'misspelt',
      client_secret: 'x'.repeat(32),
      redirect_uris: ['https://rp.example/callback'],
      minimum_acr: 'prh',
    })
    await assert.rejects(op.duepassi.provider.Client.find('misspelt'), {
      error_description: /minimum_acr/,
    })
  })
})

describe('other names of levels', () => {
  it('are those of SPID, whose third level a key without attestation does not reach', async () => {
    await using op = await startProvider({ config: { policy: { ladder: 'spid' } } })
    const [, second, third] = ['1', '2', '3'].map((level) => `https://www.spid.gov.it/SpidL${level}`)
    const { browser, tokens } = await someoneWithKey(op)
    assert.equal(tokens.claims()?.['acr'], second)
    assert.equal(
      errorOf((await op.begin(essential(third as string), browser)).page),
      'unmet_authentication_requirements',
    )
  })
})
