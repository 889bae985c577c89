import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { Browser } from '../support/browser.ts'
import {
  addApp,
  answerWith,
  assertionFor,
  atKey,
  badSignature,
  enrolKey,
  enterWith,
  type KeyHolder,
  offers,
  optionsOn,
  questionOn,
  sendPasskey,
  signalOn,
} from '../support/passkeys.ts'
import { type AtPage, startProvider, type TestProvider } from '../support/provider.ts'
import { codeOf, errorOf } from '../support/relying-party.ts'
import { createSoftAuthenticator, type SoftAuthenticator } from '../support/soft-authenticator.ts'

/** Its own failed sign-ins lie in Redis and are forgotten with time; the second factor's are not touched by them. */
describe('what a passkey answers', () => {
  const key = createSoftAuthenticator({ counter: { start: 1, step: 1 } })
  const otherKey = createSoftAuthenticator()
  let op: TestProvider
  let anna: KeyHolder
  let luigi: KeyHolder
  before(async () => {
    op = await startProvider({ config: { lifetimes: { interaction: 7_200 } } })
    anna = await enrolKey(op, 'anna', key)
    luigi = await enrolKey(op, 'luigi', otherKey)
  })
  after(() => op.close())
  // Forgotten with a right one.
  beforeEach(async () => {
    op.clock.advance(3_600)
    assert.ok(codeOf((await enterWith(await op.begin(), key)).page))
  })

  const eventsOf = async ({ account }: KeyHolder) =>
    (await op.audit(account.id)).map(({ type, reason }) => `${type}${reason ? `: ${reason}` : ''}`)
  const refused = async (at: AtPage, status: number, text: RegExp) => {
    assert.equal(codeOf(at.page), null)
    assert.equal(at.page.status, status)
    assert.match(at.page.body, text)
    assert.match(at.page.body, /current-password/)
    assert.equal(errorOf((await op.begin({ prompt: 'none' }, at.browser)).page), 'login_required')
    const later = await at.browser.get(`${at.page.url.origin}${at.page.url.pathname}/second-factor`)
    assert.doesNotMatch(later.body, /data-webauthn="create"|anna|luigi/)
  }
  const withUser = (response: string, userHandle: string | undefined): string => {
    const json = JSON.parse(response)
    return JSON.stringify({ ...json, response: { ...json.response, userHandle } })
  }
  const failed = /passkey could not be accepted/

  it('without the check of a PIN, finger or face is half of it, and refused', async () => {
    key.settings.userVerification = false
    const at = await enterWith(await op.begin(), key)
    key.settings.userVerification = true
    await refused(at, 401, /did not check a PIN/)
    assert.equal((await eventsOf(anna))[0], 'factor.refused: unverified')
    assert.ok(codeOf((await enterWith(at, key)).page))
  })
  it('of a key that is behind its last use is taken for copied', async () => {
    const copied = createSoftAuthenticator({ counter: { start: 9, step: 1 } })
    const holder = await enrolKey(op, 'copied', copied)
    const [held] = copied.credentials
    assert.ok(held)
    held.counter = 1
    await refused(await enterWith(await op.begin(), copied), 401, /may have been copied/)
    assert.equal((await eventsOf(holder))[0], 'factor.refused: cloned')
  })
  it('that nobody registered is unknown, and the browser is told so', async () => {
    const stranger = createSoftAuthenticator()
    const at = await op.begin()
    const { challenge, rpId } = optionsOn(at.page, 'get')
    const own = stranger.create(
      { challenge, rp: { id: rpId }, user: { id: 'bWU' } },
      { origin: at.page.url.origin },
    )
    const again = await enterWith(at, stranger)
    await refused(again, 401, /not registered here/)
    assert.deepEqual(signalOn(again.page), { rpId: '127.0.0.1', credentialId: own.id })
    assert.equal(signalOn((await op.begin()).page), undefined)
    // It was not judged, and so the page may still be answered by the right one.
    assert.ok(codeOf((await sendPasskey(at, assertionFor(at.page, key))).page))
  })

  describe('is refused and counted when it is', () => {
    const wrong: Record<string, (at: AtPage) => Promise<string> | string> = {
      'without a user handle': ({ page }) => withUser(assertionFor(page, key), undefined),
      'with an empty user handle': ({ page }) =>
        JSON.stringify({
          ...JSON.parse(assertionFor(page, key)),
          response: { ...JSON.parse(assertionFor(page, key)).response, userHandle: null },
        }),
      'with the user handle of another person': ({ page }) =>
        withUser(assertionFor(page, key), otherKey.credentials[0]?.userHandle),
      'signed by another key': ({ page }) => {
        const id = key.credentials[0]?.id
        const response = { ...JSON.parse(assertionFor(page, otherKey)), id, rawId: id }
        return withUser(JSON.stringify(response), key.credentials[0]?.userHandle)
      },
      'for the question of another page': async () => assertionFor((await op.begin()).page, key),
      'for the question of a second step': async () => assertionFor((await atKey(op, 'anna')).page, key),
      'for no question': ({ page }) =>
        assertionFor(page, key, { tamper: { clientData: (data) => ({ ...data, challenge: '' }) } }),
      'at another origin': ({ page }) => assertionFor(page, key, { origin: 'https://evil.example' }),
      'for another relying party': ({ page }) =>
        assertionFor(page, key, {
          tamper: { authenticatorData: (data) => Buffer.concat([Buffer.alloc(32, 7), data.subarray(32)]) },
        }),
      'without a signature that holds': ({ page }) => assertionFor(page, key, badSignature),
    }
    for (const [name, make] of Object.entries(wrong))
      it(name, async () => {
        const at = await op.begin()
        const again = await sendPasskey(at, await make(at))
        await refused(again, 401, failed)
        assert.equal((await eventsOf(anna))[0], 'factor.refused: wrong')
        assert.notEqual(optionsOn(again.page, 'get').challenge, optionsOn(at.page, 'get').challenge)
        assert.ok(codeOf((await enterWith(again, key)).page))
      })
  })

  it('counts nothing where it cannot be an answer', async () => {
    const at = await op.begin()
    const before = await eventsOf(anna)
    const registration = JSON.stringify(
      key.create({ challenge: 'AAAA', rp: { id: 'x' }, user: { id: 'bWU' } }, { origin: op.issuer }),
    )
    key.credentials.pop()
    for (const response of [
      '',
      'null',
      '[]',
      '{}',
      '{"id":1}',
      `{"id":"${'x'.repeat(20_000)}"}`,
      registration,
    ])
      await refused(await sendPasskey(at, response), 401, failed)
    assert.deepEqual(await eventsOf(anna), before)
    assert.ok(codeOf((await enterWith(at, key)).page))
  })
  it('to a question that was never asked here is refused before it is looked at', async () => {
    const expired = /open for too long/
    const at = await op.begin()
    const [response, question] = [assertionFor(at.page, key), questionOn(at.page)]
    const elsewhere = await op.begin()
    const before = await eventsOf(anna)
    const tampered = (index: number) =>
      `${question.slice(0, index)}${question[index] === 'A' ? 'B' : 'A'}${question.slice(index + 1)}`
    for (const given of [
      '',
      'x',
      tampered(question.length - 20),
      tampered(10),
      question.slice(0, -4),
      randomBytes(99).toString('base64url'),
    ])
      await refused(await sendPasskey(at, response, given), 401, expired)
    // In another browser, and in another tab of the same.
    await refused(await sendPasskey(elsewhere, response, question), 401, expired)
    const tab = await op.begin({}, at.browser)
    await refused(await sendPasskey(tab, response, question), 401, expired)
    // What is sealed for a sign-in is not what is sealed for a question.
    assert.deepEqual(await eventsOf(anna), before)
    assert.equal((await sendPasskey(at, response, question)).page.url.host, 'rp.invalid')
  })
  it('to a question of a quarter of an hour ago comes too late', async () => {
    const at = await op.begin()
    const response = assertionFor(at.page, key)
    const inTime = await op.begin()
    const early = assertionFor(inTime.page, key)
    op.clock.advance(890)
    assert.ok(codeOf((await sendPasskey(inTime, early)).page))
    op.clock.advance(11)
    const late = await sendPasskey(at, response)
    await refused(late, 401, /open for too long/)
    assert.ok(codeOf((await enterWith(late, key)).page))
  })

  describe('is judged once for each question', () => {
    const expired = /open for too long/
    const send = ({ browser, page }: AtPage, response: string, question = questionOn(page)) =>
      browser.once(page.url, {
        method: 'POST',
        headers: { 'sec-fetch-site': 'same-origin', 'content-type': 'application/x-www-form-urlencoded' },
        body: new URLSearchParams({ intent: 'passkey', response, question }),
      })
    /** Another spelling of the same bytes: the last character of base64url has bits to spare, and padding may follow. */
    const otherSpellings = (question: string): string[] => {
      const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
      const bytes = (text: string) => Buffer.from(text.split('.')[3] ?? '', 'base64url').toString('hex')
      return [...alphabet]
        .map((last) => question.slice(0, -1) + last)
        .concat(`${question}A`, `${question}=`)
        .filter((one) => one !== question && bytes(one) === bytes(question))
    }

    it('after a wrong one the right one is too late, however the question is spelled', async () => {
      const at = await op.begin()
      const right = assertionFor(at.page, key)
      await refused(await enterWith(at, key, badSignature), 401, failed)
      assert.ok(otherSpellings(questionOn(at.page)).length > 0)
      for (const question of [questionOn(at.page), ...otherSpellings(questionOn(at.page))])
        await refused(await sendPasskey(at, right, question), 401, expired)
      // None of these was judged.
      assert.equal((await eventsOf(anna))[0], 'factor.refused: wrong')
      assert.equal((await eventsOf(anna))[1], 'device.added')
    })
    it('after the right one, too', async () => {
      const at = await op.begin()
      const right = assertionFor(at.page, key)
      assert.equal((await send(at, right)).status, 303)
      for (const question of [questionOn(at.page), ...otherSpellings(questionOn(at.page))]) {
        const again = await send(at, right, question)
        assert.equal(again.status, 401)
        assert.match(again.body, expired)
      }
    })
    it('of fifty at once one signs in', async () => {
      const still = createSoftAuthenticator()
      const holder = await enrolKey(op, `many-${randomBytes(3).toString('hex')}`, still)
      for (const count of [5, 50]) {
        const before = (await eventsOf(holder)).length
        const at = await op.begin()
        const right = assertionFor(at.page, still)
        const answers = await Promise.all(Array.from({ length: count }, () => send(at, right)))
        const seen = answers.map(({ status }) => status).join(' ')
        const won = answers.filter(({ status }) => status === 303)
        assert.equal(won.length, 1, seen)
        for (const { status } of answers) assert.ok([303, 401, 429].includes(status), seen)
        const events = (await eventsOf(holder)).slice(0, -before)
        assert.deepEqual(
          events,
          ['factor.accepted', 'signin.unusual: new-device'],
          'one was accepted, and none was judged besides',
        )
        // However often its browser follows.
        const ends = await Promise.all(
          Array.from({ length: 5 }, () => at.browser.copy().get(`${at.page.url.href}/second-factor`)),
        )
        const codes = ends.map(codeOf).filter((code) => code !== null)
        assert.equal(new Set(codes).size, codes.length)
        const redeemed = await Promise.allSettled(
          ends.filter((end) => codeOf(end) !== null).map((end) => at.request.finish(end.url)),
        )
        assert.ok(redeemed.some(({ status }) => status === 'fulfilled'))
        // The count was given back: the next one is judged at once.
        assert.ok(codeOf((await enterWith(await op.begin(), still)).page))
      }
    })
  })

  it('of a disabled account opens nothing', async () => {
    await op.duepassi.directory.changeAccount(luigi.account.id, { disabledAt: op.clock.now() })
    const at = await enterWith(await op.begin(), otherKey)
    await refused(at, 401, /not registered here/)
    // It is registered: the browser must not forget it.
    assert.equal(signalOn(at.page), undefined)
    await op.duepassi.directory.changeAccount(luigi.account.id, { disabledAt: null })
    assert.ok(codeOf((await enterWith(at, otherKey)).page))
  })
  it('of an account whose second factor is locked leads to the page that says so', async () => {
    const own = createSoftAuthenticator()
    const { account } = await enrolKey(op, 'locked', own)
    await op.duepassi.directory.changeAttempts(account.id, 'totp', (state) => ({
      ...state,
      lockedAt: op.clock.now(),
    }))
    const at = await enterWith(await op.begin(), own)
    assert.equal(at.page.status, 403)
    assert.equal(codeOf(at.page), null)
    assert.match(at.page.body, /second step is locked/)
    for (const intent of ['answer', 'saved', 'continue', 'enrol', 'choose'])
      assert.equal(codeOf((await op.submit(at, { intent })).page), null)
    assert.equal((await eventsOf({ account } as KeyHolder)).includes('signin.finished'), true)
    const finished = (await eventsOf({ account } as KeyHolder)).filter((event) => event === 'signin.finished')
    assert.equal(finished.length, 1, 'that of the enrolment')
    assert.equal(errorOf((await op.submit(at, { intent: 'leave' })).page), 'access_denied')
  })
  it('comes from our own page', async () => {
    for (const headers of [
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
      { 'sec-fetch-site': 'none' },
      { origin: 'https://evil.example' },
      {},
    ] as Array<Record<string, string>>) {
      const at = await op.begin()
      const fields = {
        intent: 'passkey',
        question: questionOn(at.page),
        response: assertionFor(at.page, key),
      }
      const page = await at.browser.once(at.page.url, {
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
        body: new URLSearchParams(fields),
      })
      assert.equal(page.status, 403)
      assert.match(page.body, /another site/)
      // And the question is not spent by it.
      assert.ok(codeOf((await op.submit(at, fields)).page))
    }
    // Nor does one without the cookie of the interaction.
    const at = await op.begin()
    const page = await new Browser().post(at.page.url, {
      intent: 'passkey',
      question: questionOn(at.page),
      response: assertionFor(at.page, key),
    })
    assert.equal(page.status, 400)
    assert.equal(codeOf(page), null)
  })

  describe('of a stranger who knows its id', () => {
    const own = createSoftAuthenticator()
    let holder: KeyHolder
    let secret: string
    before(async () => {
      holder = await enrolKey(op, 'target', own)
      ;({ secret } = await addApp(op, 'target', holder.codes[0] as string))
    })
    const attack = (at: AtPage) => enterWith(at, own, badSignature)
    const passkey = async (authenticator: SoftAuthenticator) => enterWith(await op.begin(), authenticator)

    const waits = async (at: AtPage, response: string) =>
      refused(await sendPasskey(at, response, questionOn(at.page)), 429, /Several attempts have failed/)
    const mustWait = async () => {
      const at = await op.begin()
      await waits(at, assertionFor(at.page, own))
    }

    it('makes sign-ins by it wait, longer each time, and never locks', async () => {
      for (const wait of [0, 0, 30, 60, 120, 240, 480, 900, 900, 900, 900, 900]) {
        await refused(await attack(await op.begin()), 401, failed)
        if (wait === 0) continue
        await mustWait()
        op.clock.advance(wait - 2)
        await mustWait()
        op.clock.advance(2)
      }
      assert.equal((await op.duepassi.directory.standing(holder.account.id)).lockedAt, null)
      assert.ok(codeOf((await passkey(own)).page))
    })
    it('makes a question serve once also while they wait', async () => {
      for (let time = 0; time < 3; time++) await attack(await op.begin())
      const at = await op.begin()
      const right = assertionFor(at.page, own)
      const waiting = await sendPasskey(at, right)
      await refused(waiting, 429, /Several attempts have failed/)
      op.clock.advance(30)
      await refused(await sendPasskey(at, right), 401, /open for too long/)
      assert.ok(codeOf((await enterWith(waiting, own)).page))
    })
    it('stops neither password and code, nor password and key', async () => {
      for (let time = 0; time < 30; time++) {
        await attack(await op.begin())
        if (time % 3 === 2) op.clock.advance(3_600)
      }
      assert.equal((await op.duepassi.directory.standing(holder.account.id)).lockedAt, null)
      for (let time = 0; time < 6; time++) await attack(await op.begin())
      const waiting = await passkey(own)
      assert.equal(waiting.page.status, 429)
      assert.equal(codeOf(waiting.page), null)
      assert.match(waiting.page.body, /Several attempts have failed/)
      assert.ok(offers(waiting.page, 'get'))
      const byApp = await op.submit(await atKey(op, 'target'), { intent: 'switch', factor: 'totp' })
      await op.redeem(await op.submit(byApp, { intent: 'answer', code: op.nextCode(secret) }))
      await op.redeem(await answerWith(await atKey(op, 'target'), own))
      const events = await eventsOf(holder)
      assert.equal(events.includes('factor.locked'), false)
      op.clock.advance(3_600)
      await op.redeem(await passkey(own))
    })
  })
})
