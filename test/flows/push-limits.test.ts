import assert from 'node:assert/strict'
import {
  addPhoneOwner,
  askedOf,
  askPhone,
  numberOn,
  type PhoneOwner,
  reload,
  signInByPhone,
  startWithPhones,
} from '../support/phones.ts'
import type { TestProvider } from '../support/provider.ts'
import { codeOf } from '../support/relying-party.ts'
import { codeNow } from '../support/steps.ts'

const seed = 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP'

describe('how often a phone is asked', () => {
  let op: TestProvider
  let told: Awaited<ReturnType<typeof startWithPhones>>['told']
  let owner: PhoneOwner
  before(async () => {
    ;({ op, told } = await startWithPhones({ config: { lifetimes: { interaction: 86_400 } } }))
  })
  after(() => op.close())
  beforeEach(async () => {
    owner = await addPhoneOwner(op)
    told.length = 0
  })

  const deny = async () =>
    assert.equal(
      (await owner.phone.decide(await askedOf(owner.phone), { decision: 'deny' })).body['outcome'],
      'denied',
    )
  /** Sign-ins at which nobody answers, each so many seconds after the one before; answers how many were told of. */
  const begun = async (...after: number[]) => {
    told.length = 0
    for (const seconds of after) {
      op.clock.advance(seconds)
      await askPhone(op, owner)
    }
    return told.length
  }

  it('one request waits at a time: a second sign-in within ten seconds asks nobody', async () => {
    const first = await askPhone(op, owner)
    op.clock.advance(8)
    const second = await askPhone(op, owner)
    assert.equal(told.length, 1)
    assert.doesNotMatch(second.page.body, /class="number"/)
    const refused = await op.submit(second, { intent: 'send' })
    assert.equal(refused.page.status, 429)
    assert.match(refused.page.body, /none is sent now/)
    // And takes nothing from the first.
    assert.equal(
      (await owner.phone.decide(await askedOf(owner.phone), { num: numberOn(first.page) })).status,
      200,
    )
  })

  it('again in one sign-in after 15 seconds, twice at most, and by the button alone', async () => {
    const at = await askPhone(op, owner)
    const send = async () => (await op.submit(at, { intent: 'send' })).page.status
    op.clock.advance(13)
    assert.deepEqual([await send(), told.length], [422, 1])
    op.clock.advance(2.5)
    assert.deepEqual([await send(), told.length], [200, 2])
    const [old, now] = told
    assert.notEqual(old?.id, now?.id, 'another request')
    op.clock.advance(16)
    assert.deepEqual([await send(), told.length], [429, 2], 'not before 20 seconds by the second')
    op.clock.advance(5)
    assert.deepEqual([await send(), told.length], [200, 3])
    op.clock.advance(86_000)
    await reload(at)
    assert.deepEqual([await send(), told.length], [422, 3])
    assert.match((await reload(at)).page.body, /No more requests can be sent in this sign-in/)
  })

  it('with a wait that doubles with each that nobody approved', async () => {
    assert.equal(await begun(0, 9, 2), 2, '10 seconds after the first')
    assert.equal(await begun(18, 3), 1, '20 after the second')
    assert.equal(await begun(38, 3), 1, '40 after the third')
    assert.equal(await begun(78, 3), 1, '80 after the fourth')
  })

  it('five times in ten minutes, the sixth when the first is ten minutes old', async () => {
    assert.equal(await begun(0, 11, 21, 41, 81), 5)
    assert.equal(await begun(441), 0, '595 seconds')
    assert.equal(await begun(6), 1, '601 seconds')
  })

  it('twenty times a day', async () => {
    const { op: patient, told: heard } = await startWithPhones({
      config: {
        push: { perTenMinutes: 100, firstWait: 1, longestWait: 1 },
        lifetimes: { interaction: 86_400 },
      },
    })
    try {
      const person = await addPhoneOwner(patient)
      heard.length = 0
      for (let time = 0; time < 22; time++) {
        await askPhone(patient, person)
        patient.clock.advance(2)
      }
      assert.equal(heard.length, 20)
      patient.clock.advance(86_330)
      await askPhone(patient, person)
      assert.equal(heard.length, 20)
      patient.clock.advance(40)
      await askPhone(patient, person)
      assert.equal(heard.length, 21)
    } finally {
      await patient.close()
    }
  })

  it('not for 15 minutes after three refusals in five', async () => {
    for (const seconds of [0, 11, 21]) {
      assert.equal(await begun(seconds), 1)
      await deny()
    }
    assert.equal(await begun(890), 0)
    assert.equal(await begun(15), 1)
  })

  it('further on where three refusals took longer than five minutes', async () => {
    for (const seconds of [0, 11, 310]) {
      assert.equal(await begun(seconds), 1)
      await deny()
    }
    assert.equal(await begun(45), 1)
  })

  it('at once after one that was approved, whatever was before', async () => {
    await begun(0, 11, 21)
    op.clock.advance(41)
    await signInByPhone(op, owner)
    assert.equal(await begun(0), 1)
  })

  it('no more by switching to another way and back', async () => {
    const at = await askPhone(op, owner)
    for (let round = 0; round < 3; round++) {
      await op.submit(at, { intent: 'switch', factor: 'recovery-code' })
      await op.submit(at, { intent: 'switch', factor: 'push' })
    }
    assert.equal(told.length, 1)
  })

  it('never where another way is there and it may not be asked now: that one is first', async () => {
    await op.duepassi.directory.addCredential({
      id: `totp-${owner.account.id}`,
      accountId: owner.account.id,
      factor: 'totp',
      label: 'App',
      handle: null,
      secret: seed,
      counter: 0,
      createdAt: op.clock.now(),
      lastUsedAt: null,
    })
    const first = await askPhone(op, owner)
    assert.match(first.page.body, /class="number"/, 'the phone is the better way')
    op.clock.advance(5)
    const second = await askPhone(op, owner)
    assert.equal(told.length, 1)
    const code = codeNow(seed, op.clock)
    assert.ok(codeOf((await op.submit(second, { intent: 'answer', code })).page))
  })
})
