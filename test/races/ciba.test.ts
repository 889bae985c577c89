import assert from 'node:assert/strict'
import { decodeJwt } from 'jose'
import {
  type Application,
  addApplication,
  nextOn,
  type Said,
  somebodyWithPhone,
  startPingReceiver,
} from '../flows/ciba-application.ts'
import { collectNotices } from '../support/phones.ts'
import { freshDatabase } from '../support/postgres.ts'
import { startProvider, type TestProvider } from '../support/provider.ts'
import { redisUrl } from '../support/redis.ts'

const many = 50
const times = <T>(count: number, task: (index: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, index) => task(index)))

/** Two nodes on one Redis and one PostgreSQL; the requests reach them in turn. */
describe('CIBA, 50 at once on two nodes', function () {
  this.timeout(120_000)
  const { told, delivery } = collectNotices()
  let receiver: Awaited<ReturnType<typeof startPingReceiver>>
  let op: TestProvider
  let bank: Application
  let grants: number
  before(async () => {
    receiver = await startPingReceiver()
    op = await startProvider({
      redis: await redisUrl(),
      database: await freshDatabase(),
      nodes: 2,
      parts: { push: delivery, outbound: receiver.fetch },
      config: { push: { enabled: true } },
    })
    bank = await addApplication(op, {
      backchannel_token_delivery_mode: 'ping',
      backchannel_client_notification_endpoint: receiver.endpoint,
    })
    for (const { provider } of op.nodes)
      provider.on('grant.saved', () => {
        grants += 1
      })
  })
  after(async () => {
    await op.close()
    await receiver.close()
  })
  beforeEach(() => {
    grants = 0
    receiver.pings.length = 0
  })

  const asked = async () => {
    const person = await somebodyWithPhone(op)
    grants = 0
    const id = await bank.begin({
      login_hint: person.account.username,
      client_notification_token: 'own-bearer.token',
    })
    return { ...person, id, question: await nextOn(person.phone) }
  }
  const withTokens = (all: readonly Said[]) => all.filter(({ status }) => status === 200)

  it('one approval that is sent 50 times is one grant, one ping and one set of tokens', async () => {
    const { phone, id, question } = await asked()
    const body = await phone.soft.decide(question)
    const decided = await times(many, () => phone.call('POST', `requests/${question.id}/decision`, body))
    assert.ok(decided.some(({ status }) => status === 200))
    for (const { status } of decided) assert.ok([200, 404].includes(status), String(status))
    assert.deepEqual([grants, receiver.pings.length], [1, 1])
    assert.equal(withTokens([await bank.redeem(id), await bank.redeem(id)]).length, 1)
  })

  it('50 approvals, each signed anew, are one too', async () => {
    const { account, phone, id, question } = await asked()
    const bodies = []
    for (let index = 0; index < many; index++) bodies.push(await phone.soft.decide(question))
    const decided = await Promise.all(
      bodies.map((body) => phone.call('POST', `requests/${question.id}/decision`, body)),
    )
    assert.ok(decided.some(({ status }) => status === 200))
    assert.deepEqual([grants, receiver.pings.length], [1, 1])
    const events = await op.audit(account.id)
    assert.equal(events.filter(({ type }) => type === 'signin.finished').length, 2, 'this one, and the first')
    assert.equal((await bank.redeem(id)).status, 200)
  })

  it('of an approval and a refusal at once one is the result, and stays it', async () => {
    for (let round = 0; round < 5; round++) {
      const { phone, id, question } = await asked()
      const decided = await times(10, (index) =>
        phone.decide(question, { decision: index % 2 === 0 ? 'approve' : 'deny' }),
      )
      const outcomes = new Set(
        decided.filter(({ status }) => status === 200).map(({ body }) => body['outcome']),
      )
      assert.equal(receiver.pings.length, 1)
      const said = await bank.redeem(id)
      assert.equal(said.body['error'], grants === 1 ? undefined : 'access_denied')
      assert.ok(outcomes.has(grants === 1 ? 'approved' : 'denied'), [...outcomes].join())
      receiver.pings.length = 0
    }
  })

  it('an auth_req_id that is redeemed 50 times at once gives one set of tokens, which is revoked', async () => {
    const { account, phone, id, question } = await asked()
    assert.equal((await phone.decide(question)).status, 200)
    const all = await times(many, () => bank.redeem(id))
    const [won, ...more] = withTokens(all)
    assert.equal(more.length, 0)
    for (const { status, body } of all.filter((one) => one !== won))
      assert.deepEqual([status, body['error']], [400, 'invalid_grant'])
    if (won) {
      assert.equal(decodeJwt(String(won.body['id_token'])).sub, account.id)
      const refreshed = await bank.refresh(won.body['refresh_token'])
      assert.equal(refreshed.body['error'], 'invalid_grant', 'used twice: nobody knows by whom')
    }
  })

  it('redeeming while it is approved 50 times gives one set of tokens at most', async () => {
    const { phone, id, question } = await asked()
    const [, said] = await Promise.all([
      times(many, () => phone.decide(question)),
      times(many, () => bank.redeem(id)),
    ])
    const later = await times(5, () => bank.redeem(id))
    assert.ok(withTokens([...said, ...later]).length <= 1)
    assert.equal(grants, 1)
  })

  it('50 questions to one person are one on the phone', async () => {
    const person = await somebodyWithPhone(op)
    const before = told.length
    const ids = await times(many, () =>
      bank.begin({ login_hint: person.account.username, client_notification_token: 'own-bearer.token' }),
    )
    await receiver.until(() => (receiver.pings.length === many - 1 ? true : undefined))
    const said = await Promise.all(ids.map((id) => bank.redeem(id)))
    const errors = said.map(({ body }) => body['error']).toSorted()
    assert.deepEqual(errors, [...Array(many - 1).fill('access_denied'), 'authorization_pending'])
    assert.equal(told.length, before + 1)
    assert.equal((await person.phone.decide(await nextOn(person.phone))).status, 200)
  })
})
