import assert from 'node:assert/strict'
import type { RequestFacts } from '../../../src/factors/factor.ts'
import { readDevice } from '../../../src/factors/push/device.ts'
import {
  asked,
  asRequest,
  context,
  contextAt,
  createFactor,
  enrolled,
  facts,
  newPhone,
  time,
} from './scene.ts'

const seconds = (count: number) => contextAt(time + count * 1000)

describe('a request', () => {
  it('asks nothing by itself', async () => {
    const { factor, credential } = await enrolled()
    const question = await factor.begin([credential], context)
    assert.deepEqual(question, { devices: ['Phone'], sends: 0 })
    assert.equal(factor.remote.show(question, time), undefined)
    assert.deepEqual(await factor.remote.tell(question, [credential]), { reached: 0, changed: [] })
    assert.equal(factor.name, 'push')
    assert.equal(factor.selfEnrolled, true)
  })

  it('says what the person is asked about, and is plain JSON', async () => {
    const { factor, credential } = await enrolled()
    const request = await asked(factor, [credential])
    const { id, nonce, local, number, shown, ...rest } = request
    assert.deepEqual(rest, {
      devices: ['Phone'],
      sends: 1,
      resendAt: time + 15_000,
      digits: 6,
      createdAt: time,
      serial: time,
      expiresAt: time + 60_000,
      kind: 'sign-in',
    })
    assert.equal(new Set([id, nonce, local]).size, 3)
    for (const text of [id, nonce, local]) assert.match(text, /^[\w-]{43}$/)
    assert.match(number, /^\d{6}$/)
    assert.deepEqual(JSON.parse(shown), {
      app: facts.app,
      account: 'maria@example.org',
      at: time,
      address: '192.0.2.7',
      city: 'Torino',
      country: 'IT',
      browser: 'Firefox',
      system: 'Windows',
    })
    assert.deepEqual(JSON.parse(JSON.stringify(request)), request)
  })

  it('says where nothing is known', async () => {
    const { factor, credential } = await enrolled()
    const { shown } = await asked(factor, [credential], { app: { name: 'Mail' }, sighting: null })
    assert.deepEqual(JSON.parse(shown), {
      app: { name: 'Mail' },
      account: 'maria@example.org',
      at: time,
      address: null,
      city: null,
      country: null,
      browser: null,
      system: null,
    })
  })

  it('shows the phone everything but the number and the nonce of the page', async () => {
    const { factor, credential } = await enrolled()
    const request = await asked(factor, [credential])
    const { id, nonce, digits, expiresAt, kind, shown } = request
    assert.deepEqual(factor.remote.show(request, time + 59_999), {
      id,
      nonce,
      digits,
      expiresAt,
      kind,
      shown,
    })
    assert.equal(factor.remote.show(request, time + 60_000), undefined)
  })

  it('lives as long as it is set', async () => {
    const { factor, credential } = await enrolled({ options: { seconds: 90, digits: 2 } })
    const { expiresAt, number } = await asked(factor, [credential])
    assert.equal(expiresAt, time + 90_000)
    assert.match(number, /^\d\d$/)
  })

  it('needs a phone', async () => {
    const { factor } = createFactor()
    assert.equal(factor.remote.ask(await factor.begin([], context), [], facts, context), undefined)
  })

  it('without a number needs a binding message', async () => {
    const { factor, credential } = await enrolled()
    for (const bindingMessage of [undefined, ''])
      await assert.rejects(asked(factor, [credential], { kind: 'backchannel', bindingMessage }), TypeError)
  })

  it('may be sent again after a while, at most twice, each time as another', async () => {
    const { factor, credential } = await enrolled()
    const ask = (question: Record<string, unknown>, after: number) =>
      factor.remote.ask(question, [credential], facts, seconds(after))
    const first = await asked(factor, [credential])
    assert.equal(ask(first, 14.999), undefined)
    const second = asRequest(ask(first, 15))
    assert.equal(ask(second, 29.999), undefined)
    const third = asRequest(ask(second, 30))
    assert.deepEqual([second.sends, second.resendAt], [2, time + 30_000])
    assert.deepEqual([third.sends, third.resendAt], [3, null])
    assert.equal(ask(third, 1_000), undefined)
    assert.equal(new Set([first, second, third].map(({ id }) => id)).size, 3)
    assert.equal(new Set([first, second, third].map(({ nonce }) => nonce)).size, 3)
    assert.equal(new Set([first, second, third].map(({ local }) => local)).size, 3)
  })

  it('is not sent again more often because it was answered in vain', async () => {
    const { factor, credential } = await enrolled({ options: { mostResends: 1, resendAfter: 20 } })
    const ask = (question: Record<string, unknown>, after: number) =>
      factor.remote.ask(question, [credential], facts, seconds(after))
    const first = factor.remote.end(await asked(factor, [credential]), 'wrong')
    assert.deepEqual(first, { devices: ['Phone'], sends: 1, resendAt: time + 20_000, ended: 'wrong' })
    assert.equal(ask(first, 19), undefined)
    const second = factor.remote.end(asRequest(ask(first, 20)), 'denied')
    assert.deepEqual(second, { devices: ['Phone'], sends: 2, resendAt: null, ended: 'denied' })
    assert.equal(ask(second, 1_000), undefined)
    const judging = factor.remote.end(await factor.begin([credential], context), 'judging')
    assert.deepEqual(judging, { devices: ['Phone'], sends: 0, ended: 'judging' })
  })
})

