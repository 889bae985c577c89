import assert from 'node:assert/strict'
import type { OnAccount } from '../../src/cli/account.ts'
import { resetFactors } from '../../src/cli/account-factors.ts'
import { setPassword } from '../../src/cli/account-password.ts'
import { setDisabled, setEnabled } from '../../src/cli/account-state.ts'
import type { Account } from '../../src/directory/directory.ts'
import { Browser } from '../support/browser.ts'
import { register } from '../support/passkeys.ts'
import { type AtPage, startProvider, type TestProvider } from '../support/provider.ts'
import { codeOf } from '../support/relying-party.ts'
import { createSoftAuthenticator } from '../support/soft-authenticator.ts'
import { codeNow, recoveryCodesOn, secretOn } from '../support/steps.ts'

/** What an administrator does on the command line, while somebody else is at the second step. */
describe('steps under way when an administrator steps in', () => {
  let op: TestProvider
  before(async () => {
    op = await startProvider()
  })
  after(() => op.close())

  const on = (account: Account): OnAccount => ({
    account,
    directory: op.duepassi.directory,
    record: async () => {},
    withStore: (task) => task(op.duepassi.store),
    tellClients: async () => [],
    async tell() {},
  })
  const newPassword = 'tutto nuovo, tutto mio'
  /** As after a phishing: the factors are gone, and the password is another. */
  const recover = async (account: Account) => {
    await resetFactors(on(account))
    await op.duepassi.directory.changeAccount(account.id, {
      passwordHash: await op.duepassi.hasher.hash(newPassword),
    })
  }
  const held = async ({ id }: Account) =>
    (await op.duepassi.directory.credentials(id)).map((one) => `${one.factor} ${one.label}`.trim())
  const atStepTwo = async ({ username }: Account, password?: string): Promise<AtPage> =>
    op.typePassword(await op.begin(), { username, ...(password !== undefined && { password }) })
  /** Until the recovery codes are shown. */
  const setUpApp = async (at: AtPage, label: string): Promise<AtPage> => {
    const enrolling = await op.choose(at, 'totp')
    const code = codeNow(secretOn(enrolling.page), op.clock)
    return op.submit(enrolling, { intent: 'confirm', code, label })
  }
  /** Whatever the page is, nothing comes of it. */
  const nothingComes = async (at: AtPage, fields: Record<string, string>) => {
    const { page } = await op.submit(at, fields)
    assert.equal(codeOf(page), null)
    assert.match(page.body, /current-password/, 'the sign-in begins again')
    assert.doesNotMatch(page.body, /otpauth:|id="codes"/)
  }
  let people = 0
  const someone = () => {
    people += 1
    return op.addPerson(`reset-${people}`)
  }

  it('end with a reset: recovery codes that were shown before it are not saved after it', async () => {
    const victim = await someone()
    const issuing = await setUpApp(await atStepTwo(victim), 'Thief')
    recoveryCodesOn(issuing.page)
    await recover(victim)
    const own = await setUpApp(await atStepTwo(victim, newPassword), 'Victim')
    const codes = recoveryCodesOn(own.page)
    await op.redeem(await op.submit(own, { intent: 'saved' }))
    const before = await op.duepassi.directory.credentials(victim.id)
    await nothingComes(issuing, { intent: 'saved' })
    assert.deepEqual(await op.duepassi.directory.credentials(victim.id), before)
    const asked = await op.submit(await atStepTwo(victim, newPassword), {
      intent: 'switch',
      factor: 'recovery-code',
    })
    const recovered = await op.submit(asked, { intent: 'answer', code: codes[0] as string })
    assert.match(recovered.page.body, /value="continue"/)
  })

  it('end with a reset: a second tab that knows the old password sets nothing up', async () => {
    const victim = await someone()
    const [first, second] = [await atStepTwo(victim), await atStepTwo(victim)]
    const issuing = await setUpApp(first, 'Thief')
    assert.ok(codeOf((await op.submit(issuing, { intent: 'saved' })).page))
    await recover(victim)
    await nothingComes(second, { intent: 'choose', factor: 'totp' })
    assert.deepEqual(await held(victim), [])
  })

  it('end with a reset: a factor whose seed was shown before it is not confirmed after it', async () => {
    const victim = await someone()
    const enrolling = await op.choose(await atStepTwo(victim), 'totp')
    const secret = secretOn(enrolling.page)
    await recover(victim)
    await nothingComes(enrolling, { intent: 'confirm', code: codeNow(secret, op.clock), label: 'Thief' })
    assert.deepEqual(await held(victim), [])
  })

  it('end with a reset: what was proven before it does not add a key besides the new one', async () => {
    const { account, secret } = await op.enrolOther('reset-strict')
    const strict = await op.addClient({ client_id: 'strict', second_factors: { webauthn: 'require' } })
    const typed = await op.typePassword(await op.begin({}, new Browser(), strict), {
      username: account.username,
    })
    const enrolling = await op.submit(typed, { intent: 'answer', code: op.nextCode(secret) })
    await recover(account)
    const own = await op.choose(await atStepTwo(account, newPassword), 'webauthn')
    const issuing = await register(own, createSoftAuthenticator(), { label: 'Victim' })
    await op.redeem(await op.submit(issuing, { intent: 'saved' }))
    const { page } = await register(enrolling, createSoftAuthenticator(), { label: 'Thief' })
    assert.equal(codeOf(page), null)
    assert.deepEqual(await held(account), ['webauthn Victim', 'recovery-code'])
  })

  it('end with a reset: a recovery code that was used before it opens nothing after it', async () => {
    const { account, codes } = await op.enrolOther('reset-recovered')
    const switched = await op.submit(await atStepTwo(account), { intent: 'switch', factor: 'recovery-code' })
    const recovered = await op.submit(switched, { intent: 'answer', code: codes[0] as string })
    assert.match(recovered.page.body, /value="continue"/)
    await recover(account)
    await nothingComes(recovered, { intent: 'continue' })
    await nothingComes(recovered, { intent: 'enrol' })
    assert.deepEqual(await held(account), [])
  })

  it('end when the account is disabled, and begin anew when it is enabled', async () => {
    const account = await someone()
    const enrolling = await op.choose(await atStepTwo(account), 'totp')
    const secret = secretOn(enrolling.page)
    await setDisabled(on(account))
    await nothingComes(enrolling, { intent: 'confirm', code: codeNow(secret, op.clock), label: '' })
    assert.deepEqual(await held(account), [])
    await setEnabled(on({ ...account, disabledAt: op.clock.now() }))
    const own = await setUpApp(await atStepTwo(account), 'Own')
    assert.ok(codeOf((await op.submit(own, { intent: 'saved' })).page))
  })

  const endings: Array<[string, (account: Account) => Promise<unknown>]> = [
    ['a reset', (account) => resetFactors(on(account))],
    ['a new password', (account) => setPassword(on(account), newPassword)],
    [
      'disabling the account, also when it is enabled again',
      async (account) => {
        await setDisabled(on(account))
        await setEnabled(on({ ...account, disabledAt: 1 }))
      },
    ],
  ]
  for (const [what, end] of endings)
    it(`end with ${what}, although their browser had only to follow`, async () => {
      people += 1
      const { account, secret } = await op.enrolOther(`follower-${people}`)
      const finished = async () => {
        const code = op.nextCode(secret)
        const at = await atStepTwo(account)
        const { status, headers } = await at.browser.once(at.page.url, {
          method: 'POST',
          headers: {
            'sec-fetch-site': 'same-origin',
            'content-type': 'application/x-www-form-urlencoded',
          },
          body: new URLSearchParams({ intent: 'answer', code }),
        })
        assert.equal(status, 303)
        return { at, way: new URL(headers.get('location') ?? '', op.issuer) }
      }
      const allowed = await finished()
      assert.ok(codeOf(await allowed.at.browser.get(allowed.way)), 'otherwise it is a sign-in')
      const { at, way } = await finished()
      await end(account)
      assert.equal(codeOf(await at.browser.get(way)), null)
    })

  it('of others go on', async () => {
    const [victim, other] = [await someone(), await someone()]
    const enrolling = await op.choose(await atStepTwo(other), 'totp')
    await recover(victim)
    const code = codeNow(secretOn(enrolling.page), op.clock)
    const issuing = await op.submit(enrolling, { intent: 'confirm', code, label: 'Other' })
    assert.ok(codeOf((await op.submit(issuing, { intent: 'saved' })).page))
  })

  it('are over before the factors are removed, so that nothing is added behind it', async () => {
    const account = await op.addPerson('in-order')
    const at = await atStepTwo(account)
    const uid = /interaction\/([\w-]{43})/.exec(at.page.url.pathname)?.[1]
    assert.ok(await op.duepassi.store.get(`si:${uid}`))
    const { directory } = on(account)
    let underWay: string | undefined = 'removal was not asked for'
    const watched = new Proxy(directory, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name)
        if (typeof value !== 'function') return value
        return async (...given: unknown[]) => {
          if (name === 'removeCredentials') underWay = await op.duepassi.store.get(`si:${uid}`)
          return value.apply(target, given)
        }
      },
    })
    await resetFactors({ ...on(account), directory: watched })
    assert.equal(underWay, undefined)
  })
})
