import assert from 'node:assert/strict'
import {
  addApp,
  answerWith,
  assertionFor,
  atKey,
  badSignature,
  enrolKey,
  type KeyHolder,
  optionsOn,
  sendAnswer,
} from '../support/passkeys.ts'
import { type AtPage, startProvider, type TestProvider } from '../support/provider.ts'
import { codeOf } from '../support/relying-party.ts'
import { createSoftAuthenticator } from '../support/soft-authenticator.ts'
import { wrongCode } from '../support/steps.ts'

describe('what a security key answers', () => {
  const key = createSoftAuthenticator({ counter: { start: 1, step: 1 } })
  const otherKey = createSoftAuthenticator()
  let op: TestProvider
  let anna: KeyHolder
  before(async () => {
    op = await startProvider()
    anna = await enrolKey(op, 'anna', key)
    await enrolKey(op, 'luigi', otherKey)
  })
  after(() => op.close())
  beforeEach(async () => {
    await op.duepassi.directory.clearAttempts(anna.account.id)
    op.clock.advance(120)
  })
  const asked = () => atKey(op, 'anna')
  const attempts = async (authenticator = 'webauthn') =>
    (await op.duepassi.directory.changeAttempts(anna.account.id, authenticator, (state) => state)).before
  const challengeOn = ({ page }: AtPage) => optionsOn(page, 'get').challenge
  const refused = (at: AtPage, text = /did not confirm this sign-in/) => {
    assert.equal(at.page.status, 422)
    assert.equal(codeOf(at.page), null)
    assert.match(at.page.body, text)
  }

  /** Once for the person who sent one form twice: it was judged where it was sent first. */
  const notAsked = /already done in another tab/

  describe('is refused, counted and asked anew when it is', () => {
    const changed = (response: string, change: object): string =>
      JSON.stringify({ ...JSON.parse(response), ...change })
    const wrong: Record<string, (at: AtPage) => Promise<string> | string> = {
      'by a key that nobody registered': ({ page }) => {
        const stranger = createSoftAuthenticator()
        const { challenge, rpId } = optionsOn(page, 'get')
        const origin = page.url.origin
        const { id } = stranger.create({ challenge, rp: { id: rpId }, user: { id: 'bWU' } }, { origin })
        return assertionFor(page, stranger, { tamper: { credential: id } })
      },
      'by another key under the id of the right one': ({ page }) => {
        const id = key.credentials[0]?.id
        const response = assertionFor(page, otherKey, {
          tamper: { credential: otherKey.credentials[0]?.id ?? '' },
        })
        return changed(response, { id, rawId: id })
      },
      'by the key of another account': ({ page }) =>
        assertionFor(page, otherKey, { tamper: { credential: otherKey.credentials[0]?.id ?? '' } }),
      'at another origin': ({ page }) => assertionFor(page, key, { origin: 'https://evil.example' }),
      'in a page within another’s': ({ page }) => assertionFor(page, key, { crossOrigin: true }),
      'for another relying party': ({ page }) =>
        assertionFor(page, key, {
          tamper: { authenticatorData: (data) => Buffer.concat([Buffer.alloc(32, 7), data.subarray(32)]) },
        }),
      'a registration': ({ page }) =>
        assertionFor(page, key, { tamper: { clientData: (data) => ({ ...data, type: 'webauthn.create' }) } }),
      'of somebody else, by its user handle': ({ page }) => {
        const response = JSON.parse(assertionFor(page, key))
        return changed(JSON.stringify(response), {
          response: { ...response.response, userHandle: otherKey.credentials[0]?.userHandle },
        })
      },
      'without a signature that holds': ({ page }) => assertionFor(page, key, badSignature),
    }
    for (const [name, make] of Object.entries(wrong))
      it(name, async () => {
        const at = await asked()
        const again = await sendAnswer(at, await make(at))
        refused(again)
        assert.equal((await attempts()).failures, 1)
        assert.notEqual(challengeOn(again), challengeOn(at))
        const [latest] = await op.audit(anna.account.id)
        assert.deepEqual(
          [latest?.type, latest?.factor, latest?.reason],
          ['factor.refused', 'webauthn', 'wrong'],
        )
        // And only what was wrong about it was wrong.
        await op.redeem(await answerWith(again, key))
        assert.equal((await attempts()).failures, 0)
      })
  })

  describe('is neither judged nor counted when it is to another question', () => {
    /** What is said of answers, not of the password before them. */
    const judged = async () =>
      (await op.audit(anna.account.id)).filter(
        ({ type }) => !['password.accepted', 'signin.unusual'].includes(type),
      ).length
    const elsewhere: Record<string, (at: AtPage) => Promise<string> | string> = {
      'by another account, for its own question': async () =>
        assertionFor((await atKey(op, 'luigi')).page, otherKey),
      'for the question of another sign-in': async () => assertionFor((await asked()).page, key),
      'for the question of the login page': async () => assertionFor((await op.begin()).page, key),
      'for a challenge of its own making': ({ page }) =>
        assertionFor(page, key, { tamper: { clientData: (data) => ({ ...data, challenge: 'AAAA' }) } }),
    }
    for (const [name, make] of Object.entries(elsewhere))
      it(name, async () => {
        const before = await judged()
        const at = await asked()
        const again = await sendAnswer(at, await make(at))
        refused(again, notAsked)
        assert.equal((await attempts()).failures, 0)
        assert.equal(await judged(), before)
        // What is asked is still asked.
        assert.equal(challengeOn(again), challengeOn(at))
        await op.redeem(await answerWith(again, key))
      })
  })

  it('counts nothing where it cannot be an answer, and the question stays', async () => {
    const at = await asked()
    const audited = (await op.audit(anna.account.id)).length
    for (const fields of [
      {},
      { response: '' },
      { response: 'null' },
      { response: '[]' },
      { response: '{}' },
      { response: '{"error":"NotAllowedError"}' },
      { response: `{"id":"${'x'.repeat(20_000)}"}` },
      { code: '123456' },
      { code: '', response: assertionFor(at.page, key) },
    ] as Array<Record<string, string>>) {
      const again = await op.submit(at, { intent: 'answer', ...fields })
      refused(again)
      assert.equal(challengeOn(again), challengeOn(at))
    }
    assert.equal((await attempts()).failures, 0)
    assert.equal((await op.audit(anna.account.id)).length, audited)
    await op.redeem(await answerWith(at, key))
  })
  it('is judged once for each question, right or wrong', async () => {
    const at = await asked()
    const right = assertionFor(at.page, key)
    const again = await answerWith(at, key, badSignature)
    refused(again)
    // Right for a question that was asked, and is not asked any more.
    const late = await sendAnswer(again, right)
    refused(late, notAsked)
    assert.equal((await attempts()).failures, 1)
    assert.notEqual(challengeOn(again), challengeOn(at))
    assert.equal(challengeOn(late), challengeOn(again))
    await op.redeem(await answerWith(late, key))
  })
  it('is accepted once: not at another sign-in, nor again at the same', async () => {
    const at = await asked()
    const response = assertionFor(at.page, key)
    await op.redeem(await sendAnswer(at, response))
    refused(await sendAnswer(await asked(), response), notAsked)
    assert.equal(codeOf((await sendAnswer(at, response)).page), null)
    const used = (await op.audit(anna.account.id)).filter(({ type }) => type === 'signin.finished')
    assert.equal(new Set(used.map(({ id }) => id)).size, used.length)
  })

  it('waits after three wrong ones, and is not judged meanwhile', async () => {
    let at = await asked()
    for (let time = 1; time <= 3; time++) {
      at = await answerWith(at, key, badSignature)
      refused(at)
      assert.equal(at.page.headers.get('retry-after'), time === 3 ? '30' : null)
    }
    op.clock.advance(20)
    const right = assertionFor(at.page, key)
    const early: AtPage[] = []
    for (const other of [at, await asked()]) {
      const waiting = await sendAnswer(other, other === at ? right : assertionFor(other.page, key))
      assert.equal(waiting.page.status, 429)
      assert.equal(codeOf(waiting.page), null)
      assert.match(waiting.page.body, /Several attempts have failed/)
      assert.ok(Number(waiting.page.headers.get('retry-after')) <= 10)
      early.push(waiting)
    }
    assert.equal((await attempts()).failures, 3)
    // Other ways have counts of their own, and waits.
    const recovering = await op.submit(await asked(), { intent: 'switch', factor: 'recovery-code' })
    const wrong = await op.submit(recovering, { intent: 'answer', code: '0000-00000-0000' })
    assert.equal(wrong.page.status, 422)
    op.clock.advance(11)
    // A question serves once, judged or not.
    refused(await sendAnswer(at, right), notAsked)
    await op.redeem(await answerWith(early[0] as AtPage, key))
    assert.equal((await attempts()).failures, 0)
    assert.equal((await attempts('recovery-code')).failures, 1)
  })
  it('locks after ten wrong ones, the account as a whole', async () => {
    const locker = createSoftAuthenticator()
    const { account, codes } = await enrolKey(op, 'locker', locker)
    const mails = op.mails.length
    const waits: Array<string | null> = []
    for (let time = 1; time <= 10; time++) {
      const at = await answerWith(await atKey(op, 'locker'), locker, badSignature)
      refused(at)
      waits.push(at.page.headers.get('retry-after'))
      op.clock.advance(Number(at.page.headers.get('retry-after')))
    }
    assert.deepEqual(waits, [null, null, '30', '60', '120', '240', '480', '960', '1920', '3600'])
    assert.equal((await op.duepassi.directory.standing(account.id)).lockedAt, null)
    const pending = await op.submit(await atKey(op, 'locker'), { intent: 'switch', factor: 'recovery-code' })
    const locked = await answerWith(await atKey(op, 'locker'), locker)
    for (const at of [
      locked,
      await atKey(op, 'locker'),
      await op.submit(pending, { intent: 'answer', code: codes[0] as string }),
    ]) {
      assert.equal(at.page.status, 403)
      assert.match(at.page.body, /locked/)
      assert.equal(codeOf(at.page), null)
    }
    assert.ok((await op.duepassi.directory.standing(account.id)).lockedAt)
    // Nothing has worked in this browser that would be worth remembering.
    assert.equal(
      locked.browser.cookies().some(({ name }) => name === 'duepassi-way'),
      false,
    )
    assert.deepEqual(
      (await op.audit(account.id)).filter(({ type }) => type === 'factor.locked').map(({ factor }) => factor),
      ['webauthn'],
    )
    assert.equal(op.mails.length, mails + 1)
  })
  it('has a count of its own beside the app’s', async () => {
    const both = createSoftAuthenticator()
    const { account, codes } = await enrolKey(op, 'both', both)
    const { secret } = await addApp(op, 'both', codes[0] as string)
    const failures = async (authenticator: string) =>
      (await op.duepassi.directory.changeAttempts(account.id, authenticator, (state) => state)).before
        .failures
    const at = await answerWith(await atKey(op, 'both'), both, badSignature)
    refused(at)
    const byApp = await op.submit(at, { intent: 'switch', factor: 'totp' })
    assert.match(byApp.page.body, /one-time-code/)
    refused(await op.submit(byApp, { intent: 'answer', code: wrongCode(secret, op.clock) }), /not right/)
    assert.deepEqual([await failures('webauthn'), await failures('totp')], [1, 1])
    await op.redeem(await op.submit(byApp, { intent: 'answer', code: op.nextCode(secret) }))
    assert.deepEqual([await failures('webauthn'), await failures('totp')], [1, 0])
    await op.redeem(await answerWith(await atKey(op, 'both'), both))
    assert.deepEqual([await failures('webauthn'), await failures('totp')], [0, 0])
  })
})

describe('a provider that wants the key to know who uses it', () => {
  it('takes no touch alone, neither for setting it up nor for signing in', async () => {
    await using op = await startProvider({ config: { webauthn: { userVerification: 'required' } } })
    const key = createSoftAuthenticator({ userVerification: true })
    const { account } = await enrolKey(op, 'anna', key)
    const at = await atKey(op, 'anna')
    assert.equal(optionsOn(at.page, 'get').userVerification, 'required')
    key.settings.userVerification = false
    const again = await answerWith(at, key)
    assert.equal(again.page.status, 422)
    assert.match(again.page.body, /did not check a PIN/)
    const [latest] = await op.audit(account.id)
    assert.deepEqual([latest?.type, latest?.reason], ['factor.refused', 'unverified'])
    key.settings.userVerification = true
    await op.redeem(await answerWith(again, key))
  })
})
