import assert from 'node:assert/strict'
import { answerWith, enterWith, offers, register } from '../support/passkeys.ts'
import { mfa, sfa, startProvider, type TestProvider } from '../support/provider.ts'
import { codeOf, errorOf, type RelyingParty } from '../support/relying-party.ts'
import { createSoftAuthenticator } from '../support/soft-authenticator.ts'
import { codeNow, recoveryCodesOn, secretOn } from '../support/steps.ts'
import {
  amrOf,
  answerApp,
  asksApp,
  atStepTwo,
  othersOn,
  silently,
  someoneNew,
  someoneWithApp,
  someoneWithBoth,
  someoneWithKey,
} from './ruled-people.ts'

const unmet = 'unmet_authentication_requirements'

describe('rules for the members of a group', () => {
  let op: TestProvider
  let apps: RelyingParty
  before(async () => {
    op = await startProvider({
      config: {
        policy: {
          groups: {
            administrators: { factors: { webauthn: 'require' } },
            'no-codes': { factors: { 'recovery-code': 'forbid' } },
            'no-keys': { factors: { webauthn: 'forbid' } },
          },
        },
      },
    })
    apps = await op.addClient({ client_id: 'apps', second_factors: { totp: 'require' } })
  })
  after(() => op.close())
  const join = (id: string, ...groups: string[]) => op.duepassi.directory.changeAccount(id, { groups })

  it('hold from the next authorization and the next refresh on, and no longer than the membership', async () => {
    const { account, browser, tokens } = await someoneWithApp(op)
    const refresh = tokens.refresh_token as string
    assert.equal(await silently(op, browser, op.rp), 'code')
    const pending = await op.begin({ prompt: 'none' }, browser)
    await join(account.id, 'administrators')
    assert.equal(await silently(op, browser, op.rp), 'interaction_required')
    await assert.rejects(op.rp.refresh(refresh), { error: 'invalid_grant' })
    await assert.rejects(op.redeem(pending), { error: 'invalid_grant' })
    // A group that the policy does not name changes nothing.
    await join(account.id, 'readers', 'constructor', '__proto__')
    assert.equal(await silently(op, browser, op.rp), 'code')
    assert.ok((await op.rp.refresh(refresh)).access_token)
  })
  it('have a new member set a key up, and ask for it from then on', async () => {
    const { account, secret } = await someoneWithApp(op)
    await join(account.id, 'administrators')
    const asked = await atStepTwo(op, account, op.rp)
    assert.ok(asksApp(asked.page))
    const enrolling = await answerApp(op, asked, secret)
    assert.equal(codeOf(enrolling.page), null)
    const key = createSoftAuthenticator()
    const done = await op.redeem(await register(enrolling, key))
    assert.deepEqual(amrOf(done), ['pwd', 'otp', 'pop', 'user', 'mfa'])
    assert.ok((await op.rp.refresh(done.tokens.refresh_token as string)).access_token)
    assert.ok(offers((await atStepTwo(op, account, op.rp)).page, 'get'))
    // Others are not concerned.
    const other = await someoneWithApp(op)
    assert.equal(await silently(op, other.browser, op.rp), 'code')
  })
  it('join those of the relying party: both are asked', async () => {
    const { account, key, secret } = await someoneWithBoth(op)
    await join(account.id, 'administrators')
    const second = await answerWith(await atStepTwo(op, account, apps), key)
    assert.equal(codeOf(second.page), null)
    assert.ok(asksApp(second.page))
    assert.ok(codeOf((await answerApp(op, second, secret)).page))
  })
  it('are refused where they contradict those of the relying party, and nobody is asked in vain', async () => {
    const { account, browser, tokens } = await someoneWithApp(op)
    const rp = await op.addClient({ client_id: 'no-keys', second_factors: { webauthn: 'forbid' } })
    await join(account.id, 'administrators')
    assert.equal(errorOf((await atStepTwo(op, account, rp)).page), unmet)
    assert.equal(errorOf((await op.begin({}, browser, rp)).page), unmet)
    assert.equal(await silently(op, browser, rp), unmet)
    assert.ok(tokens)
  })
  it('of several groups all hold', async () => {
    const { account, codes, key } = await someoneWithBoth(op)
    await join(account.id, 'administrators', 'no-codes')
    const asked = await atStepTwo(op, account, op.rp)
    assert.ok(offers(asked.page, 'get'))
    assert.deepEqual(othersOn(asked.page), [])
    const refused = await op.submit(asked, { intent: 'switch', factor: 'recovery-code' })
    assert.ok(offers(refused.page, 'get'))
    assert.ok(codeOf((await answerWith(refused, key)).page))
    assert.ok(codes.length > 0)
    await join(account.id, 'administrators', 'no-keys')
    assert.equal(errorOf((await atStepTwo(op, account, op.rp)).page), unmet)
  })
  it('do not take a recovery code as the way to a key where it is forbidden', async () => {
    const { account, codes, secret } = await someoneWithApp(op)
    await join(account.id, 'administrators', 'no-codes')
    const asked = await atStepTwo(op, account, op.rp)
    assert.ok(asksApp(asked.page))
    assert.deepEqual(othersOn(asked.page), [])
    const refused = await op.submit(asked, { intent: 'answer', code: codes[0] as string })
    assert.equal(refused.page.status, 422)
    assert.ok(offers((await answerApp(op, asked, secret)).page, 'create'))
  })
  it('take no forbidden passkey alone: nothing else stands in the place of the password', async () => {
    const both = await someoneWithBoth(op)
    const single = await someoneWithKey(op)
    for (const { account, key } of [both, single]) {
      await join(account.id, 'no-keys')
      const refused = await enterWith(await op.begin(), key)
      assert.equal(refused.page.status, 403)
      assert.ok(refused.page.body.includes('Passkeys are not accepted here.'))
      assert.ok(offers(refused.page, 'get'), 'the page to sign in with')
      // Nobody is at the second step now.
      const { page } = await op.submit(
        { ...refused, page: { ...refused.page, url: new URL(`${refused.page.url.href}/second-factor`) } },
        { intent: 'choose', factor: 'totp' },
      )
      assert.doesNotMatch(page.body, /otpauth:|one-time-code/)
      assert.equal(codeOf(page), null)
    }
    // With the password they go on by the app, or set one up by the key that they have.
    const asked = await atStepTwo(op, both.account, op.rp)
    assert.ok(asksApp(asked.page))
    assert.ok(codeOf((await answerApp(op, asked, both.secret)).page))
    const proving = await atStepTwo(op, single.account, op.rp)
    const enrolling = await answerWith(proving, single.key)
    assert.equal(codeOf(enrolling.page), null)
    const code = codeNow(secretOn(enrolling.page), op.clock)
    const done = await op.redeem(await op.submit(enrolling, { intent: 'confirm', code, label: '' }))
    assert.equal(done.tokens.claims()?.['acr'], mfa)
  })
  it('let names that a forbidden key earned prove nothing, beside a factor that is not forbidden', async () => {
    // Signed in by a key alone, then by the app as well: two factors, but without the key one of them only.
    const { account, key, secret } = await someoneWithBoth(op)
    const entered = await op.redeem(await enterWith(await op.begin(), key))
    const asked = await op.begin({}, entered.browser, apps)
    const stepped = await op.redeem(await answerApp(op, asked, secret))
    assert.deepEqual(amrOf(stepped), ['pop', 'user', 'otp', 'mfa'])
    await join(account.id, 'no-keys')
    assert.equal(await silently(op, entered.browser, apps), 'interaction_required')
    await assert.rejects(apps.refresh(stepped.tokens.refresh_token as string), { error: 'invalid_grant' })
  })
  it('nor at a relying party that forbids keys, whether the session remembers its key or not', async () => {
    const keyless = await op.addClient({ client_id: 'keyless', second_factors: { webauthn: 'forbid' } })
    const remembering = await op.addClient({
      client_id: 'codeless',
      second_factors: { 'recovery-code': 'forbid' },
    })
    for (const rp of [op.rp, remembering]) {
      const { key, secret } = await someoneWithBoth(op)
      const { browser } = await op.redeem(await enterWith(await op.begin({}, undefined, rp), key))
      const { page } = await answerApp(op, await op.begin({}, browser, keyless), secret)
      assert.equal(codeOf(page), null, 'one factor, and no password')
      assert.equal(errorOf(page), unmet)
      const again = await op.begin({ prompt: 'login' }, browser, keyless)
      assert.equal(offers(again.page, 'get'), false)
    }
  })
})

