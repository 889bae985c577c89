import assert from 'node:assert/strict'
import { collectNotices, enrolPhone } from '../support/phones.ts'
import { type AtPage, sfa, startProvider, type TestProvider } from '../support/provider.ts'
import { codeOf, errorOf } from '../support/relying-party.ts'
import { codeNow, recoveryCodesOn, secretOn } from '../support/steps.ts'

/** An offer stands on its page: by its button that takes nothing. */
const isOffer = ({ page }: AtPage): boolean => page.body.includes('value="not-now"')

describe('the offer of a second factor', () => {
  const { delivery } = collectNotices()
  let op: TestProvider
  let people = 0
  before(async () => {
    op = await startProvider({
      parts: { push: delivery },
      config: { push: { enabled: true }, policy: { secondFactor: 'optional' } },
    })
  })
  after(() => op.close())

  const someone = async () => {
    people += 1
    return op.addPerson(`person-${people}`)
  }
  const signIn = async (username: string, parameters: Record<string, string> = {}) =>
    op.typePassword(await op.begin(parameters), { username })

  it('is made to whoever has none and needs none, and "not now" is remembered', async () => {
    const { username } = await someone()
    const offered = await signIn(username)
    assert.ok(isOffer(offered))
    assert.equal(codeOf(offered.page), null, 'nothing is signed in before it is answered')
    const { tokens } = await op.redeem(await op.submit(offered, { intent: 'not-now' }))
    assert.equal(tokens.claims()?.acr, sfa)
    op.clock.advance(60)
    assert.ok(codeOf((await signIn(username)).page), 'not asked again')
    op.clock.advance(90 * 86_400)
    assert.ok(isOffer(await signIn(username)), 'but for a quarter of a year only')
  })
  it('is left by giving up on the way, and comes back the next time', async () => {
    const { username } = await someone()
    const setting = await op.choose(await signIn(username), 'totp')
    const left = await op.submit(setting, { intent: 'give-up' })
    assert.ok(codeOf(left.page))
    assert.ok(isOffer(await signIn(username)))
  })
  it('leads to a factor, which is asked from then on', async () => {
    const { username, id } = await someone()
    const { phone, at } = await enrolPhone(op, await signIn(username))
    const { tokens } = await op.redeem(await op.submit(at, { intent: 'saved' }))
    assert.deepEqual(tokens.claims()?.['amr'], ['pwd', 'pop', 'mca', 'mfa'])
    op.clock.advance(60)
    const again = await signIn(username)
    assert.ok(!isOffer(again) && codeOf(again.page) === null)
    assert.ok(await phone.asked())
    assert.equal((await op.duepassi.directory.credentials(id)).length, 2)
  })
  it('proves nothing: an app that was set up elsewhere meanwhile is asked', async () => {
    const { username } = await someone()
    const offered = await signIn(username)
    const other = await op.choose(await signIn(username), 'totp')
    const secret = secretOn(other.page)
    const codes = await op.submit(other, { intent: 'confirm', code: codeNow(secret, op.clock), label: '' })
    assert.ok(recoveryCodesOn(codes.page).length > 0)
    const left = await op.submit(offered, { intent: 'not-now' })
    assert.equal(errorOf(left.page), 'unmet_authentication_requirements')
  })
  it('is no way around a relying party that demands two factors', async () => {
    const { username } = await someone()
    const strict = await op.addClient({ client_id: 'strict', require_second_factor: true })
    const demanded = await op.typePassword(await op.begin({}, undefined, strict), { username })
    assert.ok(!isOffer(demanded) && codeOf(demanded.page) === null)
    const skipped = await op.submit(demanded, { intent: 'not-now' })
    assert.equal(codeOf(skipped.page), null)
    assert.ok(!isOffer(skipped))
  })
  it('is made where the policy leaves it open, and not elsewhere', async () => {
    for (const policy of [{ secondFactor: 'off' }, { secondFactor: 'optional', offer: false }] as const) {
      await using silent = await startProvider({
        parts: { push: delivery },
        config: { push: { enabled: true }, policy },
      })
      assert.ok(codeOf((await silent.atSecondStep()).page), JSON.stringify(policy))
    }
  })
})