describe('the phones of a person', () => {
  const address = (to: string) => ({ kind: 'test', to })

  it('are all told, each in its language, and nothing but ids', async () => {
    const made = createFactor()
    const one = await enrolled({ made, address: address('one'), credential: { id: 'one' } })
    const two = await enrolled({
      made,
      address: address('two'),
      phone: { language: 'it' },
      credential: { id: 'two' },
    })
    const none = await enrolled({ made, credential: { id: 'none' } })
    const own = [one.credential, two.credential, none.credential]
    const request = await asked(made.factor, own)
    made.sent.length = 0
    assert.deepEqual(await made.factor.remote.tell(request, own), { reached: 2, changed: [] })
    const { id, expiresAt } = request
    assert.deepEqual(made.sent, [
      { address: 'one', id, expiresAt, language: 'en' },
      { address: 'two', id, expiresAt, language: 'it' },
    ])
  })

  it('are not told any more where nobody is; where it went wrong, the next time', async () => {
    const made = createFactor()
    const scenes = []
    for (const id of ['gone', 'failed', 'throws', 'sent'])
      scenes.push(await enrolled({ made, address: address(id), credential: { id } }))
    const own = scenes.map(({ credential }) => credential)
    const broken = { ...own[0], id: 'broken', secret: 'x' } as (typeof own)[0]
    made.outcomes.set('gone', 'gone').set('failed', 'failed').set('throws', 'throws')
    const told = await made.factor.remote.tell(await asked(made.factor, own), [broken, ...own])
    assert.equal(told.reached, 1)
    const [changed, ...others] = told.changed
    assert.ok(changed && own[0])
    assert.deepEqual(others, [])
    assert.equal(changed.credential, 'gone')
    const device = readDevice({ id: 'gone', secret: changed.secret })
    assert.deepEqual(device, { ...readDevice(own[0]), address: null })
  })
})

describe('a refusal', () => {
  const refusal = async (
    knobs: Parameters<Awaited<ReturnType<typeof newPhone>>['decide']>[1],
    { at = context, kind = 'sign-in' as RequestFacts['kind'], local = false } = {},
  ) => {
    const { factor, phone, credential } = await enrolled()
    const request = await asked(factor, [credential], { kind, bindingMessage: 'Pay' })
    const nonce = local ? request.local : request.nonce
    const answer = await phone.decide({ ...request, nonce }, knobs)
    assert.equal(factor.accepts(answer), true)
    return factor.remote.readRefusal(answer, request, [credential], at)
  }

  it('needs nothing but the key of the phone', async () => {
    assert.equal(await refusal({ decision: 'deny' }), 'denied')
    assert.equal(await refusal({ decision: 'report' }), 'reported')
    assert.equal(await refusal({ decision: 'report' }, { kind: 'backchannel' }), 'reported')
    assert.equal(await refusal({ decision: 'deny' }, { local: true }), 'denied')
    const late = { decision: 'report', payload: { iat: time / 1000 + 3_600 } } as const
    assert.equal(await refusal(late, { at: seconds(3_600) }), 'reported', 'however late')
  })

  it('is none where it approves, is not by this phone, or not about this request', async () => {
    const other = 'A'.repeat(43)
    assert.equal(await refusal({ decision: 'approve' }), undefined)
    assert.equal(await refusal({ decision: 'deny', signer: await newPhone() }), undefined)
    for (const payload of [
      { txn: other },
      { nonce: other },
      { ctx: other },
      { aud: 'https://other.example' },
      { iat: time / 1000 - 61 },
    ])
      assert.equal(await refusal({ decision: 'report', payload }), undefined, JSON.stringify(payload))
  })

  it('is none by a phone of somebody else, where nothing is asked, or by a code', async () => {
    const { factor, phone, credential } = await enrolled()
    const request = await asked(factor, [credential])
    const answer = await phone.decide(request, { decision: 'report' })
    const { readRefusal } = factor.remote
    assert.equal(await readRefusal(answer, request, [], context), undefined)
    assert.equal(
      await readRefusal(answer, factor.remote.end(request, 'denied'), [credential], context),
      undefined,
    )
    assert.equal(await readRefusal('123456', request, [{ ...credential, handle: null }], context), undefined)
  })
})
