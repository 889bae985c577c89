import assert from 'node:assert/strict'
import { decodeJwt } from 'jose'
import { collectNotices } from '../support/phones.ts'
import { mfa, startProvider } from '../support/provider.ts'
import {
  addApplication,
  nextOn,
  type Said,
  somebodyWithPhone,
  startPingReceiver,
} from './ciba-application.ts'

const isUntold = (line: string) => line.includes('could not be told of a decision')
const errorOf = ({ body }: Said) => body['error']

describe('CIBA by ping', function () {
  this.timeout(30_000)
  const { delivery } = collectNotices()

  it('tells the application that somebody has decided, with its own token and no result', async () => {
    const receiver = await startPingReceiver()
    await using op = await startProvider({
      parts: { push: delivery, outbound: receiver.fetch },
      config: { push: { enabled: true } },
    })
    const metadata = {
      backchannel_token_delivery_mode: 'ping',
      backchannel_client_notification_endpoint: receiver.endpoint,
    }
    const bank = await addApplication(op, metadata)
    const person = await somebodyWithPhone(op)
    const asks = { login_hint: person.account.username, client_notification_token: 'own-bearer.token' }
    assert.equal(
      errorOf(await bank.ask({ login_hint: person.account.username })),
      'invalid_request',
      'ping needs a token',
    )
    const id = await bank.begin(asks)
    const asked = await nextOn(person.phone)
    assert.equal(receiver.pings.length, 0)
    assert.equal((await person.phone.decide(asked)).status, 200)
    assert.equal(receiver.pings.length, 1)
    assert.deepEqual(receiver.pings.at(0)?.body, { auth_req_id: id })
    assert.equal(receiver.pings.at(0)?.headers.authorization, 'Bearer own-bearer.token')
    const { body } = await bank.redeem(id)
    const claims = decodeJwt(String(body['id_token']))
    assert.deepEqual([claims['acr'], claims['amr']], [mfa, ['pop', 'mca', 'mfa']])

    // Denied at once, and told after the answer has gone out: it knows what it is told of.
    const known = Promise.withResolvers<void>()
    receiver.state.ready = known.promise
    const denial = await bank.begin({ ...asks, acr_values: 'phr' })
    known.resolve()
    const ping = await receiver.until(() => receiver.pings[1])
    assert.deepEqual(ping.body, { auth_req_id: denial })
    assert.equal(errorOf(await bank.redeem(denial)), 'access_denied')
    assert.deepEqual(op.logged.filter(isUntold), [])

    // One that answers an error has to ask by itself.
    receiver.state.status = 500
    const later = await bank.begin(asks)
    assert.equal((await person.phone.decide(await nextOn(person.phone))).status, 200)
    assert.equal((await bank.redeem(later)).status, 200)
    await receiver.close()
  })

  it('calls no private address, whoever registered it', async () => {
    const receiver = await startPingReceiver()
    await using op = await startProvider({
      parts: { push: delivery, outbound: receiver.strict },
      config: { push: { enabled: true } },
    })
    const bank = await addApplication(op, {
      backchannel_token_delivery_mode: 'ping',
      backchannel_client_notification_endpoint: 'https://bank.duepassi.test/ciba',
    })
    const person = await somebodyWithPhone(op)
    const id = await bank.begin({
      login_hint: person.account.username,
      client_notification_token: 'own-bearer.token',
    })
    assert.equal((await person.phone.decide(await nextOn(person.phone))).status, 200)
    assert.equal((await bank.redeem(id)).status, 200)
    assert.deepEqual(receiver.pings, [])
    const lines = op.logged.filter(isUntold)
    assert.equal(lines.length, 1)
    assert.match(String(lines[0]), /not public/)
    assert.doesNotMatch(String(lines[0]), new RegExp(id))
    await receiver.close()
  })
})
