import assert from 'node:assert/strict'
import {
  addPhoneOwner,
  administer,
  askedOf,
  askPhone,
  eventsOf,
  failuresOf,
  numberOn,
  openPhone,
  type PhoneOwner,
  reload,
  startWithPhones,
  wrongNumber,
} from '../support/phones.ts'
import type { AtPage, TestProvider } from '../support/provider.ts'
import { codeOf } from '../support/relying-party.ts'
import type { Decide } from '../support/soft-phone.ts'

describe('an answer of a phone', () => {
  let op: TestProvider
  let told: Awaited<ReturnType<typeof startWithPhones>>['told']
  let owner: PhoneOwner
  before(async () => {
    ;({ op, told } = await startWithPhones())
  })
  after(() => op.close())
  beforeEach(async () => {
    owner = await addPhoneOwner(op)
    told.length = 0
  })

  const accepted = async () =>
    (await eventsOf(op, owner.account)).filter((type) => type === 'factor.accepted').length
  /** Refused, over, and counted once: neither that answer nor a right one lets anybody in by this request. */
  const isRefused = async (at: AtPage, decide: Decide, error = 'wrong') => {
    const { phone } = owner
    const asked = await askedOf(phone)
    const before = await failuresOf(op, owner.account)
    const decided = await phone.decide(asked, { num: numberOn(at.page), ...decide })
    assert.deepEqual([decided.status, decided.body], [422, { error }])
    assert.equal(await failuresOf(op, owner.account), before + 1, 'counted')
    assert.equal(await phone.asked(), undefined, 'over')
    const right = await phone.decide(asked, { num: numberOn(at.page) })
    assert.deepEqual([right.status, right.body], [404, { error: 'request_gone' }])
    assert.equal(codeOf((await reload(at)).page), null)
    assert.equal(await accepted(), 0)
  }

  it('with a wrong number ends the request: the page says so, and sends no other by itself', async () => {
    const at = await askPhone(op, owner)
    await isRefused(at, { num: wrongNumber(at.page) })
    for (let look = 0; look < 3; look++) {
      const { page } = await reload(at)
      assert.match(page.body, /The answer from your phone was not right/)
      assert.doesNotMatch(page.body, /class="number"/)
    }
    op.clock.advance(120)
    await reload(at)
    assert.equal(told.length, 1, 'not by itself')
    const events = await op.audit(owner.account.id)
    assert.deepEqual(
      events.filter(({ type }) => type === 'factor.refused').map(({ factor, reason }) => [factor, reason]),
      [['push', 'wrong']],
    )
    const again = await op.submit(at, { intent: 'send' })
    assert.equal(told.length, 2)
    const asked = await askedOf(owner.phone)
    assert.equal((await owner.phone.decide(asked, { num: numberOn(again.page) })).status, 200)
    await op.redeem(await reload(at))
    assert.equal(await failuresOf(op, owner.account), 0)
  })

  it('without the number is wrong', async () => {
    const at = await askPhone(op, owner)
    const { num: _, ...asked } = { ...(await askedOf(owner.phone)), num: '' }
    const decided = await owner.phone.decide(asked)
    assert.deepEqual([decided.status, decided.body], [422, { error: 'wrong' }])
    assert.equal(codeOf((await reload(at)).page), null)
  })

  it('without PIN, finger or face is refused', async () =>
    isRefused(await askPhone(op, owner), { userVerified: false }, 'unverified'))

  it('without any assertion is refused', async () =>
    isRefused(await askPhone(op, owner), { assertion: null }, 'unverified'))

  it('from the page of another origin is refused', async () =>
    isRefused(await askPhone(op, owner), { origin: 'https://elsewhere.example' }))

  it('by another phone’s key, in this one’s name, is refused', async () => {
    const other = await addPhoneOwner(op)
    await isRefused(await askPhone(op, owner), { signer: other.phone.soft })
  })

  it('for another issuer, of another time, or of what was not shown is refused', async () => {
    for (const payload of [
      { aud: 'https://elsewhere.example' },
      { iat: Math.floor(op.clock.now() / 1000) - 120 },
      { iat: Math.floor(op.clock.now() / 1000) + 3_720 },
      { ctx: 'A'.repeat(43) },
    ]) {
      await op.duepassi.directory.clearAttempts(owner.account.id)
      await isRefused(await askPhone(op, owner), { payload })
      op.clock.advance(3_600)
    }
  })

  it('with the assertion of an earlier decision is refused', async () => {
    const first = await askPhone(op, owner)
    const answer = await owner.phone.soft.decide(await askedOf(owner.phone), { num: numberOn(first.page) })
    const { assertion } = JSON.parse(answer)
    op.clock.advance(60)
    await isRefused(await askPhone(op, owner), { assertion })
  })

  it('with the assertion of a refusal signed anew is refused', async () => {
    const at = await askPhone(op, owner)
    const asked = await askedOf(owner.phone)
    // Verified for one number, sent with another: what is approved is the very decision.
    const wrong = await owner.phone.soft.decide(asked, { num: wrongNumber(at.page) })
    await isRefused(at, { assertion: JSON.parse(wrong).assertion })
  })

  it('is good once: sent again it is answered that the request is gone', async () => {
    const at = await askPhone(op, owner)
    const asked = await askedOf(owner.phone)
    const answer = await owner.phone.soft.decide(asked, { num: numberOn(at.page) })
    const send = () => owner.phone.call('POST', `requests/${asked.id}/decision`, answer)
    assert.equal((await send()).status, 200)
    assert.deepEqual([(await send()).status, await accepted()], [404, 1])
    await op.redeem(await reload(at))
    assert.equal((await send()).status, 404)
    op.clock.advance(60)
    const next = await askPhone(op, owner)
    assert.equal((await send()).status, 404)
    const url = `requests/${(await askedOf(owner.phone)).id}/decision`
    assert.equal((await owner.phone.call('POST', url, answer)).status, 404, 'nor for another request')
    assert.equal(codeOf((await reload(next)).page), null)
    assert.equal(await failuresOf(op, owner.account), 0, 'which counts nothing')
    assert.ok(await owner.phone.asked(), 'and ends nothing')
  })

  it('by a phone of another account finds no request, and ends none', async () => {
    const other = await addPhoneOwner(op)
    const at = await askPhone(op, owner)
    const asked = await askedOf(owner.phone)
    assert.equal(await other.phone.asked(), undefined)
    for (const decision of ['approve', 'deny', 'report'] as const) {
      const decided = await other.phone.decide(asked, { decision, num: numberOn(at.page) })
      assert.deepEqual([decided.status, decided.body], [404, { error: 'request_gone' }])
    }
    // Nor where it passes on what the right phone signed for it.
    const signed = await owner.phone.soft.decide(asked, { num: numberOn(at.page) })
    assert.equal((await other.phone.call('POST', `requests/${asked.id}/decision`, signed)).status, 404)
    assert.equal((await owner.phone.decide(asked, { num: numberOn(at.page) })).status, 200)
  })

  it('after a minute is too late, and counts nothing', async () => {
    const at = await askPhone(op, owner)
    const asked = await askedOf(owner.phone)
    op.clock.advance(59)
    assert.ok(await owner.phone.asked())
    op.clock.advance(1.5)
    assert.equal(await owner.phone.asked(), undefined)
    assert.equal((await owner.phone.decide(asked, { num: numberOn(at.page) })).status, 404)
    const { page } = await reload(at)
    assert.match(page.body, /not answered in time/)
    assert.deepEqual([codeOf(page), await failuresOf(op, owner.account)], [null, 0])
  })

  it('to a request that another sign-in took the place of is none: that page says so', async () => {
    const first = await askPhone(op, owner)
    const old = await askedOf(owner.phone)
    op.clock.advance(11)
    const second = await askPhone(op, owner)
    assert.match((await reload(first)).page.body, /asked about another sign-in after this one/)
    assert.doesNotMatch((await reload(first)).page.body, /class="number"/)
    const late = await owner.phone.decide(old, { num: numberOn(first.page) })
    assert.deepEqual([late.status, late.body], [404, { error: 'request_gone' }])
    const asked = await askedOf(owner.phone)
    assert.notEqual(asked.id, old.id)
    // What is signed for the one does not do for the other.
    const signed = await owner.phone.soft.decide(old, { num: numberOn(first.page) })
    assert.equal((await owner.phone.call('POST', `requests/${asked.id}/decision`, signed)).status, 404)
    assert.equal((await owner.phone.decide(asked, { num: numberOn(second.page) })).status, 200)
    assert.equal(codeOf((await reload(first)).page), null)
    await op.redeem(await reload(second))
  })

  const endings: Array<[string, (at: AtPage) => Promise<unknown>, number]> = [
    ['another way was chosen', (at) => op.submit(at, { intent: 'switch', factor: 'recovery-code' }), 404],
    ['the person gave up', (at) => op.submit(at, { intent: 'give-up' }), 404],
    ['the account was disabled', () => administer(op, 'account', 'disable', owner.username), 404],
    ['the factors were reset', () => administer(op, 'account', 'reset-factors', owner.username), 401],
    ['the phone was removed', () => owner.phone.call('DELETE', 'device'), 401],
  ]
  for (const [what, end, status] of endings)
    it(`after ${what} lets nobody in`, async () => {
      if (status === 401) await addTotp(owner)
      const at = await askPhone(op, owner)
      const asked = await askedOf(owner.phone)
      await end(at)
      const decided = await owner.phone.decide(asked, { num: numberOn(at.page) })
      assert.equal(decided.status, status, JSON.stringify(decided.body))
      assert.equal(codeOf((await reload(at)).page), null)
      assert.equal(await accepted(), 0)
    })

  it('after the second factor was locked lets nobody in, and says so', async () => {
    const at = await askPhone(op, owner)
    const asked = await askedOf(owner.phone)
    await op.duepassi.directory.changeAttempts(owner.account.id, 'totp', (state) => ({
      ...state,
      lockedAt: op.clock.now(),
    }))
    const decided = await owner.phone.decide(asked, { num: numberOn(at.page) })
    assert.deepEqual([decided.status, decided.body], [423, { error: 'locked' }])
    assert.equal((await reload(at)).page.status, 403)
    assert.equal(await accepted(), 0)
  })

  it('that comes while wrong ones have to be waited for may be given once that is over', async () => {
    const at = await askPhone(op, owner)
    const asked = await askedOf(owner.phone)
    await op.duepassi.directory.changeAttempts(owner.account.id, 'push', (state) => ({
      ...state,
      failures: 3,
      waitUntil: op.clock.now() + 30_000,
    }))
    const early = await owner.phone.decide(asked, { num: numberOn(at.page) })
    assert.deepEqual([early.status, early.body['error']], [429, 'wait'])
    assert.equal(await accepted(), 0)
    assert.match((await reload(at)).page.body, /class="number"/, 'the page still shows it')
    op.clock.advance(31)
    assert.equal((await owner.phone.decide(asked, { num: numberOn(at.page) })).status, 200)
    await op.redeem(await reload(at))
  })

  it('of a phone that this account does not have any more is not known', async () => {
    const stranger = await openPhone(op)
    assert.deepEqual((await stranger.call('GET', 'requests')).body, { error: 'device_unknown' })
    assert.equal((await stranger.call('GET', 'device')).status, 401)
  })

  /** Another way of proving, so that the phone is not the last. */
  const addTotp = ({ account }: PhoneOwner) =>
    op.duepassi.directory.addCredential({
      id: `totp-${account.id}`,
      accountId: account.id,
      factor: 'totp',
      label: 'App',
      handle: null,
      secret: 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP',
      counter: 0,
      createdAt: op.clock.now(),
      lastUsedAt: null,
    })
})
