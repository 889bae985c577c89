import assert from 'node:assert/strict'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import * as oidc from 'openid-client'
import { Browser } from '../support/browser.ts'
import { answerWith, enterWith, offers } from '../support/passkeys.ts'
import { mfa, type SignedIn, sfa, startProvider, type TestProvider } from '../support/provider.ts'
import { codeOf, errorOf, type RelyingParty } from '../support/relying-party.ts'
import {
  answerApp,
  asksApp,
  atStepTwo,
  silently,
  someoneWithApp,
  someoneWithBoth,
  someoneWithKey,
} from './ruled-people.ts'

const api = 'https://api.example.org'
const essential = (...values: string[]) => ({
  claims: JSON.stringify({ id_token: { acr: { essential: true, values } } }),
})
const essentialValue = (value: string) => ({
  claims: JSON.stringify({ id_token: { acr: { essential: true, value } } }),
})
const acrOf = ({ tokens }: Pick<SignedIn, 'tokens'>): unknown => tokens.claims()?.['acr']
const claimsOf = ({ tokens }: SignedIn) => tokens.claims() as Record<string, unknown>
const invalid = { error: 'invalid_grant' }

describe('the level that tokens say', () => {
  let op: TestProvider
  let vault: RelyingParty
  let lax: RelyingParty
  before(async () => {
    op = await startProvider({
      config: {
        resources: [{ id: api, scopes: ['read'], clients: ['rp'], format: 'jwt' }],
        policy: { groups: { keyholders: { minimum: 'phr' }, staff: { minimum: mfa } } },
      },
    })
    vault = await op.addClient({ client_id: 'vault', minimum_acr: 'phr' })
    lax = await op.addClient({ client_id: 'lax', minimum_acr: mfa })
  })
  after(() => op.close())

  /** As an administrator would who registers it anew. */
  const setMinimum = async (client_id: string, minimum_acr: string) => {
    const { directory } = op.duepassi
    const client = await directory.clientById(client_id)
    assert.ok(client)
    await directory.removeClient(client_id)
    await directory.addClient({ ...client, minimum_acr })
    // A node takes what it knew of a relying party for a moment longer.
    op.clock.advance(5)
  }

  describe('at a relying party with a minimum', () => {
    const lower: Array<Record<string, string>> = [
      {},
      { acr_values: sfa },
      { acr_values: `${sfa} ${mfa}` },
      { acr_values: '' },
      { acr_values: 'constructor' },
      essential(mfa),
      essential(sfa, mfa),
      essentialValue(sfa),
      { ...essential(mfa), acr_values: sfa },
      { claims: JSON.stringify({ id_token: { acr: null } }) },
      { claims: JSON.stringify({ id_token: { acr: { values: [mfa] } } }) },
      { max_age: '100000' },
      { prompt: 'consent' },
    ]

    it('is no lower by acr_values, claims, max_age or prompt', async () => {
      const { browser } = await someoneWithApp(op)
      for (const parameters of lower) {
        const shown = JSON.stringify(parameters)
        const asked = await op.begin(parameters, browser.copy(), vault)
        assert.equal(codeOf(asked.page), null, shown)
        assert.ok(asksApp(asked.page), `${shown}: ${asked.page.url}`)
        if (!('prompt' in parameters)) {
          const { page } = await op.begin({ ...parameters, prompt: 'none' }, browser.copy(), vault)
          assert.equal(errorOf(page), 'interaction_required', shown)
        }
      }
      const again = await op.begin({ prompt: 'login' }, browser.copy(), vault)
      assert.match(again.page.body, /current-password/)
      assert.equal(codeOf(again.page), null)
    })
    it('is that minimum at least for whoever has the key', async () => {
      const { browser, key } = await someoneWithKey(op)
      for (const parameters of lower) {
        const shown = JSON.stringify(parameters)
        const asked = await op.begin(parameters, browser, vault)
        const at = parameters['prompt'] === 'consent' ? await op.submit(asked, { intent: 'allow' }) : asked
        assert.equal(acrOf(await op.redeem(at)), 'phr', shown)
      }
      for (const more of [{ prompt: 'login' }, { max_age: '0' }]) {
        const asked = await op.begin({ ...more, acr_values: sfa } as Record<string, string>, browser, vault)
        assert.equal(acrOf(await op.redeem(await enterWith(asked, key))), 'phr')
      }
      const asked = await op.begin({ prompt: 'second_factor', acr_values: sfa }, browser, vault)
      assert.ok(offers(asked.page, 'get'))
      assert.equal(acrOf(await op.redeem(await answerWith(asked, key))), 'phr')
    })
    it('is the stricter of its own and of the person’s groups', async () => {
      const { browser, account } = await someoneWithApp(op)
      const { directory } = op.duepassi
      const at = async (groups: string[]) => {
        await directory.changeAccount(account.id, { groups })
        return [await silently(op, browser, lax), await silently(op, browser, vault)]
      }
      const no = 'interaction_required'
      assert.deepEqual(await at([]), ['code', no])
      assert.deepEqual(await at(['staff']), ['code', no])
      assert.deepEqual(await at(['keyholders']), [no, no])
      assert.deepEqual(await at(['staff', 'keyholders']), [no, no])
      assert.deepEqual(await at(['strangers']), ['code', no])
      const holder = await someoneWithKey(op)
      await directory.changeAccount(holder.account.id, { groups: ['staff', 'keyholders'] })
      for (const rp of [op.rp, lax, vault])
        assert.equal(acrOf(await op.redeem(await op.begin(essential(mfa), holder.browser, rp))), 'phr')
    })
  })

  describe('where the minimum rose since', () => {
    it('is too low for a code and a refresh, although the same key would do', async () => {
      const rising = await op.addClient({ client_id: 'rising' })
      const { browser } = await someoneWithKey(op)
      const named = await op.redeem(await op.begin(essential(mfa), browser, rising))
      const unnamed = await op.redeem(await op.begin({}, browser, rising))
      assert.deepEqual([acrOf(named), acrOf(unnamed)], [mfa, 'phr'])
      const pending = await op.begin(essential(mfa), browser, rising)
      const strong = await op.begin({}, browser, rising)
      await setMinimum('rising', 'phr')
      await assert.rejects(rising.refresh(named.tokens.refresh_token as string), invalid)
      await assert.rejects(op.redeem(pending), invalid)
      // What was called by what it is worth goes on.
      assert.equal((await rising.refresh(unnamed.tokens.refresh_token as string)).claims()?.['acr'], 'phr')
      assert.equal(acrOf(await op.redeem(strong)), 'phr')
      assert.equal(acrOf(await op.redeem(await op.begin(essential(mfa), browser, rising))), 'phr')
    })
    it('is too low for whoever has joined a group that demands more', async () => {
      const { tokens, account, browser } = await someoneWithApp(op)
      const pending = await op.begin({}, browser)
      await op.duepassi.directory.changeAccount(account.id, { groups: ['keyholders'] })
      await assert.rejects(op.rp.refresh(tokens.refresh_token as string), invalid)
      await assert.rejects(op.redeem(pending), invalid)
    })
  })

  it('is each relying party’s own: what one asked for lowers neither the session nor another’s', async () => {
    const { browser } = await someoneWithKey(op)
    for (const [parameters, rp, acr] of [
      [essential(mfa), op.rp, mfa],
      [{}, lax, 'phr'],
      [{ acr_values: mfa }, lax, mfa],
      [essentialValue(mfa), lax, mfa],
      [{}, op.rp, 'phr'],
      [{}, vault, 'phr'],
    ] as const)
      assert.equal(acrOf(await op.redeem(await op.begin(parameters, browser, rp))), acr)
  })
  it('is the same when the sign-in itself was asked for by name', async () => {
    const { key, account } = await someoneWithKey(op)
    const named = await enterWith(await op.begin(essential(mfa)), key)
    assert.equal(acrOf(await op.redeem(named)), mfa)
    assert.equal(acrOf(await op.redeem(await op.begin({}, named.browser))), 'phr')
    const typed = await op.typePassword(await op.begin({ acr_values: mfa }, new Browser(), lax), account)
    assert.equal(acrOf(await op.redeem(await answerWith(typed, key))), mfa)
  })

  for (const [what, parameters, acr] of [
    ['what was proven', {}, 'phr'],
    ['the name that was asked for', essential(mfa), mfa],
  ] as const)
    it(`is ${what} in JWTs and at introspection too, right after a refresh as well`, async () => {
      const keys = createRemoteJWKSet(new URL(`${op.issuer}/jwks`))
      const { browser, tokens: first } = await someoneWithKey(op)
      const authTime = first.claims()?.auth_time
      const amr = ['pwd', 'pop', 'user', 'mfa']
      const opaque = await op.redeem(await op.begin(parameters, browser))
      op.clock.advance(60)
      const renewed = await op.rp.refresh(opaque.tokens.refresh_token as string)
      for (const { access_token } of [opaque.tokens, renewed]) {
        const seen = await op.rp.introspect(access_token)
        assert.equal(seen.active, true)
        assert.deepEqual([seen['acr'], seen['amr'], seen['auth_time']], [acr, amr, authTime])
      }

      const at = await op.begin(
        { ...parameters, resource: api, scope: 'openid offline_access read' },
        browser,
      )
      assert.ok(codeOf(at.page), `${at.page.url}`)
      const tokens = await at.request.finish(at.page.url)
      const ask = { resource: api }
      const refreshed = await oidc.refreshTokenGrant(op.rp.config, tokens.refresh_token as string, ask)
      for (const { access_token } of [tokens, refreshed]) {
        const { payload } = await jwtVerify(access_token, keys, { issuer: op.issuer, audience: api })
        assert.deepEqual([payload['acr'], payload['amr'], payload['auth_time']], [acr, amr, authTime])
      }
      assert.deepEqual([acrOf({ tokens }), refreshed.claims()?.['acr']], [acr, acr])
    })

  it('rises by a step-up that keeps who and when, and changes the cookie of the session', async () => {
    const { account, key, secret } = await someoneWithBoth(op)
    const asking = await atStepTwo(op, account, op.rp)
    const asksForApp = asksApp(asking.page)
      ? asking
      : await op.submit(asking, { intent: 'switch', factor: 'totp' })
    const signed = await op.redeem(await answerApp(op, asksForApp, secret))
    assert.equal(acrOf(signed), mfa)
    const cookie = () => signed.browser.cookies().find((one) => one.name === 'duepassi')?.value
    const stolen = signed.browser.copy()
    const old = cookie()
    assert.ok(old)
    op.clock.advance(90)
    const asked = await op.begin(essential('phr'), signed.browser)
    assert.ok(offers(asked.page, 'get'), 'only what is missing is asked for')
    const stepped = await op.redeem(await answerWith(asked, key))
    const [before, after] = [claimsOf(signed), claimsOf(stepped)]
    assert.equal(after['acr'], 'phr')
    assert.deepEqual(after['amr'], ['pwd', 'otp', 'pop', 'user', 'mfa'])
    assert.deepEqual([after['sub'], after['auth_time']], [before['sub'], before['auth_time']])
    assert.notEqual(cookie(), old, 'the session has a new id')
    assert.equal(await silently(op, stolen, op.rp), 'login_required', 'the old id is worth nothing')
    assert.equal(await silently(op, signed.browser, vault), 'code')
    // Tokens of before say what they said.
    assert.equal((await op.rp.introspect(signed.tokens.access_token))['acr'], mfa)
  })
})
