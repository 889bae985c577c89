import assert from 'node:assert/strict'
import { decodeJwt } from 'jose'
import { collectNotices, type Phone } from '../support/phones.ts'
import { mfa, sfa, startProvider, type TestProvider } from '../support/provider.ts'
import { addApplication, nextOn, outcomeOf, somebodyWithPhone } from './ciba-application.ts'

const denied = { status: 400, body: { error: 'access_denied' } }
const approve = async (phone: Phone) => {
  assert.equal((await phone.decide(await nextOn(phone))).status, 200)
}

describe('what an application demands by CIBA', function () {
  this.timeout(30_000)
  const { told, delivery } = collectNotices()
  let op: TestProvider
  before(async () => {
    op = await startProvider({ parts: { push: delivery }, config: { push: { enabled: true } } })
  })
  after(() => op.close())

  describe('a demand that a phone cannot meet is denied, and nobody is asked', () => {
    const phr = { id_token: { acr: { essential: true, value: 'phr' } } }
    const cases: Record<string, [Record<string, string>, object]> = {
      'acr_values phr': [{ acr_values: 'phr' }, {}],
      'essential acr phr': [{ claims: JSON.stringify(phr) }, {}],
      'essential acr phr, with acr_values beside it': [{ claims: JSON.stringify(phr), acr_values: sfa }, {}],
      'an essential acr that nobody knows': [
        { claims: JSON.stringify({ id_token: { acr: { essential: true, value: 'urn:any' } } }) },
        {},
      ],
      'minimum_acr phr': [{}, { minimum_acr: 'phr' }],
      'webauthn required': [{}, { second_factors: { webauthn: 'require' } }],
      'an app required besides': [{}, { second_factors: { totp: 'require', push: 'require' } }],
      'push forbidden': [{}, { second_factors: { push: 'forbid' } }],
    }
    for (const [what, [fields, metadata]] of Object.entries(cases))
      it(what, async () => {
        const person = await somebodyWithPhone(op)
        const application = await addApplication(op, metadata)
        const before = told.length
        const id = await application.begin({ login_hint: person.account.username, ...fields })
        assert.deepEqual(await outcomeOf(application, id), denied)
        assert.equal(told.length, before)
        assert.equal(await person.phone.asked(), undefined)
      })
  })

  it('meets what it can: essential mfa, max_age, a second factor that is demanded', async () => {
    const person = await somebodyWithPhone(op)
    const application = await addApplication(op, { require_second_factor: true, second_factor_max_age: 60 })
    const claims = JSON.stringify({ id_token: { acr: { essential: true, values: ['phr', mfa] } } })
    const id = await application.begin({ login_hint: person.account.username, claims, max_age: '0' })
    await approve(person.phone)
    const { body } = await application.redeem(id)
    assert.equal(decodeJwt(String(body['id_token']))['acr'], mfa)
  })

  describe('where no second factor is asked', () => {
    it('a phone that counts for nothing there is left alone, though it is all that somebody has', async () => {
      await using open = await startProvider({
        parts: { push: delivery },
        config: { push: { enabled: true }, policy: { secondFactor: 'off' } },
      })
      const person = await somebodyWithPhone(open)
      for (const second_factors of [{ push: 'forbid' }, { webauthn: 'require' }]) {
        const application = await addApplication(open, { second_factors })
        const before = told.length
        const id = await application.begin({ login_hint: person.account.username })
        assert.deepEqual(await outcomeOf(application, id), denied)
        assert.equal(told.length, before)
      }
      const plain = await addApplication(open)
      const nobody = await plain.begin({ login_hint: 'maria' })
      assert.deepEqual(await outcomeOf(plain, nobody), denied)
    })
  })
})
