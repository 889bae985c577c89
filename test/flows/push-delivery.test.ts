import assert from 'node:assert/strict'
import {
  addPhoneOwner,
  askedOf,
  askPhone,
  enrolPhone,
  failuresOf,
  numberOn,
  openPhone,
  type PhoneOwner,
  reload,
  signInByPhone,
  startWithPhones,
} from '../support/phones.ts'
import type { AtPage, TestProvider } from '../support/provider.ts'
import { codeOf } from '../support/relying-party.ts'

const address = { kind: 'web', endpoint: 'https://push.test/anew' }

describe('a phone that hears of nothing', () => {
  let op: TestProvider
  let told: Awaited<ReturnType<typeof startWithPhones>>['told']
  let state: Awaited<ReturnType<typeof startWithPhones>>['state']
  let owner: PhoneOwner
  before(async () => {
    ;({ op, told, state } = await startWithPhones())
  })
  after(() => op.close())
  beforeEach(async () => {
    state.outcome = 'sent'
    owner = await addPhoneOwner(op)
    told.length = 0
  })

  const device = async () => (await owner.phone.call('GET', 'device')).body
  const answers = async (at: AtPage) => {
    const decided = await owner.phone.decide(await askedOf(owner.phone), { num: numberOn(at.page) })
    assert.equal(decided.status, 200, JSON.stringify(decided.body))
    await op.redeem(await reload(at))
  }

  it('because delivery failed answers all the same, and the page says to open the app', async () => {
    state.outcome = 'failed'
    const at = await askPhone(op, owner)
    assert.match(at.page.body, /No phone could be told/)
    assert.equal((await device())['stale'], false, 'it may work the next time')
    await answers(at)
  })

  it('because its address is gone answers all the same; the next start of the app mends it', async () => {
    state.outcome = 'gone'
    const at = await askPhone(op, owner)
    await answers(at)
    assert.equal((await device())['stale'], true)
    state.outcome = 'sent'
    op.clock.advance(60)
    told.length = 0
    await answers(await askPhone(op, owner))
    assert.equal(told.length, 0, 'nothing is sent to where nobody is')
    assert.equal((await owner.phone.call('PUT', 'device', { address })).status, 204)
    assert.equal((await device())['stale'], false)
    op.clock.advance(60)
    await askPhone(op, owner)
    assert.deepEqual(
      told.map((one) => JSON.parse(one.address)),
      [address],
    )
  })

  it('because it has none answers all the same', async () => {
    assert.equal((await owner.phone.call('PUT', 'device', { address: null })).status, 204)
    const at = await askPhone(op, owner)
    assert.equal(told.length, 0)
    await answers(at)
  })

  it('because delivery hangs keeps nobody waiting, and answers all the same', async () => {
    const slow = await startWithPhones()
    try {
      const { phone } = await enrolPhone(slow.op, await slow.op.atSecondStep())
      slow.op.clock.advance(60)
      slow.state.outcome = new Promise(() => {}) as never
      const before = performance.now()
      const at = await slow.op.atSecondStep()
      assert.ok(performance.now() - before < 8_000)
      assert.equal((await phone.decide(await askedOf(phone), { num: numberOn(at.page) })).status, 200)
    } finally {
      await slow.op.close()
    }
  })

  it('is not told where nothing is delivered, and is not taken for one that was removed', async () => {
    const put = await owner.phone.call('PUT', 'device', { address: 'nowhere' })
    assert.deepEqual([put.status, put.body], [422, { error: 'not-allowed' }])
    assert.equal((await device())['stale'], false, 'where it was told stays')
    // Nor at its enrolment.
    const account = await op.addPerson(`nowhere-${owner.username}`)
    const at = await op.choose(await askPhone(op, account), 'push')
    const phone = await openPhone(op)
    const token = /#e=([\w-]{43})/.exec(at.page.body)?.[1] ?? ''
    const presented = await phone.present(token, 'nowhere')
    assert.deepEqual([presented.status, presented.body], [422, { error: 'not-allowed' }])
  })

  it('takes its account off itself, and is known no more', async () => {
    const only = await owner.phone.call('DELETE', 'device')
    assert.equal(only.status, 204)
    // The last way in stays for the recovery code to replace, and is told nothing.
    told.length = 0
    await askPhone(op, owner)
    assert.equal(told.length, 0)
    assert.equal((await op.duepassi.directory.standing(owner.account.id)).factors.length, 2)
  })

  it('takes nothing away that would leave the person with less than a second factor', async () => {
    const { directory } = op.duepassi
    const { id } = owner.account
    const add = (factor: string) =>
      directory.addCredential({
        id: `${factor}-${id}`,
        accountId: id,
        factor,
        label: '',
        handle: null,
        secret: '{}',
        counter: 0,
        createdAt: op.clock.now(),
        lastUsedAt: null,
      })
    const held = async () => (await directory.credentials(id)).map(({ factor }) => factor).sort()
    // Whoever holds the unlocked phone reads the mail on it too.
    await add('email')
    assert.equal((await owner.phone.call('DELETE', 'device')).status, 204)
    assert.deepEqual(await held(), ['email', 'push', 'recovery-code'])
    await add('totp')
    assert.equal((await owner.phone.call('DELETE', 'device')).status, 204)
    assert.deepEqual(await held(), ['email', 'recovery-code', 'totp'])
  })

  it('mends only itself: another account’s phone changes nothing', async () => {
    const other = await addPhoneOwner(op)
    await other.phone.call('PUT', 'device', { address: null })
    assert.equal((await device())['stale'], false)
    await other.phone.call('DELETE', 'device')
    assert.equal((await owner.phone.call('GET', 'device')).status, 200)
  })
})

