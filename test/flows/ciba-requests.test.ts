import assert from 'node:assert/strict'
import { collectNotices, type Phone } from '../support/phones.ts'
import { startProvider, type TestProvider } from '../support/provider.ts'
import { type Application, addApplication, nextOn, type Said, somebodyWithPhone } from './ciba-application.ts'

const errorOf = ({ body }: Said) => body['error']
const approve = async (phone: Phone) => {
  assert.equal((await phone.decide(await nextOn(phone))).status, 200)
}

describe('requests by CIBA', function () {
  this.timeout(30_000)
  const { delivery } = collectNotices()
  let op: TestProvider
  let bank: Application
  before(async () => {
    op = await startProvider({ parts: { push: delivery }, config: { push: { enabled: true } } })
    bank = await addApplication(op)
  })
  after(() => op.close())

  it('knows people by user name, by mail and by an ID token, and nobody who is disabled', async () => {
    const person = await somebodyWithPhone(op)
    const id = await bank.begin({ login_hint: String(person.account.email).toUpperCase() })
    await approve(person.phone)
    const { body } = await bank.redeem(id)
    const again = await bank.begin({ id_token_hint: String(body['id_token']) })
    await approve(person.phone)
    assert.equal((await bank.redeem(again)).status, 200)

    const expectations: Array<[Record<string, string>, string]> = [
      [{}, 'invalid_request'],
      [{ login_hint: 'nobody' }, 'unknown_user_id'],
      [{ login_hint_token: 'a.b.c' }, 'invalid_request'],
      [{ login_hint: person.account.username, id_token_hint: String(body['id_token']) }, 'invalid_request'],
      [{ id_token_hint: `${body['id_token']}x` }, 'invalid_request'],
      [{ login_hint: person.account.username, user_code: '1234' }, 'invalid_request'],
      [{ login_hint: person.account.username, scope: 'profile' }, 'invalid_request'],
    ]
    for (const [fields, error] of expectations) assert.equal(errorOf(await bank.ask(fields)), error)
    await op.duepassi.directory.changeAccount(person.account.id, { disabledAt: op.clock.now() })
    assert.equal(errorOf(await bank.ask({ login_hint: person.account.username })), 'unknown_user_id')
    assert.equal(errorOf(await bank.ask({ id_token_hint: String(body['id_token']) })), 'unknown_user_id')
  })

  it('needs a binding message that reads the same everywhere', async () => {
    const { username: login_hint } = op.maria
    const refused = ['', ' ', ' x', 'x ', 'a\nb', 'a\u0000b', 'a\u202eb', 'a\u2066b', 'a\u200bb', 'a\u3164b']
    for (const binding_message of [...refused, 'x'.repeat(65), '\ufeffa', 'a\u2028b'])
      assert.equal(
        errorOf(await bank.ask({ login_hint, binding_message })),
        'invalid_binding_message',
        JSON.stringify(binding_message),
      )
    for (const binding_message of ['x', 'x'.repeat(64), '🐘'.repeat(64), 'a b', 'कमल', 'W4SCT'])
      assert.equal((await bank.ask({ login_hint, binding_message })).status, 200, binding_message)
  })

  it('is for applications that are registered for it, and have a secret', async () => {
    const plain = await addApplication(op, {
      grant_types: ['client_credentials'],
      backchannel_token_delivery_mode: undefined,
    })
    const open = await addApplication(op, { token_endpoint_auth_method: 'none' })
    const unregistered = await plain.ask({ login_hint: 'maria' })
    assert.equal(errorOf(unregistered), 'invalid_request')
    assert.match(String(unregistered.body['error_description']), /not allowed for this client/)
    assert.equal(errorOf(await open.ask({ login_hint: 'maria' })), 'unauthorized_client')
    const wrong = await bank.ask({ login_hint: 'maria', client_secret: 'guessed' })
    assert.deepEqual([wrong.status, errorOf(wrong)], [401, 'invalid_client'])
  })
})

describe('CIBA without the authenticator app', () => {
  it('is not there', async () => {
    await using op = await startProvider()
    const discovered = (await (
      await fetch(`${op.issuer}/.well-known/openid-configuration`)
    ).json()) as Record<string, unknown>
    assert.equal(discovered['backchannel_authentication_endpoint'], undefined)
    assert.ok(
      !(discovered['grant_types_supported'] as string[]).includes('urn:openid:params:grant-type:ciba'),
    )
    assert.equal((await fetch(`${op.issuer}/backchannel`, { method: 'POST' })).status, 404)
  })
})
