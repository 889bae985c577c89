import assert from 'node:assert/strict'
import { Browser } from '../support/browser.ts'
import { answerWith, enrolKey, enterWith } from '../support/passkeys.ts'
import { startProvider, type TestProvider } from '../support/provider.ts'
import { codeOf, errorOf, type RelyingParty } from '../support/relying-party.ts'
import { createSoftAuthenticator } from '../support/soft-authenticator.ts'
import { atStepTwo } from './ruled-people.ts'

/** What a random walk found (test/properties/): each of these once said more than what still counted. */
describe('a level whose key is gone', () => {
  let op: TestProvider
  /** Demands nothing. */
  let relaxed: RelyingParty
  let people = 0
  before(async () => {
    op = await startProvider({
      config: { policy: { secondFactor: 'optional' } },
      client: { require_second_factor: true },
    })
    relaxed = await op.addClient({ client_id: 'relaxed' })
  })
  after(() => op.close())
  const withKey = async () => {
    people += 1
    const key = createSoftAuthenticator({ backupEligible: true, backedUp: true })
    const { account } = await enrolKey(op, `holder-${people}`, key)
    return { key, account }
  }
  const removeKeys = (accountId: string) => op.duepassi.directory.removeCredentials(accountId)

  it('is in no token, although nobody demands a second factor any more', async () => {
    const { key, account } = await withKey()
    const at = await answerWith(await atStepTwo(op, account, relaxed), key)
    assert.ok(codeOf(at.page))
    await removeKeys(account.id)
    await assert.rejects(at.request.finish(at.page.url), { error: 'invalid_grant' })
  })
  it('is not renewed by a refresh token', async () => {
    const { key, account } = await withKey()
    const { tokens } = await op.redeem(await answerWith(await atStepTwo(op, account, relaxed), key))
    let latest = String(tokens.refresh_token)
    const renew = async () => {
      const renewed = await relaxed.refresh(latest)
      latest = renewed.refresh_token ?? latest
      return renewed
    }
    assert.equal((await renew()).claims()?.['acr'], 'phr')
    await removeKeys(account.id)
    await assert.rejects(renew(), { error: 'invalid_grant' })
  })
})

describe('a passkey where no way in is left', () => {
  it('leads back to the relying party with an error, and to no failure', async () => {
    await using op = await startProvider({ config: { policy: { factors: { totp: 'forbid' } } } })
    const key = createSoftAuthenticator({ backupEligible: true, backedUp: true })
    await enrolKey(op, 'anna', key)
    const impossible: RelyingParty = await op.addClient({
      client_id: 'impossible',
      second_factors: { totp: 'require' },
    })
    const refused = await enterWith(await op.begin({}, new Browser(), impossible), key)
    assert.equal(errorOf(refused.page), 'unmet_authentication_requirements', refused.page.body.slice(0, 500))
  })
})
