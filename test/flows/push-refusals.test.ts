import assert from 'node:assert/strict'
import type { Account } from '../../src/directory/directory.ts'
import { Browser } from '../support/browser.ts'
import {
  addPhoneOwner,
  administer,
  askedOf,
  askPhone,
  eventsOf,
  failuresOf,
  numberOn,
  type PhoneOwner,
  reload,
  signInByPhone,
  startWithPhones,
} from '../support/phones.ts'
import type { AtPage, SignedIn, TestProvider } from '../support/provider.ts'
import { codeOf, errorOf, type RelyingParty } from '../support/relying-party.ts'

describe('a request that the person refuses on the phone', () => {
  let op: TestProvider
  let told: Awaited<ReturnType<typeof startWithPhones>>['told']
  let bank: RelyingParty
  let owner: PhoneOwner
  before(async () => {
    ;({ op, told } = await startWithPhones({
      config: { policy: { trustedDevices: { kind: 'cookie', days: 1 } } },
    }))
    bank = await op.addClient({ client_id: 'bank', second_factors: { push: 'require' } })
  })
  after(() => op.close())
  beforeEach(async () => {
    owner = await addPhoneOwner(op)
    told.length = 0
    op.mails.length = 0
  })

  const accountNow = async ({ id }: Account): Promise<Account> => {
    const account = await op.duepassi.directory.accountById(id)
    assert.ok(account)
    return account
  }
  const refuse = async (decision: 'deny' | 'report') => {
    const decided = await owner.phone.decide(await askedOf(owner.phone), { decision })
    assert.deepEqual(
      [decided.status, decided.body],
      [200, { outcome: decision === 'deny' ? 'denied' : 'reported' }],
    )
  }
  /** Where a page led that is left. */
  const leave = async (at: AtPage) => (await op.submit(at, { intent: 'leave' })).page
  /** Signed in by a recovery code, so that the phone is asked where it is required. */
  const signInOtherwise = async (): Promise<SignedIn> => {
    // With consent to it, what is refreshed lives longer than the session.
    const asking = await askPhone(op, owner, new Browser(), { prompt: 'consent' })
    const at = await op.submit(asking, { intent: 'switch', factor: 'recovery-code' })
    const recovered = await op.submit(at, { intent: 'answer', code: owner.codes[0] as string })
    const consent = await op.submit(recovered, { intent: 'continue' })
    const signedIn = await op.redeem(await op.submit(consent, { intent: 'allow' }))
    op.clock.advance(60)
    return signedIn
  }
  /** The password is due after a report; here it is not what is looked at. */
  const keepPassword = () => op.duepassi.directory.changeAccount(owner.account.id, { passwordDue: null })

  it('is over when it is denied: the page says so, and no attempt is counted', async () => {
    const at = await askPhone(op, owner)
    const asked = await askedOf(owner.phone)
    await refuse('deny')
    const { page } = await reload(at)
    assert.match(page.body, /The request was denied on your phone/)
    assert.deepEqual([codeOf(page), await failuresOf(op, owner.account)], [null, 0])
    assert.equal((await owner.phone.decide(asked, { num: numberOn(at.page) })).status, 404)
    assert.ok((await eventsOf(op, owner.account)).includes('request.denied'))
    const account = await accountNow(owner.account)
    assert.deepEqual([account.passwordDue, op.mails.length], [null, 0], 'and nothing else')
  })

  it('cannot be refused with a signature that is not by the phone, nor without its user’s own key', async () => {
    const other = await addPhoneOwner(op)
    const at = await askPhone(op, owner)
    const asked = await askedOf(owner.phone)
    const decided = await owner.phone.decide(asked, { decision: 'report', signer: other.phone.soft })
    assert.deepEqual([decided.status, decided.body], [422, { error: 'wrong' }])
    assert.equal((await accountNow(owner.account)).passwordDue, null)
    assert.doesNotMatch((await reload(at)).page.body, /denied on your phone/)
  })

  it('by *it was not me* ends the sign-in: the relying party hears access_denied', async () => {
    const at = await askPhone(op, owner)
    await refuse('report')
    const { page } = await reload(at)
    assert.equal(page.status, 403)
    assert.doesNotMatch(page.body, /value="(send|answer|switch)"/)
    assert.equal(codeOf((await op.submit(at, { intent: 'send' })).page), null)
    const left = await leave(at)
    assert.deepEqual([errorOf(left), codeOf(left)], ['access_denied', null])
    assert.equal(await failuresOf(op, owner.account), 0, 'and is no wrong answer')
  })

  it('by *it was not me* leaves nothing of a session that was to be stepped up', async () => {
    const signedIn = await signInOtherwise()
    await op.rp.refresh(signedIn.tokens.refresh_token as string).then((tokens) => {
      signedIn.tokens = tokens
    })
    const up = await op.begin({}, signedIn.browser, bank)
    const asking = await op.submit(up, { intent: 'send' })
    await refuse('report')
    assert.equal((await reload(asking)).page.status, 403)
    assert.equal(errorOf(await leave(asking)), 'access_denied')
    await assert.rejects(op.rp.refresh(signedIn.tokens.refresh_token as string), { error: 'invalid_grant' })
    assert.equal((await op.rp.introspect(signedIn.tokens.access_token)).active, false)
    const none = await op.begin({ prompt: 'none' }, signedIn.browser.copy())
    assert.equal(errorOf(none.page), 'login_required')
  })

  it('by *it was not me* leaves other sessions of the person as they are', async () => {
    const own = await signInByPhone(op, owner)
    op.clock.advance(60)
    const at = await askPhone(op, owner)
    await refuse('report')
    await leave(at)
    assert.equal((await op.rp.introspect(own.tokens.access_token)).active, true)
  })

  it('by *it was not me* silences the phone, whatever the store forgets, until an administrator unlocks', async () => {
    await askPhone(op, owner)
    await refuse('report')
    await keepPassword()
    told.length = 0
    op.clock.advance(60)
    await op.duepassi.store.drop(`rc:${owner.account.id}`)
    await op.duepassi.store.drop(`pr:${owner.account.id}`)
    await op.restart()
    const silent = await askPhone(op, owner)
    await op.submit(silent, { intent: 'send' })
    assert.deepEqual([told.length, await owner.phone.asked()], [0, undefined])
    op.clock.advance(3_400)
    await askPhone(op, owner)
    assert.equal(told.length, 0, 'for an hour')
    await administer(op, 'account', 'unlock', owner.username)
    const at = await askPhone(op, owner)
    assert.equal(told.length, 1)
    assert.equal(
      (await owner.phone.decide(await askedOf(owner.phone), { num: numberOn(at.page) })).status,
      200,
    )
  })

  it('by *it was not me* silences it for the hour, and no longer', async () => {
    await askPhone(op, owner)
    await refuse('report')
    await keepPassword()
    op.clock.advance(3_610)
    told.length = 0
    await askPhone(op, owner)
    assert.equal(told.length, 1)
  })

  it('by *it was not me* makes the password due, ends the trust in browsers, and is told and recorded', async () => {
    const at = await askPhone(op, owner)
    const asked = await askedOf(owner.phone)
    assert.equal((await owner.phone.decide(asked, { num: numberOn(at.page) })).status, 200)
    await op.redeem(await op.submit(at, { intent: 'arrived', trust: 'on' }))
    const trusted = async () =>
      (await op.duepassi.directory.devices(owner.account.id)).filter(({ trust }) => trust !== null).length
    assert.equal(await trusted(), 1)
    op.clock.advance(60)
    await askPhone(op, owner, new Browser())
    op.mails.length = 0
    const before = op.clock.now()
    await refuse('report')
    const { passwordDue } = await accountNow(owner.account)
    assert.ok(passwordDue !== null && Math.abs(passwordDue - before) < 10_000)
    assert.equal(await trusted(), 0)
    const events = await op.audit(owner.account.id)
    assert.deepEqual(
      events
        .filter(({ type }) => type === 'request.reported')
        .map(({ factor, clientId }) => [factor, clientId]),
      [['push', 'rp']],
    )
    assert.equal(op.mails.length, 1)
    assert.match(op.mails[0]?.text ?? '', /not you|reported/i)
    assert.equal(op.mails[0]?.to.address, owner.account.email)
  })

  it('by *it was not me* while somebody switches to another way ends that sign-in too', async () => {
    const at = await askPhone(op, owner)
    const asked = await askedOf(owner.phone)
    const [decided] = await Promise.all([
      owner.phone.decide(asked, { decision: 'report' }),
      op.submit(at, { intent: 'switch', factor: 'recovery-code' }),
    ])
    assert.deepEqual([decided.status, decided.body], [200, { outcome: 'reported' }])
    assert.equal((await reload(at)).page.status, 403)
  })
})