describe('rules for everybody', () => {
  let op: TestProvider
  let loose: RelyingParty
  before(async () => {
    op = await startProvider({ config: { policy: { secondFactor: 'off', factors: { totp: 'forbid' } } } })
    loose = await op.addClient({ client_id: 'loose', second_factors: { totp: 'allow' } })
  })
  after(() => op.close())

  it('are not weakened by a relying party that allows what they forbid', async () => {
    for (const rp of [loose, op.rp]) {
      const demanding = { acr_values: 'https://refeds.org/profile/mfa' }
      const account = await someoneNew(op)
      const enrolling = await op.typePassword(await op.begin(demanding, undefined, rp), {
        username: account.username,
      })
      assert.ok(offers(enrolling.page, 'create'))
      const { page } = await op.submit(enrolling, { intent: 'choose', factor: 'totp' })
      assert.doesNotMatch(page.body, /otpauth:/)
    }
  })
  it('demand no second factor by forbidding one, but by requiring one', async () => {
    const account = await someoneNew(op)
    const plain = await op.redeem(await atStepTwo(op, account, op.rp))
    assert.equal(plain.tokens.claims()?.['acr'], sfa)
    const keys = await op.addClient({ client_id: 'keys', second_factors: { webauthn: 'require' } })
    assert.equal(await silently(op, plain.browser, keys), 'interaction_required')
    const enrolling = await op.begin({}, plain.browser, keys)
    const issuing = await register(enrolling, createSoftAuthenticator())
    recoveryCodesOn(issuing.page)
    const done = await op.redeem(await op.submit(issuing, { intent: 'saved' }))
    assert.deepEqual(amrOf(done), ['pwd', 'pop', 'user', 'mfa'])
  })
})

