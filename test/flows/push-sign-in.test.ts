import assert from 'node:assert/strict'
import { Browser } from '../support/browser.ts'
import {
  addPhoneOwner,
  askedOf,
  askPhone,
  enrolPhone,
  eventsOf,
  numberOn,
  reload,
  signInByPhone,
  startWithPhones,
} from '../support/phones.ts'
import { mfa, type TestProvider } from '../support/provider.ts'
import { codeOf, type RelyingParty } from '../support/relying-party.ts'
import { codeIn, collectTexts } from '../support/texts.ts'

describe('a sign-in that a phone approves', () => {
  const { texts, delivery: textDelivery } = collectTexts()
  let op: TestProvider
  let told: Awaited<ReturnType<typeof startWithPhones>>['told']
  /** Requires the phone by name. */
  let bank: RelyingParty
  before(async () => {
    ;({ op, told } = await startWithPhones({
      parts: { texts: textDelivery },
      config: { messages: { perHourFromAddress: 10_000 } },
    }))
    bank = await op.addClient({ client_id: 'bank', second_factors: { push: 'require' } })
  })
  after(() => op.close())
  beforeEach(() => {
    told.length = 0
    texts.length = 0
  })

  it('ends in tokens that say how: two factors, by a key, on another channel', async () => {
    const owner = await addPhoneOwner(op)
    told.length = 0
    const at = await askPhone(op, owner, new Browser('it'))
    assert.equal(told.length, 1)
    const asked = await askedOf(owner.phone)
    const { address, at: when, ...shown } = JSON.parse(asked.shown)
    assert.deepEqual(shown, {
      app: { name: 'Test application' },
      account: owner.username,
      city: null,
      country: null,
      browser: null,
      system: null,
    })
    assert.equal(address, '127.0.0.1')
    assert.ok(Math.abs(when - op.clock.now()) < 10_000)
    assert.deepEqual(
      Object.keys(asked).toSorted(),
      ['digits', 'expiresAt', 'id', 'kind', 'nonce', 'shown'],
      'never the number',
    )
    const decided = await owner.phone.decide(asked, { num: numberOn(at.page) })
    assert.deepEqual([decided.status, decided.body], [200, { outcome: 'approved' }])
    const { tokens } = await op.redeem(await reload(at))
    assert.deepEqual(tokens.claims()?.['amr'], ['pwd', 'pop', 'mca', 'mfa'])
    assert.equal(tokens.claims()?.acr, mfa)
    const events = await eventsOf(op, owner.account)
    assert.deepEqual(events.filter((type) => type !== 'signin.unusual').slice(-5), [
      'password.accepted',
      'request.sent',
      'factor.accepted',
      'signin.finished',
      'device.added',
    ])
  })

  it('tells the phone nothing but ids, in its own words', async () => {
    const owner = await addPhoneOwner(op)
    told.length = 0
    const at = await askPhone(op, owner)
    const [notice] = told
    const asked = await askedOf(owner.phone)
    assert.deepEqual(notice, {
      id: asked.id,
      expiresAt: asked.expiresAt,
      language: 'en',
      address: notice?.address,
    })
    assert.ok(!JSON.stringify(notice).includes(numberOn(at.page)) || /\d{10}/.test(JSON.stringify(notice)))
  })

  it('shows as many digits as are configured, and zeros in front of them', async () => {
    const { op: strict } = await startWithPhones({ config: { push: { digits: 6 } } })
    try {
      const at = await strict.atSecondStep()
      const { phone } = await enrolPhone(strict, at)
      strict.clock.advance(60)
      const asking = await strict.atSecondStep()
      assert.match(numberOn(asking.page), /^\d{6}$/)
      const asked = await askedOf(phone)
      assert.equal(asked.digits, 6)
      assert.equal((await phone.decide(asked, { num: numberOn(asking.page) })).status, 200)
    } finally {
      await strict.close()
    }
  })

  it('asks nobody before the password is right, nor for an account that is not there', async () => {
    const owner = await addPhoneOwner(op)
    told.length = 0
    for (const typed of [
      { username: owner.username, password: 'not this one' },
      { username: owner.username, password: '' },
      { username: 'nobody-at-all' },
    ])
      await op.typePassword(await op.begin(), typed)
    assert.deepEqual([told.length, await owner.phone.asked()], [0, undefined])
    assert.ok(!(await eventsOf(op, owner.account)).slice(-3).includes('request.sent'))
  })

  it('steps a session up: the phone is asked, and the session is of two factors then', async () => {
    const owner = await addPhoneOwner(op)
    // Somebody with another factor too, who signs in by that one.
    const at = await askPhone(op, owner)
    const recovery = await op.submit(at, { intent: 'switch', factor: 'recovery-code' })
    const code = owner.codes[0] as string
    const recovered = await op.submit(recovery, { intent: 'answer', code })
    const signedIn = await op.redeem(await op.submit(recovered, { intent: 'continue' }))
    op.clock.advance(60)
    told.length = 0
    const up = await op.begin({}, signedIn.browser, bank)
    assert.equal(codeOf(up.page), null, 'the session is not enough')
    assert.equal(told.length, 0, 'a session that wants more asks nobody by itself')
    const asking = await op.submit(up, { intent: 'send' })
    assert.equal(told.length, 1)
    const asked = await askedOf(owner.phone)
    assert.equal((await owner.phone.decide(asked, { num: numberOn(asking.page) })).status, 200)
    const done = await reload(asking)
    const tokens = await up.request.finish(done.page.url)
    assert.ok(String(tokens.claims()?.['amr']).includes('mca'))
    assert.ok(codeOf((await op.begin({}, signedIn.browser, bank)).page), 'and not asked again')
  })

  it('puts a number out of use by which codes were sent before', async () => {
    const account = await op.addPerson('with-a-number')
    const enter = async () => op.typePassword(await op.begin(), { username: 'with-a-number' })
    const at = await op.choose(await enter(), 'sms')
    await op.submit(at, { intent: 'address', address: '+393471234567' })
    const confirmed = await op.submit(at, { intent: 'confirm', code: codeIn(texts.at(-1)), label: '' })
    await op.redeem(await op.submit(confirmed, { intent: 'saved' }))
    const held = async () =>
      (await op.duepassi.directory.credentials(account.id)).map(({ factor }) => factor).toSorted()
    op.clock.advance(3_600)
    // The bank wants a phone that approves: proven by SMS first, it is set up.
    const asking = await op.typePassword(await op.begin({}, new Browser(), bank), {
      username: 'with-a-number',
    })
    assert.equal(texts.length, 2)
    const proven = await op.submit(asking, { intent: 'answer', code: codeIn(texts.at(-1)) })
    const { phone, at: set } = await enrolPhone(op, proven)
    assert.ok(codeOf(set.page), set.page.body.slice(-600))
    assert.deepEqual(await held(), ['push', 'recovery-code', 'sms'])
    op.clock.advance(3_600)
    await signInByPhone(op, { username: 'with-a-number', phone })
    assert.deepEqual(await held(), ['push', 'recovery-code'])
    assert.ok(
      (await op.audit(account.id)).some(({ reason, factor }) => reason === 'retired' && factor === 'sms'),
    )
  })

  it('remembers the device where that is wished for on the page of the computer', async () => {
    const { op: trusting } = await startWithPhones({
      config: { policy: { trustedDevices: { kind: 'cookie', days: 1 } } },
    })
    try {
      const owner = await addPhoneOwner(trusting)
      const at = await askPhone(trusting, owner)
      const asked = await askedOf(owner.phone)
      assert.equal((await owner.phone.decide(asked, { num: numberOn(at.page) })).status, 200)
      await trusting.redeem(await trusting.submit(at, { intent: 'arrived', trust: 'on' }))
      assert.ok((await eventsOf(trusting, owner.account)).includes('device.trusted'))
    } finally {
      await trusting.close()
    }
  })
})
