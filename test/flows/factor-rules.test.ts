import assert from 'node:assert/strict'
import { answerWith, enterWith, offers, register } from '../support/passkeys.ts'
import { startProvider, type TestProvider } from '../support/provider.ts'
import { codeOf, errorOf, type RelyingParty } from '../support/relying-party.ts'
import { createSoftAuthenticator } from '../support/soft-authenticator.ts'
import { allLostOn, codeNow, recoveryCodesOn, secretOn } from '../support/steps.ts'
import {
  amrOf,
  answerApp,
  asksApp,
  atStepTwo,
  changeRules,
  enterByCode,
  othersOn,
  silently,
  someoneNew,
  someoneWithApp,
  someoneWithBoth,
  someoneWithKey,
} from './ruled-people.ts'

describe('a relying party’s rules for factors', () => {
  let op: TestProvider
  /** Requires a key; requires an app; requires both; forbids recovery codes; forbids apps. */
  let keys: RelyingParty
  let apps: RelyingParty
  let both: RelyingParty
  let noCodes: RelyingParty
  let noApps: RelyingParty
  before(async () => {
    op = await startProvider()
    const add = (client_id: string, second_factors: Record<string, string>) =>
      op.addClient({ client_id, second_factors })
    keys = await add('keys', { webauthn: 'require' })
    apps = await add('apps', { totp: 'require' })
    both = await add('both', { totp: 'require', webauthn: 'require' })
    noCodes = await add('no-codes', { 'recovery-code': 'forbid' })
    noApps = await add('no-apps', { totp: 'forbid', webauthn: 'allow' })
  })
  after(() => op.close())

  describe('that require a key', () => {
    it('ask whoever has an app for it, then have them set a key up, and only then let them in', async () => {
      const { account, secret } = await someoneWithApp(op)
      const asked = await atStepTwo(op, account, keys)
      assert.ok(asksApp(asked.page))
      assert.deepEqual(othersOn(asked.page), ['recovery-code'])
      const enrolling = await answerApp(op, asked, secret)
      assert.equal(codeOf(enrolling.page), null)
      assert.ok(offers(enrolling.page, 'create'), 'the key is set up without a choice')
      for (const fields of [
        { intent: 'choose', factor: 'totp' },
        { intent: 'choose-again' },
        { intent: 'continue' },
        { intent: 'saved' },
      ] as Array<Record<string, string>>)
        assert.equal(codeOf((await op.submit(enrolling, fields)).page), null, fields['intent'])
      const key = createSoftAuthenticator()
      const done = await op.redeem(await register(enrolling, key))
      assert.deepEqual(amrOf(done), ['pwd', 'otp', 'pop', 'user', 'mfa'])
      assert.equal(done.tokens.claims()?.['acr'], 'phr')
      // From then on it is the key that is asked.
      const next = await atStepTwo(op, account, keys)
      assert.ok(offers(next.page, 'get'))
      assert.deepEqual(othersOn(next.page), ['recovery-code'])
      // And nothing more is asked of this session while it lives.
      assert.ok(codeOf((await op.begin({}, done.browser, keys)).page))
      assert.equal(await silently(op, done.browser, keys), 'code')
    })
    it('have somebody new set up a key and nothing else', async () => {
      const account = await someoneNew(op)
      const enrolling = await atStepTwo(op, account, keys)
      const issuing = await register(enrolling, createSoftAuthenticator())
      recoveryCodesOn(issuing.page)
      const done = await op.redeem(await op.submit(issuing, { intent: 'saved' }))
      assert.deepEqual(amrOf(done), ['pwd', 'pop', 'user', 'mfa'])
    })
    it('ask a session that was made elsewhere by an app for the key', async () => {
      const { account, browser, key, secret } = await someoneWithBoth(op)
      const elsewhere = await op.redeem(await op.begin({}, browser))
      assert.equal(await silently(op, browser, keys), 'interaction_required')
      assert.equal(await silently(op, browser, op.rp), 'code')
      const asked = await op.begin({}, browser, keys)
      assert.ok(offers(asked.page, 'get'))
      assert.equal((await op.submit(asked, { intent: 'switch', factor: 'totp' })).page.status, 422)
      assert.equal(codeOf((await answerApp(op, asked, secret)).page), null)
      const again = { ...asked, page: await browser.get(asked.page.url) }
      const done = await op.redeem(await answerWith(again, key))
      assert.deepEqual(amrOf(done), ['pwd', 'otp', 'pop', 'user', 'mfa'])
      // The password was typed at the other relying party, and then alone.
      assert.equal(done.tokens.claims()?.['auth_time'], elsewhere.tokens.claims()?.['auth_time'])
      assert.equal(done.tokens.claims()?.sub, account.id)
      assert.equal(await silently(op, browser, keys), 'code')
    })
    it('have a session without a key prove what it has once more before one is set up', async () => {
      const { browser, secret } = await someoneWithApp(op)
      const asked = await op.begin({}, browser, keys)
      assert.ok(asksApp(asked.page))
      const enrolling = await answerApp(op, asked, secret)
      assert.equal(codeOf(enrolling.page), null)
      assert.ok(codeOf((await register(enrolling, createSoftAuthenticator())).page))
    })
    it('take a recovery code for the way to a new key, and not for the key', async () => {
      const { account, codes, key } = await someoneWithKey(op)
      const asked = await atStepTwo(op, account, keys)
      const continued = await enterByCode(op, asked, codes[0] as string)
      assert.equal(codeOf(continued.page), null)
      assert.ok(offers(continued.page, 'get'), 'the key is still asked')
      assert.ok(codeOf((await answerWith(continued, key)).page))

      const other = await atStepTwo(op, account, keys)
      const typing = await op.submit(other, { intent: 'switch', factor: 'recovery-code' })
      const recovered = await op.submit(typing, { intent: 'answer', code: codes[1] as string })
      const enrolling = await op.submit(recovered, { intent: 'enrol', ...allLostOn(recovered.page) })
      assert.ok(offers(enrolling.page, 'create'), 'nothing else would do')
      const issuing = await register(enrolling, createSoftAuthenticator())
      const done = await op.redeem(await op.submit(issuing, { intent: 'saved' }))
      assert.deepEqual(amrOf(done), ['pwd', 'otp', 'pop', 'user', 'mfa'])
    })
    it('hold at the token endpoint too, as they are by then', async () => {
      const { account, key } = await someoneWithKey(op)
      const rp = await op.addClient({ client_id: 'changing', second_factors: { webauthn: 'require' } })
      const signIn = async () => answerWith(await atStepTwo(op, account, rp), key)
      const { tokens } = await op.redeem(await signIn())
      const pending = await signIn()
      const { refresh_token } = await rp.refresh(tokens.refresh_token as string)
      await changeRules(op, 'changing', { webauthn: 'require', totp: 'require' })
      await assert.rejects(rp.refresh(refresh_token as string), { error: 'invalid_grant' })
      await assert.rejects(op.redeem(pending), { error: 'invalid_grant' })
      // What was proven is enough for these.
      await changeRules(op, 'changing', { webauthn: 'require', 'recovery-code': 'forbid' })
      const later = await op.redeem(await signIn())
      assert.ok((await rp.refresh(later.tokens.refresh_token as string)).access_token)
      await changeRules(op, 'changing', { webauthn: 'forbid' })
      await assert.rejects(rp.refresh(later.tokens.refresh_token as string), { error: 'invalid_grant' })
    })
  })

  describe('that require an app', () => {
    it('ask for it after a passkey alone', async () => {
      const { key, secret } = await someoneWithBoth(op)
      const asked = await enterWith(await op.begin({}, undefined, apps), key)
      assert.equal(codeOf(asked.page), null)
      assert.ok(asksApp(asked.page))
      assert.deepEqual(othersOn(asked.page), ['recovery-code'])
      const done = await op.redeem(await answerApp(op, asked, secret))
      assert.deepEqual(amrOf(done), ['pop', 'user', 'otp', 'mfa'])
      assert.equal(await silently(op, done.browser, apps), 'code')
    })
    it('have one set up after a passkey alone', async () => {
      const { key } = await someoneWithKey(op)
      const enrolling = await enterWith(await op.begin({}, undefined, apps), key)
      assert.equal(codeOf(enrolling.page), null)
      const done = await op.submit(enrolling, {
        intent: 'confirm',
        code: codeNow(secretOn(enrolling.page), op.clock),
        label: '',
      })
      assert.deepEqual(amrOf(await op.redeem(done)), ['pop', 'user', 'otp', 'mfa'])
    })
  })

  describe('that require both', () => {
    it('ask for one after the other', async () => {
      const { account, key, secret } = await someoneWithBoth(op)
      const first = await atStepTwo(op, account, both)
      assert.ok(offers(first.page, 'get'))
      assert.deepEqual(othersOn(first.page), ['totp', 'recovery-code'])
      const second = await answerWith(first, key)
      assert.equal(codeOf(second.page), null)
      assert.ok(asksApp(second.page))
      assert.deepEqual(othersOn(second.page), ['recovery-code'])
      const done = await op.redeem(await answerApp(op, second, secret))
      assert.deepEqual(amrOf(done), ['pwd', 'pop', 'user', 'otp', 'mfa'])
      for (const rp of [both, apps, keys]) assert.equal(await silently(op, done.browser, rp), 'code')
    })
    it('in the other order as well', async () => {
      const { account, key, secret } = await someoneWithBoth(op)
      const first = await op.submit(await atStepTwo(op, account, both), {
        intent: 'switch',
        factor: 'totp',
      })
      const second = await answerApp(op, first, secret)
      assert.equal(codeOf(second.page), null)
      assert.ok(codeOf((await answerWith(second, key)).page))
    })
    it('have somebody new set up both, with recovery codes once', async () => {
      const account = await someoneNew(op)
      const choosing = await atStepTwo(op, account, both)
      const app = await op.choose(choosing, 'totp')
      const issuing = await op.submit(app, {
        intent: 'confirm',
        code: codeNow(secretOn(app.page), op.clock),
        label: '',
      })
      recoveryCodesOn(issuing.page)
      const key = await op.submit(issuing, { intent: 'saved' })
      assert.equal(codeOf(key.page), null)
      assert.ok(offers(key.page, 'create'))
      assert.deepEqual(amrOf(await op.redeem(await register(key, createSoftAuthenticator()))), [
        'pwd',
        'otp',
        'pop',
        'user',
        'mfa',
      ])
      assert.deepEqual(
        (await op.duepassi.directory.credentials(account.id)).map(({ factor }) => factor),
        ['totp', 'recovery-code', 'webauthn'],
      )
    })
    it('take what a session has proven already where it is remembered', async () => {
      const { account, key, secret } = await someoneWithBoth(op)
      const atKeys = await op.redeem(await answerWith(await atStepTwo(op, account, keys), key))
      const asked = await op.begin({}, atKeys.browser, both)
      assert.ok(asksApp(asked.page))
      assert.ok(codeOf((await answerApp(op, asked, secret)).page))
    })
  })

  describe('that forbid recovery codes', () => {
    it('do not take a session that was proven by one, although its amr says otp', async () => {
      const { account, secret, codes } = await someoneWithApp(op)
      const entered = await enterByCode(op, await atStepTwo(op, account, op.rp), codes[0] as string)
      const { browser, ...elsewhere } = await op.redeem(entered)
      assert.deepEqual(amrOf({ browser, ...elsewhere }), ['pwd', 'otp', 'mfa'])
      assert.equal(await silently(op, browser, noCodes), 'interaction_required')
      const asked = await op.begin({}, browser, noCodes)
      assert.ok(asksApp(asked.page))
      assert.deepEqual(othersOn(asked.page), [])
      const refused = await op.submit(asked, { intent: 'switch', factor: 'recovery-code' })
      assert.ok(asksApp(refused.page))
      const typed = await op.submit(asked, { intent: 'answer', code: codes[1] as string })
      assert.equal(codeOf(typed.page), null)
      assert.ok(codeOf((await answerApp(op, asked, secret)).page))
      assert.equal(await silently(op, browser, noCodes), 'code')
    })
    it('issue none to somebody new', async () => {
      const account = await someoneNew(op)
      const app = await op.choose(await atStepTwo(op, account, noCodes), 'totp')
      const code = codeNow(secretOn(app.page), op.clock)
      assert.ok(codeOf((await op.submit(app, { intent: 'confirm', code, label: '' })).page))
    })
  })

  describe('that forbid an app', () => {
    it('ask for the key, offer no app, and take none', async () => {
      const { account, key, secret } = await someoneWithBoth(op)
      const asked = await atStepTwo(op, account, noApps)
      assert.ok(offers(asked.page, 'get'))
      assert.deepEqual(othersOn(asked.page), ['recovery-code'])
      const refused = await op.submit(asked, { intent: 'switch', factor: 'totp' })
      assert.ok(offers(refused.page, 'get'))
      assert.equal(codeOf((await answerApp(op, asked, secret)).page), null)
      const now = { ...asked, page: await asked.browser.get(asked.page.url) }
      assert.deepEqual(amrOf(await op.redeem(await answerWith(now, key))), ['pwd', 'pop', 'user', 'mfa'])
    })
    it('take it as proof of who is there from somebody who has nothing else, who then sets up a key', async () => {
      const { account, secret, browser } = await someoneWithApp(op)
      assert.equal(await silently(op, browser, noApps), 'interaction_required')
      const asked = await atStepTwo(op, account, noApps)
      assert.ok(asksApp(asked.page))
      const enrolling = await answerApp(op, asked, secret)
      assert.equal(codeOf(enrolling.page), null)
      assert.ok(offers(enrolling.page, 'create'))
      assert.ok(codeOf((await register(enrolling, createSoftAuthenticator())).page))
    })
  })

  it('that nobody understands let nobody in, however they came into the directory', async () => {
    const { browser } = await someoneWithApp(op)
    const rp = await op.addClient({ client_id: 'misspelt', second_factors: { webauthn: 'requires' } })
    const { page } = await op.begin({}, browser, rp)
    assert.deepEqual([page.status, codeOf(page)], [400, null])
  })

  it('that cannot be met are an error for the relying party, and no page', async () => {
    const { account, browser } = await someoneWithApp(op)
    const rp = await op.addClient({
      client_id: 'impossible',
      second_factors: { webauthn: 'forbid', totp: 'forbid', 'recovery-code': 'forbid' },
    })
    const unmet = 'unmet_authentication_requirements'
    assert.equal(errorOf((await atStepTwo(op, account, rp)).page), unmet)
    assert.equal(errorOf((await atStepTwo(op, await someoneNew(op), rp)).page), unmet)
    assert.equal(errorOf((await op.begin({}, browser, rp)).page), unmet)
    assert.equal(await silently(op, browser, rp), unmet)
  })
})