describe('rules that nobody can meet', () => {
  const refusals = async (op: TestProvider, second_factors: Record<string, string>) => {
    const rp = await op.addClient({ client_id: 'strict', second_factors })
    const { account, browser } = await someoneWithApp(op)
    return {
      'somebody new': errorOf((await atStepTwo(op, await someoneNew(op), rp)).page),
      'somebody with an app': errorOf((await atStepTwo(op, account, rp)).page),
      'a session': errorOf((await op.begin({}, browser, rp)).page),
      'a session, silently': await silently(op, browser, rp),
    }
  }
  const all = {
    'somebody new': unmet,
    'somebody with an app': unmet,
    'a session': unmet,
    'a session, silently': unmet,
  }
  it('are an error for the relying party, and no page: required for everybody and forbidden there', async () => {
    await using op = await startProvider({ config: { policy: { factors: { totp: 'require' } } } })
    assert.deepEqual(await refusals(op, { totp: 'forbid' }), all)
  })
  it('likewise: one forbidden for everybody, and the other one there', async () => {
    await using op = await startProvider({ config: { policy: { factors: { webauthn: 'forbid' } } } })
    assert.deepEqual(await refusals(op, { totp: 'forbid' }), all)
  })
  it('likewise: recovery codes required, which nobody sets up', async () => {
    await using op = await startProvider()
    assert.deepEqual(await refusals(op, { 'recovery-code': 'require' }), all)
  })
})