describe('the code of a phone without network', () => {
  let op: TestProvider
  let owner: PhoneOwner
  before(async () => {
    ;({ op } = await startWithPhones())
  })
  after(() => op.close())
  beforeEach(async () => {
    owner = await addPhoneOwner(op)
  })
  const code = (later = 0) =>
    owner.phone.soft.offlineCode(owner.phone.offlineSecret, op.clock.now() + later * 1000)
  const type = (at: AtPage, typed: string) => op.submit(at, { intent: 'answer', code: typed })

  it('lets in once, and says that it was a code', async () => {
    const at = await askPhone(op, owner)
    const typed = code()
    const { tokens } = await op.redeem(await type(at, typed))
    assert.deepEqual(tokens.claims()?.['amr'], ['pwd', 'otp', 'mfa'])
    const again = await askPhone(op, owner)
    const replayed = await type(again, typed)
    assert.deepEqual([replayed.page.status, codeOf(replayed.page)], [422, null])
    assert.match(replayed.page.body, /used already/)
    assert.ok((await op.audit(owner.account.id)).some(({ type: kind }) => kind === 'code.reused'))
  })

  it('is gone for the request that was on the phone, too', async () => {
    const at = await askPhone(op, owner)
    const asked = await askedOf(owner.phone)
    await op.redeem(await type(at, code()))
    assert.equal((await owner.phone.decide(asked, { num: numberOn(at.page) })).status, 404)
  })

  it('that is wrong is counted, and ends no request', async () => {
    const at = await askPhone(op, owner)
    const right = [code(-30), code(), code(30)]
    const wrong = ['000000', '000001', '000002', '000003'].find((one) => !right.includes(one)) as string
    const refused = await type(at, wrong)
    assert.equal(refused.page.status, 422)
    assert.equal(await failuresOf(op, owner.account), 1)
    assert.equal(
      (await owner.phone.decide(await askedOf(owner.phone), { num: numberOn(at.page) })).status,
      200,
    )
    await op.redeem(await reload(at))
    assert.equal(await failuresOf(op, owner.account), 0)
  })

  it('is none from before the last approval', async () => {
    const old = code()
    await signInByPhone(op, owner)
    const refused = await type(await askPhone(op, owner), old)
    assert.deepEqual([refused.page.status, codeOf(refused.page)], [422, null])
    op.clock.advance(30)
    await op.redeem(await type(await askPhone(op, owner), code()))
  })

  it('of another account’s phone is wrong', async () => {
    const other = await addPhoneOwner(op)
    const foreign = other.phone.soft.offlineCode(other.phone.offlineSecret, op.clock.now())
    const refused = await type(await askPhone(op, owner), foreign)
    assert.equal(codeOf(refused.page), null)
    assert.equal(await failuresOf(op, owner.account), 1)
  })

  it('that is guessed has to wait after three, and locks in the end', async () => {
    const at = await askPhone(op, owner)
    const statuses: number[] = []
    for (let guess = 0; guess < 4; guess++)
      statuses.push((await type(at, String(guess).padStart(6, '0'))).page.status)
    assert.deepEqual(statuses, [422, 422, 422, 429])
  })
})
