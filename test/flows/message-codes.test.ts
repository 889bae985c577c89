import assert from 'node:assert/strict'
import type { Account } from '../../src/directory/directory.ts'
import { not } from '../factors/message-code/scene.ts'
import type { Answer } from '../support/browser.ts'
import { type AtPage, mfa, startProvider, type TestProvider } from '../support/provider.ts'
import { codeOf, type RelyingParty } from '../support/relying-party.ts'
import { codeNow, recoveryCodesOn, secretOn } from '../support/steps.ts'
import { codeIn, collectTexts } from '../support/texts.ts'
import { amrOf, asksApp, othersOn } from './ruled-people.ts'

/** What the page says; the rest of it is style. */
const saysOn = ({ body }: Answer): string =>
  (/<main.*<\/main>/s.exec(body)?.[0] ?? body).replace(/<svg.*?<\/svg>/gs, '')

describe('codes by text message', () => {
  const { texts, delivery, state } = collectTexts()
  let op: TestProvider
  /** Requires an app; requires codes by text message; requires both. */
  let apps: RelyingParty
  let texting: RelyingParty
  let bothOfThem: RelyingParty
  let people = 0
  before(async () => {
    op = await startProvider({
      parts: { texts: delivery },
      config: { messages: { perHourFromAddress: 10_000 } },
    })
    apps = await op.addClient({ client_id: 'apps', second_factors: { totp: 'require' } })
    texting = await op.addClient({ client_id: 'texting', second_factors: { sms: 'require' } })
    bothOfThem = await op.addClient({
      client_id: 'both',
      second_factors: { sms: 'require', totp: 'require' },
    })
  })
  after(() => op.close())
  beforeEach(() => {
    texts.length = 0
    state.fails = false
    // All of them come from one address, which has to wait 30 s between two messages.
    op.clock.advance(30)
  })

  const atStepTwo = async ({ username }: Account, rp?: RelyingParty): Promise<AtPage> =>
    op.typePassword(await op.begin({}, undefined, rp), { username })
  const lastCode = () => codeIn(texts.at(-1))
  const send = (at: AtPage, fields: Record<string, string>) => op.submit(at, fields)
  const held = async ({ id }: Account) =>
    (await op.duepassi.directory.credentials(id)).map(({ factor }) => factor)
  const typesOf = async ({ id }: Account) =>
    (await op.audit(id)).map(({ type, factor, reason }) => [type, factor, reason])

  /** Somebody new, who is asked for a number. */
  const atNumber = async () => {
    people += 1
    const account = await op.addPerson(`person-${people}`)
    const number = `+39347${String(1_000_000 + people)}`
    return { account, number, at: await op.choose(await atStepTwo(account), 'sms') }
  }
  /** Somebody who has set a number up. */
  const someone = async () => {
    const { account, number, at } = await atNumber()
    const sent = await send(at, { intent: 'address', address: number })
    const issuing = await send(sent, { intent: 'confirm', code: lastCode(), label: '' })
    const done = await op.redeem(await send(issuing, { intent: 'saved' }))
    op.clock.advance(30)
    return { account, number, issuing, done }
  }
  /** The same person with an app too, which has not been used yet. */
  const someoneWithApp = async () => {
    const { account } = await someone()
    const asked = await atStepTwo(account, apps)
    const enrolling = await send(asked, { intent: 'answer', code: lastCode() })
    const secret = secretOn(enrolling.page)
    const code = codeNow(secret, op.clock)
    const done = await op.redeem(await send(enrolling, { intent: 'confirm', code, label: 'Phone' }))
    op.clock.advance(60)
    return { account, secret, done }
  }

  it('are set up at the first sign-in: a number, the code that went there, recovery codes', async () => {
    const { account, number, at } = await atNumber()
    assert.match(saysOn(at.page), /name="address"/)
    const sent = await send(at, { intent: 'address', address: number.replace('+39', '') })
    assert.equal(texts.length, 1)
    assert.equal(texts[0]?.to, number, 'in E.164, with the country of the configuration')
    assert.ok(!saysOn(sent.page).includes(number.slice(3)), 'masked on the page')
    assert.ok(saysOn(sent.page).includes(number.slice(-4)))
    assert.ok(!saysOn(sent.page).includes(lastCode()))
    assert.deepEqual(await held(account), [])
    const wrong = await send(sent, { intent: 'confirm', code: not(lastCode()), label: '' })
    assert.equal(wrong.page.status, 422)
    const issuing = await send(wrong, { intent: 'confirm', code: lastCode(), label: '' })
    recoveryCodesOn(issuing.page)
    const done = await op.redeem(await send(issuing, { intent: 'saved' }))
    assert.deepEqual(amrOf(done), ['pwd', 'sms', 'mfa'])
    assert.equal(done.tokens.claims()?.['acr'], mfa)
    assert.deepEqual(await held(account), ['sms', 'recovery-code'])
    assert.ok((await typesOf(account)).some(([type, factor]) => type === 'message.sent' && factor === 'sms'))
  })

  it('end in a line for the phone, which names the issuer’s host and nothing else', async () => {
    const { number, at } = await atNumber()
    await send(at, { intent: 'address', address: number })
    const [message] = texts
    const lines = message?.text.split('\n') ?? []
    assert.equal(lines.at(-1), `@${new URL(op.issuer).hostname} #${lastCode()}`)
    assert.equal(lines.filter((line) => line.startsWith('@')).length, 1)
    assert.doesNotMatch(message?.text ?? '', /https?:/)
    assert.ok((message?.text.length ?? 999) <= 160)
  })

  it('go to no landline, no other country, no number that costs, and to nothing that is none', async () => {
    const { account, at } = await atNumber()
    for (const [address, words] of [
      ['+39 06 1234 5678', /does not allow codes/],
      ['06 12345678', /does not allow codes/],
      ['+44 7400 123456', /does not allow codes/],
      ['+1 212 555 2368', /does not allow codes|not a complete/],
      ['899 123456', /does not allow codes/],
      ['+881 612 345 678', /does not allow codes|not a complete/],
      ['12', /not a complete phone number/],
      ['maria@example.org', /not a complete phone number/],
      ['', /not a complete phone number/],
    ] as const) {
      const { page } = await send(at, { intent: 'address', address })
      assert.equal(page.status, 422, address)
      assert.match(saysOn(page), words, address)
    }
    assert.equal(texts.length, 0)
    assert.deepEqual(await held(account), [])
  })

  it('are sent at once at the next sign-in, where there is nothing better', async () => {
    const { account, number } = await someone()
    texts.length = 0
    const at = await atStepTwo(account)
    assert.equal(texts.length, 1)
    assert.equal(texts[0]?.to, number)
    assert.ok(saysOn(at.page).includes(number.slice(-4)))
    assert.ok(!saysOn(at.page).includes(number.slice(3)))
    assert.match(saysOn(at.page), /autocomplete="one-time-code"/)
    // Reading the page again sends nothing.
    await at.browser.get(at.page.url)
    assert.equal(texts.length, 1)
    // What is stored of a code would tell whoever sees it which one it was.
    for (const word of ['salt', 'hash', 'expiresAt']) assert.ok(!saysOn(at.page).includes(word), word)
    const done = await op.redeem(await send(at, { intent: 'answer', code: lastCode() }))
    assert.deepEqual(amrOf(done), ['pwd', 'sms', 'mfa'])
    assert.equal(done.tokens.claims()?.['acr'], mfa)
  })

  it('are good once, for five minutes, and in the sign-in that asked for them', async () => {
    const { account } = await someone()
    const one = await atStepTwo(account)
    const first = lastCode()
    op.clock.advance(30)
    const other = await atStepTwo(account)
    const second = lastCode()
    assert.notEqual(first, second)
    assert.equal((await send(other, { intent: 'answer', code: first })).page.status, 422)
    assert.ok(codeOf((await send(other, { intent: 'answer', code: second })).page))
    const void_ = await send(one, { intent: 'answer', code: first })
    assert.equal(void_.page.status, 422, 'one that was sent before the last one that was used')
    op.clock.advance(60)
    const late = await atStepTwo(account)
    const code = lastCode()
    op.clock.advance(300)
    const expired = await send(late, { intent: 'answer', code })
    assert.equal(expired.page.status, 422)
    assert.match(saysOn(expired.page), /too old/)
  })

  it('are not sent again too soon, and the page says how long to wait', async () => {
    const { account } = await someone()
    const at = await atStepTwo(account)
    const code = lastCode()
    const soon = await send(at, { intent: 'send' })
    assert.equal(soon.page.status, 429)
    assert.match(saysOn(soon.page), /Wait \d+ seconds/)
    assert.equal(texts.length, 2)
    assert.match(
      soon.page.body,
      /autocomplete="one-time-code"/,
      'the code that was sent can still be entered',
    )
    op.clock.advance(30)
    const again = await send(at, { intent: 'send' })
    assert.equal(again.page.status, 200)
    assert.equal(texts.length, 3)
    assert.equal((await send(at, { intent: 'answer', code })).page.status, 422, 'the old one is void')
    assert.ok(codeOf((await send(at, { intent: 'answer', code: lastCode() })).page))
  })

  it('are five an hour; then the page says so, and another way is open', async () => {
    const { account } = await someone()
    const at = await atStepTwo(account)
    for (let sent = 3; sent <= 5; sent++) {
      op.clock.advance(30)
      assert.equal((await send(at, { intent: 'send' })).page.status, 200, `number ${sent}`)
    }
    op.clock.advance(30)
    const sixth = await send(at, { intent: 'send' })
    assert.equal(sixth.page.status, 429)
    assert.equal(texts.length, 5)
    assert.deepEqual(othersOn(sixth.page), ['recovery-code'])
    assert.ok(codeOf((await send(at, { intent: 'answer', code: lastCode() })).page))
  })

  it('that cannot be sent are said to be, and noted', async () => {
    const { account } = await someone()
    const at = await atStepTwo(account)
    op.clock.advance(30)
    state.fails = true
    const failed = await send(at, { intent: 'send' })
    assert.equal(failed.page.status, 422)
    assert.match(saysOn(failed.page), /could not be sent/)
    assert.deepEqual(othersOn(failed.page), ['recovery-code'], 'the next way is offered')
    assert.ok((await typesOf(account)).some(([type]) => type === 'message.failed'))
  })

  it('that cannot be sent when the sign-in begins are not said to be on their way', async () => {
    const { account } = await someone()
    state.fails = true
    const at = await atStepTwo(account)
    assert.match(saysOn(at.page), /could not be sent|value="send"/)
    assert.doesNotMatch(saysOn(at.page), /We sent a code to/)
  })

  it('are sent to whoever switches to them from something else', async () => {
    const { account, secret } = await someoneWithApp()
    texts.length = 0
    const asked = await atStepTwo(account)
    assert.ok(asksApp(asked.page))
    assert.equal(texts.length, 0)
    assert.deepEqual(othersOn(asked.page), ['sms', 'recovery-code'])
    const switched = await send(asked, { intent: 'switch', factor: 'sms' })
    assert.equal(texts.length, 1)
    const app = await send(switched, { intent: 'answer', code: codeNow(secret, op.clock) })
    assert.equal(app.page.status, 422, 'the app’s code is none of these')
    const done = await op.redeem(await send(switched, { intent: 'answer', code: lastCode() }))
    assert.deepEqual(amrOf(done), ['pwd', 'sms', 'mfa'])
    // Back and forth sends no second one within 30 s, and says so.
    op.clock.advance(30)
    const again = await send(await atStepTwo(account), { intent: 'switch', factor: 'sms' })
    const back = await send(again, { intent: 'switch', factor: 'totp' })
    const paused = await send(back, { intent: 'switch', factor: 'sms' })
    assert.equal(paused.page.status, 429)
    assert.equal(texts.length, 2)
  })

  it('are switched off by the first success of an app, and the person is told', async () => {
    const { account, secret } = await someoneWithApp()
    assert.deepEqual((await held(account)).toSorted(), ['recovery-code', 'sms', 'totp'])
    op.mails.length = 0
    const asked = await atStepTwo(account)
    const done = await op.redeem(await send(asked, { intent: 'answer', code: codeNow(secret, op.clock) }))
    assert.deepEqual(amrOf(done), ['pwd', 'otp', 'mfa'])
    assert.deepEqual((await held(account)).toSorted(), ['recovery-code', 'totp'])
    assert.ok((await typesOf(account)).some((one) => `${one}` === 'factor.removed,sms,retired'))
    assert.equal(op.mails.filter(({ subject }) => /switched off/.test(subject)).length, 1)
    op.clock.advance(30)
    const next = await atStepTwo(account)
    assert.deepEqual(othersOn(next.page), ['recovery-code'])
    assert.equal((await send(next, { intent: 'switch', factor: 'sms' })).page.status, 422)
  })

  it('stay where a relying party requires them, with the app or without', async () => {
    const { account, secret } = await someoneWithApp()
    texts.length = 0
    const asked = await atStepTwo(account, bothOfThem)
    const number = await send(asked, { intent: 'answer', code: codeNow(secret, op.clock) })
    assert.equal(codeOf(number.page), null)
    if (texts.length === 0) await send(number, { intent: 'send' })
    const done = await op.redeem(await send(number, { intent: 'answer', code: lastCode() }))
    assert.deepEqual(amrOf(done), ['pwd', 'otp', 'sms', 'mfa'])
    assert.deepEqual((await held(account)).toSorted(), ['recovery-code', 'sms', 'totp'])
    op.clock.advance(30)
    const alone = await atStepTwo(account, texting)
    assert.deepEqual(othersOn(alone.page), ['recovery-code'])
    assert.deepEqual(amrOf(await op.redeem(await send(alone, { intent: 'answer', code: lastCode() }))), [
      'pwd',
      'sms',
      'mfa',
    ])
    assert.deepEqual((await held(account)).toSorted(), ['recovery-code', 'sms', 'totp'])
  })

  it('lock the account after ten wrong ones, however many are sent', async () => {
    const { account } = await someone()
    const at = await atStepTwo(account)
    let judged = 0
    for (let round = 0; round < 20; round++) {
      const { page } = await send(at, { intent: 'answer', code: not(lastCode()) })
      if (page.status === 403) break
      assert.equal(page.status, 422)
      judged += 1
      // Past the wait of answers; the sign-in lives for an hour at most.
      await op.duepassi.directory.changeAttempts(account.id, 'sms', (was) => ({ ...was, waitUntil: 0 }))
      if (judged === 4) {
        op.clock.advance(30)
        assert.equal((await send(at, { intent: 'send' })).page.status, 200)
      }
    }
    assert.equal(judged, 10)
    assert.ok((await op.duepassi.directory.standing(account.id)).lockedAt)
    assert.equal((await send(at, { intent: 'answer', code: lastCode() })).page.status, 403)
  })

  it('leave neither code nor number in the log or the audit', async () => {
    const { account, number } = await someone()
    const at = await atStepTwo(account)
    const code = lastCode()
    await send(at, { intent: 'answer', code })
    const log = op.logged.join('\n')
    assert.ok(!log.includes(number.slice(3)), 'the number')
    assert.ok(!new RegExp(`\\b${code}\\b`).test(log), 'the code')
    assert.ok(!JSON.stringify(await op.audit(account.id)).includes(number.slice(3)))
  })
})
