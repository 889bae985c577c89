import assert from 'node:assert/strict'
import { Browser } from '../support/browser.ts'
import {
  mfa,
  restartUrlOn,
  type SignedIn,
  sfa,
  startProvider,
  type TestProvider,
} from '../support/provider.ts'
import { codeOf, errorOf, type RelyingParty } from '../support/relying-party.ts'
import { codeNow, enrol, secretOn } from '../support/steps.ts'

const essential = (...values: string[]) => ({
  claims: JSON.stringify({ id_token: { acr: { essential: true, values } } }),
})
const claimsOf = ({ tokens }: SignedIn) => tokens.claims() as Record<string, unknown>

describe('the policy', () => {
  describe('required', () => {
    let op: TestProvider
    let secret: string
    before(async () => {
      op = await startProvider()
      secret = (await op.enrol()).secret
    })
    after(() => op.close())

    it('cannot be lowered by acr_values', async () => {
      for (const parameters of [
        { acr_values: sfa },
        essential(sfa),
        { acr_values: sfa, ...essential(sfa) },
      ]) {
        const at = await op.atSecondStep(parameters)
        assert.match(at.page.url.pathname, /second-factor$/)
        assert.equal(codeOf(at.page), null)
      }
    })
    it('meets an essential acr that can be reached, also among others', async () => {
      for (const parameters of [essential(mfa), essential('urn:out-of-reach', mfa)])
        assert.equal(claimsOf(await op.signIn(secret, parameters))['acr'], mfa)
    })
    it('answers an essential acr that cannot be reached without asking anybody in vain', async () => {
      const { browser } = await op.signIn(secret)
      for (const [parameters, who] of [
        [essential('urn:out-of-reach'), browser],
        [{ ...essential('urn:out-of-reach'), acr_values: mfa }, browser],
        [{ ...essential('urn:out-of-reach'), prompt: 'none' }, browser],
      ] as const)
        assert.equal(errorOf((await op.begin(parameters, who)).page), 'unmet_authentication_requirements')
      const { page } = await op.atSecondStep(essential('urn:out-of-reach'))
      assert.equal(errorOf(page), 'unmet_authentication_requirements')
    })
    it('takes acr_values that cannot be reached for the wish that they are', async () => {
      assert.equal(claimsOf(await op.signIn(secret, { acr_values: 'urn:out-of-reach' }))['acr'], mfa)
    })
  })

  for (const mode of ['optional', 'off'] as const) {
    describe(mode, () => {
      let op: TestProvider
      let strict: RelyingParty
      before(async () => {
        op = await startProvider({ config: { policy: { secondFactor: mode } } })
        strict = await op.addClient({ client_id: 'strict', require_second_factor: true })
      })
      after(() => op.close())

      it('signs in whoever has no factor by the password, and says so in every token', async () => {
        const { tokens } = await op.redeem(await op.atSecondStep())
        assert.equal(tokens.claims()?.['acr'], sfa)
        assert.deepEqual(tokens.claims()?.['amr'], ['pwd'])
        const seen = await op.rp.introspect(tokens.access_token)
        assert.equal(seen['acr'], sfa)
        assert.deepEqual(seen['amr'], ['pwd'])
        const refreshed = await op.rp.refresh(tokens.refresh_token as string)
        assert.equal(refreshed.claims()?.['acr'], sfa)
      })
      it('asks for more where it is asked for: acr_values, essential acr, the relying party’s metadata', async () => {
        const ways: Array<[Record<string, string>, RelyingParty]> = [
          [{ acr_values: mfa }, op.rp],
          [essential(mfa), op.rp],
          [{}, strict],
          [{ acr_values: sfa }, strict],
        ]
        for (const [parameters, rp] of ways) {
          const asked = await op.atSecondStep(parameters, new Browser(), rp)
          const { page } = await op.choose(asked)
          assert.match(page.body, /otpauth:/, JSON.stringify(parameters))
          assert.equal(codeOf(page), null)
        }
      })
      it('asks nobody under prompt=none: interaction_required', async () => {
        const { browser } = await op.redeem(await op.atSecondStep())
        assert.equal(
          errorOf((await op.begin({ prompt: 'none' }, browser, strict)).page),
          'interaction_required',
        )
        assert.equal(
          errorOf((await op.begin({ prompt: 'none', acr_values: mfa }, browser)).page),
          'interaction_required',
        )
        assert.ok(codeOf((await op.begin({ prompt: 'none' }, browser)).page))
      })
      it('steps a session up by enrolling, without the password again', async () => {
        await op.addPerson(`stepper-${mode}`)
        const first = await op.redeem(
          await op.typePassword(await op.begin(), { username: `stepper-${mode}` }),
        )
        const asked = await op.begin({}, first.browser, strict)
        const { secret, last } = await enrol(first.browser, asked.page, op.clock)
        const stepped = claimsOf(await op.redeem({ ...asked, page: last }))
        assert.equal(stepped['acr'], mfa)
        assert.deepEqual(stepped['amr'], ['pwd', 'otp', 'mfa'])
        assert.equal(stepped['auth_time'], claimsOf(first)['auth_time'])
        // And without any page from then on.
        assert.equal(claimsOf(await op.redeem(await op.begin({}, first.browser)))['acr'], mfa)
        assert.ok(secret)
      })
    })
  }

  describe('optional, for whoever has a factor', () => {
    let op: TestProvider
    before(async () => {
      op = await startProvider({ config: { policy: { secondFactor: 'optional' } } })
    })
    after(() => op.close())

    it('asks for it, and what was signed in by the password before is no longer enough', async () => {
      const before = await op.redeem(await op.atSecondStep())
      const pending = await op.atSecondStep()
      assert.ok(codeOf(pending.page))
      assert.ok((await op.rp.refresh(before.tokens.refresh_token as string)).access_token)

      const elsewhere = await op.atSecondStep({ acr_values: mfa })
      const { secret, last } = await enrol(elsewhere.browser, elsewhere.page, op.clock)
      await op.redeem({ ...elsewhere, page: last })

      await assert.rejects(op.rp.refresh(before.tokens.refresh_token as string), { error: 'invalid_grant' })
      await assert.rejects(pending.request.finish(pending.page.url), { error: 'invalid_grant' })
      assert.equal(errorOf((await op.begin({ prompt: 'none' }, before.browser)).page), 'interaction_required')
      const asked = await op.begin({}, before.browser)
      assert.match(asked.page.body, /one-time-code/)
      assert.doesNotMatch(asked.page.body, /otpauth:/)
      const code = op.nextCode(secret)
      assert.equal(claimsOf(await op.redeem(await op.submit(asked, { intent: 'answer', code })))['acr'], mfa)
      assert.match((await op.atSecondStep()).page.body, /one-time-code/)
    })
  })

  describe('two relying parties with one session of a password', () => {
    it('does not lead into a dead end when the authenticator was set up in another tab', async () => {
      const op = await startProvider({ config: { policy: { secondFactor: 'optional' } } })
      const { browser } = await op.redeem(await op.atSecondStep())
      const one = await op.begin({ acr_values: mfa }, browser)
      const other = await op.choose(await op.begin({ acr_values: mfa }, browser))
      const secretOfOther = secretOn(other.page)
      const { secret, last } = await enrol(browser, one.page, op.clock)
      await op.redeem({ ...one, page: last })
      // The second tab still shows its own draft: it must end in the question for the authenticator that is there now.
      const late = await op.submit(other, {
        intent: 'confirm',
        code: codeNow(secretOfOther, op.clock),
        label: 'x',
      })
      assert.equal(codeOf(late.page), null)
      assert.equal(
        (await op.duepassi.directory.credentials(op.maria.id)).filter(({ factor }) => factor === 'totp')
          .length,
        1,
      )
      // The session has both factors by now, so beginning again needs no page.
      const way = restartUrlOn(late.page)
      assert.ok(way, `no way on: ${late.page.status} ${late.page.body.slice(0, 300)}`)
      assert.ok(codeOf(await browser.get(way)))
      assert.ok(secret)
      await op.close()
    })
  })
})
