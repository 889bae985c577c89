import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { generateKeyPair, SignJWT } from 'jose'
import { accountTag } from '../../src/context/device-cookie.ts'
import { Browser } from '../support/browser.ts'
import {
  type Asked,
  addPhoneOwner,
  administer,
  askedOf,
  askPhone,
  eventsOf,
  type Phone,
  type PhoneOwner,
  reload,
  signInByPhone,
  startWithPhones,
  wrongNumber,
} from '../support/phones.ts'
import type { AtPage, SignedIn, TestProvider } from '../support/provider.ts'
import { codeOf, errorOf } from '../support/relying-party.ts'

const minutes = 60

describe('a request that nobody answers on the phone', () => {
  let op: TestProvider
  let owner: PhoneOwner
  before(async () => {
    ;({ op } = await startWithPhones())
  })
  after(() => op.close())
  beforeEach(async () => {
    owner = await addPhoneOwner(op)
    op.mails.length = 0
  })

  const missedOf = async ({ phone }: { phone: Phone }): Promise<Asked[]> =>
    (await phone.call('GET', 'requests')).body['missed'] as Asked[]
  /** One that ran out two minutes ago. */
  const miss = async (browser = new Browser()): Promise<{ at: AtPage; missed: Asked }> => {
    const at = await askPhone(op, owner, browser)
    const asked = await askedOf(owner.phone)
    op.clock.advance(3 * minutes)
    const [missed] = await missedOf(owner)
    assert.equal(missed?.id, asked.id)
    return { at, missed: missed as Asked }
  }
  const byRecoveryCode = async (asking: AtPage): Promise<SignedIn> => {
    const at = await op.submit(asking, { intent: 'switch', factor: 'recovery-code' })
    const recovered = await op.submit(at, { intent: 'answer', code: owner.codes[0] as string })
    return op.redeem(await op.submit(recovered, { intent: 'continue' }))
  }
  const answers = async (missed: Asked, decision: 'approve' | 'deny' | 'report', phone = owner.phone) => {
    const { status, body } = await phone.decide(missed, { decision })
    return [status, body['outcome'] ?? body['error']]
  }
  const accountNow = async () => {
    const account = await op.duepassi.directory.accountById(owner.account.id)
    return account ?? assert.fail()
  }
  describe('is shown in the app', () => {
    it('once it has run out, with what it said, for a day', async () => {
      await askPhone(op, owner)
      const asked = await askedOf(owner.phone)
      assert.deepEqual(await missedOf(owner), [], 'not while it waits')
      op.clock.advance(61)
      assert.deepEqual(await missedOf(owner), [asked])
      assert.equal(await owner.phone.asked(), undefined)
      op.clock.advance(86_400 - 2)
      assert.equal((await missedOf(owner)).length, 1)
      op.clock.advance(2)
      assert.deepEqual(await missedOf(owner), [])
    })

    it('not when it was answered: approved, denied, reported, or with a wrong number', async () => {
      await signInByPhone(op, owner)
      assert.deepEqual(await missedOf(owner), [])
      for (const decision of ['deny', 'approve', 'report'] as const) {
        op.clock.advance(30 * minutes)
        const at = await askPhone(op, owner)
        const knobs = decision === 'approve' ? { num: wrongNumber(at.page) } : { decision }
        await owner.phone.decide(await askedOf(owner.phone), knobs)
        op.clock.advance(2 * minutes)
        assert.deepEqual(await missedOf(owner), [], decision)
      }
    })

    it('once for each sign-in, five at most, the newest first', async () => {
      const at = await askPhone(op, owner)
      op.clock.advance(30)
      await op.submit(await reload(at), { intent: 'send' })
      const again = await askedOf(owner.phone)
      op.clock.advance(120 * minutes)
      assert.deepEqual(
        (await missedOf(owner)).map(({ id }) => id),
        [again.id],
      )
      const ids = []
      for (let sign = 0; sign < 5; sign++) {
        await askPhone(op, owner)
        ids.unshift((await askedOf(owner.phone)).id)
        op.clock.advance(120 * minutes)
      }
      assert.deepEqual(
        (await missedOf(owner)).map(({ id }) => id),
        ids,
      )
    })

    it('to the phones of that account alone', async () => {
      const { missed } = await miss()
      const other = await addPhoneOwner(op)
      assert.deepEqual(await missedOf(other), [])
      assert.deepEqual(await answers(missed, 'report', other.phone), [404, 'request_gone'])
      assert.equal((await accountNow()).passwordDue, null)
    })
  })

  it('lets nobody in by an approval that comes late', async () => {
    const { at, missed } = await miss()
    assert.deepEqual(await answers(missed, 'approve'), [404, 'request_gone'])
    assert.equal(codeOf((await reload(at)).page), null)
    assert.equal((await missedOf(owner)).length, 1, 'and it can still be reported')
  })

  it('is asked no more once the person says that it was them, and nothing else happens', async () => {
    const { at, missed } = await miss()
    const signedIn = await byRecoveryCode(await reload(at))
    op.mails.length = 0
    assert.deepEqual(await answers(missed, 'deny'), [200, 'denied'])
    assert.deepEqual(await missedOf(owner), [])
    assert.deepEqual(await answers(missed, 'report'), [404, 'request_gone'])
    assert.equal((await op.rp.introspect(signedIn.tokens.access_token)).active, true)
    const events = await eventsOf(op, owner.account)
    assert.deepEqual(
      [(await accountNow()).passwordDue, op.mails.length, events.includes('request.denied')],
      [null, 0, false],
    )
  })

  it('is reported by no signature but that of a phone of this account', async () => {
    const { missed } = await miss()
    const other = await addPhoneOwner(op)
    const forged = await owner.phone.decide(missed, { decision: 'report', signer: other.phone.soft })
    assert.deepEqual([forged.status, forged.body], [404, { error: 'request_gone' }])
    assert.equal((await accountNow()).passwordDue, null)
    assert.equal((await missedOf(owner)).length, 1)
  })

  it('stays there, whatever whoever knows the password sends', async () => {
    const { at, missed } = await miss()
    // As if the app were in this browser: the page then names the request that it may answer itself.
    const cookie = { name: 'duepassi-authenticator', value: accountTag(owner.account.id), path: '/' }
    const held = at.browser.cookies() as unknown[]
    held.push({ ...cookie, host: new URL(op.issuer).hostname })
    await op.submit(at, { intent: 'send' })
    const { page } = await reload(at)
    op.clock.advance(61)
    const text = () => randomBytes(32).toString('base64url')
    const { privateKey } = await generateKeyPair('ES256')
    for (const txn of new Set(page.body.match(/(?<![\w-])[\w-]{43}(?![\w-])/g))) {
      const claims = { txn, nonce: text(), decision: 'approve', ctx: text(), aud: op.issuer, jti: text() }
      const jws = await new SignJWT(claims)
        .setProtectedHeader({ alg: 'ES256', typ: 'push-decision+jwt', kid: text() })
        .setIssuedAt(Math.floor(op.clock.now() / 1000))
        .sign(privateKey)
      await op.submit({ ...at, page }, { intent: 'answer', code: JSON.stringify({ jws }) })
    }
    assert.deepEqual(
      (await missedOf(owner)).map(({ id }) => id),
      [missed.id],
    )
  })

  describe('and was not theirs', () => {
    it('ends the sign-in that went on another way', async () => {
      const { at, missed } = await miss()
      const other = await op.submit(await reload(at), { intent: 'switch', factor: 'recovery-code' })
      assert.deepEqual(await answers(missed, 'report'), [200, 'reported'])
      const refused = await op.submit(other, { intent: 'answer', code: owner.codes[0] as string })
      assert.equal(refused.page.status, 403)
      const { page } = await op.submit(await reload(at), { intent: 'leave' })
      assert.deepEqual([errorOf(page), codeOf(page)], ['access_denied', null])
    })

    it('ends what had been proven and only waited for its browser', async () => {
      const { at, missed } = await miss()
      const other = await op.submit(await reload(at), { intent: 'switch', factor: 'recovery-code' })
      const recovered = await op.submit(other, { intent: 'answer', code: owner.codes[0] as string })
      assert.deepEqual(await answers(missed, 'report'), [200, 'reported'])
      const { page } = await op.submit(recovered, { intent: 'continue' })
      assert.equal(codeOf(page), null)
    })

    it('ends what was over but for the browser, which has still to follow', async () => {
      const { at, missed } = await miss()
      const other = await op.submit(await reload(at), { intent: 'switch', factor: 'recovery-code' })
      const recovered = await op.submit(other, { intent: 'answer', code: owner.codes[0] as string })
      const { status, headers } = await recovered.browser.once(recovered.page.url, {
        method: 'POST',
        headers: { 'sec-fetch-site': 'same-origin', 'content-type': 'application/x-www-form-urlencoded' },
        body: new URLSearchParams({ intent: 'continue' }),
      })
      assert.equal(status, 303)
      assert.deepEqual(await answers(missed, 'report'), [200, 'reported'])
      for (const way of [headers.get('location') as string, recovered.page.url])
        assert.equal(codeOf(await recovered.browser.get(new URL(way, op.issuer))), null, String(way))
    })

    it('ends the session that came of it, other sessions, and what they had given out', async () => {
      const own = await signInByPhone(op, owner)
      op.clock.advance(30 * minutes)
      const { at, missed } = await miss()
      const theirs = await byRecoveryCode(await reload(at))
      assert.deepEqual(await answers(missed, 'report'), [200, 'reported'])
      for (const { tokens, browser } of [own, theirs]) {
        assert.equal((await op.rp.introspect(tokens.access_token)).active, false)
        await assert.rejects(op.rp.refresh(tokens.refresh_token as string), { error: 'invalid_grant' })
        const none = await op.begin({ prompt: 'none' }, browser)
        assert.equal(errorOf(none.page), 'login_required')
      }
    })

    it('does the other three things as well: silence, a new password, an alert', async () => {
      const { missed } = await miss()
      op.mails.length = 0
      assert.deepEqual(await answers(missed, 'report'), [200, 'reported'])
      assert.notEqual((await accountNow()).passwordDue, null)
      assert.match(op.mails[0]?.text ?? '', /not you|reported/i)
      assert.equal(op.mails.length, 1)
      assert.ok((await eventsOf(op, owner.account)).includes('request.reported'))
      op.clock.advance(50 * minutes)
      await askPhone(op, owner)
      assert.equal(await owner.phone.asked(), undefined)
      assert.deepEqual(await answers(missed, 'report'), [404, 'request_gone'], 'and does them once')
      assert.equal(op.mails.length, 1)
      await administer(op, 'account', 'unlock', owner.username)
    })
  })
})
