import assert from 'node:assert/strict'
import type { Answer } from '../support/browser.ts'
import { answerWith, enterWith, offers, optionsOn, register } from '../support/passkeys.ts'
import { startProvider, type TestProvider } from '../support/provider.ts'
import { codeOf, errorOf } from '../support/relying-party.ts'
import { createSoftAuthenticator } from '../support/soft-authenticator.ts'
import { allLostOn, codeNow, recoveryCodesOn, secretOn } from '../support/steps.ts'

/** What the page offers to set up, in its order; nothing where it is no choice. */
const choicesOn = ({ body }: Answer): string[] =>
  body.includes('value="choose"')
    ? [...body.matchAll(/name="factor" value="([^"]+)"/g)].map(([, name]) => name as string)
    : []

const hasWayBack = ({ body }: Answer): boolean => body.includes('value="choose-again"')

describe('choosing what to set up', () => {
  let op: TestProvider
  let people = 0
  before(async () => {
    op = await startProvider()
  })
  after(() => op.close())

  /** Somebody new, with the password typed. */
  const someoneNew = async (at = op) => {
    people += 1
    const account = await at.addPerson(`person-${people}`)
    return { account, at: await at.typePassword(await at.begin(), { username: account.username }) }
  }
  const held = async (id: string, at = op) =>
    (await at.duepassi.directory.credentials(id)).map(({ factor }) => factor)

  it('is the first page of a first sign-in: everything there is, best first', async () => {
    const { at } = await someoneNew()
    assert.deepEqual(choicesOn(at.page), ['webauthn', 'totp'])
    assert.equal(at.page.body.split('class="badge"').length, 2, 'one is recommended')
    assert.ok(at.page.body.indexOf('class="badge"') < at.page.body.indexOf('value="totp"'))
    assert.equal(codeOf(at.page), null)
    // Reading it again changes nothing.
    const again = await at.browser.get(at.page.url)
    assert.deepEqual(choicesOn(again), ['webauthn', 'totp'])
    assert.deepEqual([again.status, again.body.includes('id="error"')], [200, false])
  })

  it('leads to an authenticator app', async () => {
    const { at, account } = await someoneNew()
    const enrolling = await op.choose(at, 'totp')
    const secret = secretOn(enrolling.page)
    assert.ok(hasWayBack(enrolling.page))
    const issuing = await op.submit(enrolling, {
      intent: 'confirm',
      code: codeNow(secret, op.clock),
      label: '',
    })
    const { tokens } = await op.redeem(await op.submit(issuing, { intent: 'saved' }))
    assert.deepEqual(tokens.claims()?.['amr'], ['pwd', 'otp', 'mfa'])
    assert.deepEqual(await held(account.id), ['totp', 'recovery-code'])
  })

  it('leads to a key', async () => {
    const { at, account } = await someoneNew()
    const enrolling = await op.choose(at, 'webauthn')
    assert.ok(offers(enrolling.page, 'create'))
    assert.ok(hasWayBack(enrolling.page))
    const key = createSoftAuthenticator({ userVerification: false })
    const issuing = await register(enrolling, key)
    recoveryCodesOn(issuing.page)
    const { tokens } = await op.redeem(await op.submit(issuing, { intent: 'saved' }))
    assert.deepEqual(tokens.claims()?.['amr'], ['pwd', 'pop', 'user', 'mfa'])
    assert.equal(tokens.claims()?.['acr'], 'phr')
    assert.deepEqual(await held(account.id), ['webauthn', 'recovery-code'])
    const again = await op.typePassword(await op.begin(), { username: account.username })
    assert.ok(codeOf((await answerWith(again, key)).page))
  })

  it('can be taken back, with new drafts each time', async () => {
    const { at, account } = await someoneNew()
    const first = await op.choose(at, 'totp')
    const back = await op.submit(first, { intent: 'choose-again' })
    assert.deepEqual(choicesOn(back.page), ['webauthn', 'totp'])
    const key = await op.choose(back, 'webauthn')
    const { challenge } = optionsOn(key.page, 'create')
    const again = await op.choose(await op.submit(key, { intent: 'choose-again' }), 'webauthn')
    assert.notEqual(optionsOn(again.page, 'create').challenge, challenge)
    const late = await register({ ...again, page: key.page }, createSoftAuthenticator())
    assert.equal(late.page.status, 422)
    const last = await op.choose(await op.submit(again, { intent: 'choose-again' }), 'totp')
    assert.notEqual(secretOn(last.page), secretOn(first.page))
    const wrong = await op.submit(last, {
      intent: 'confirm',
      code: codeNow(secretOn(first.page), op.clock),
      label: '',
    })
    assert.equal(wrong.page.status, 422)
    assert.deepEqual(await held(account.id), [])
  })

  it('takes nothing that is not offered', async () => {
    const { at, account } = await someoneNew()
    for (const factor of ['recovery-code', 'carrier-pigeon', '', '__proto__', 'TOTP']) {
      const { page } = await op.submit(at, { intent: 'choose', factor })
      assert.deepEqual(choicesOn(page), ['webauthn', 'totp'], factor)
      assert.equal(page.status, 422, factor)
      assert.match(page.body, /id="error"/, factor)
    }
    assert.deepEqual(choicesOn((await op.submit(at, { intent: 'choose' })).page), ['webauthn', 'totp'])
    // Nothing is asked or set up yet, so nothing can be answered, confirmed or saved.
    for (const fields of [
      { intent: 'confirm', code: '123456', label: '' },
      { intent: 'answer', code: '123456' },
      { intent: 'saved' },
      { intent: 'continue' },
      { intent: 'enrol' },
      { intent: 'choose-again' },
      { intent: 'switch', factor: 'totp' },
    ]) {
      const { page } = await op.submit(at, fields)
      assert.equal(codeOf(page), null, fields.intent)
      assert.deepEqual(choicesOn(page), ['webauthn', 'totp'], fields.intent)
    }
    assert.deepEqual(await held(account.id), [])
  })

  it('is over for whoever gives up', async () => {
    const { at } = await someoneNew()
    assert.equal(errorOf((await op.submit(at, { intent: 'give-up' })).page), 'access_denied')
  })

  it('is made once: another tab that chooses otherwise is shown what was chosen', async () => {
    const { at, account } = await someoneNew()
    const other = { ...at, browser: at.browser.copy() }
    const first = await op.choose(at, 'totp')
    const second = await op.submit(other, { intent: 'choose', factor: 'webauthn' })
    assert.equal(second.page.status, 422)
    assert.equal(secretOn(second.page), secretOn(first.page))
    const issuing = await op.submit(second, {
      intent: 'confirm',
      code: codeNow(secretOn(first.page), op.clock),
      label: '',
    })
    assert.ok(codeOf((await op.submit(issuing, { intent: 'saved' })).page))
    assert.deepEqual(await held(account.id), ['totp', 'recovery-code'])
  })

  it('can be taken back in another tab, and the first is shown that when it goes on', async () => {
    const { at, account } = await someoneNew()
    const first = await op.choose(at, 'totp')
    await op.submit({ ...first, browser: at.browser.copy() }, { intent: 'choose-again' })
    const code = codeNow(secretOn(first.page), op.clock)
    const late = await op.submit(first, { intent: 'confirm', code, label: '' })
    assert.deepEqual(choicesOn(late.page), ['webauthn', 'totp'])
    assert.equal(late.page.status, 422)
    assert.match(late.page.body, /id="error"/)
    assert.deepEqual(await held(account.id), [])
  })

  it('is made once, also by two clicks at the same moment', async () => {
    const { at } = await someoneNew()
    const pages = await Promise.all(
      ['totp', 'webauthn'].map(async (factor) => {
        const { page } = await op.submit({ ...at, browser: at.browser.copy() }, { intent: 'choose', factor })
        return page
      }),
    )
    const now = await at.browser.get(at.page.url)
    assert.deepEqual(choicesOn(now), [])
    const chosen = (page: Answer) => (offers(page, 'create') ? 'webauthn' : 'totp')
    for (const page of pages) assert.equal(chosen(page), chosen(now))
  })

  it('comes after a recovery code too, and replaces what was lost with what was chosen', async () => {
    const { codes, account } = await op.enrolOther('loser')
    const asked = await op.typePassword(await op.begin(), { username: 'loser' })
    const typing = await op.submit(asked, { intent: 'switch', factor: 'recovery-code' })
    const recovered = await op.submit(typing, { intent: 'answer', code: codes[0] as string })
    const choosing = await op.submit(recovered, { intent: 'enrol', ...allLostOn(recovered.page) })
    assert.deepEqual(choicesOn(choosing.page), ['webauthn', 'totp'])
    // Back and forth does not forget that the old one is to be replaced.
    const back = await op.submit(await op.choose(choosing, 'totp'), { intent: 'choose-again' })
    const key = createSoftAuthenticator()
    const issuing = await register(await op.choose(back, 'webauthn'), key)
    const { tokens } = await op.redeem(await op.submit(issuing, { intent: 'saved' }))
    assert.deepEqual(tokens.claims()?.['amr'], ['pwd', 'otp', 'pop', 'user', 'mfa'])
    assert.deepEqual(await held(account.id), ['webauthn', 'recovery-code'])
    assert.ok(codeOf((await enterWith(await op.begin(), key)).page))
  })

  describe('where the policy allows one alone', () => {
    let strict: TestProvider
    before(async () => {
      strict = await startProvider({ config: { policy: { factors: { webauthn: 'forbid' } } } })
    })
    after(() => strict.close())

    it('is no page: that one is set up', async () => {
      const { at, account } = await someoneNew(strict)
      assert.deepEqual(choicesOn(at.page), [])
      const secret = secretOn(at.page)
      assert.equal(hasWayBack(at.page), false)
      for (const fields of [
        { intent: 'choose-again' },
        { intent: 'choose', factor: 'webauthn' },
        { intent: 'choose', factor: 'totp' },
      ] as Array<Record<string, string>>) {
        const { page } = await strict.submit(at, fields)
        assert.equal(secretOn(page), secret, 'the same draft')
        assert.deepEqual(choicesOn(page), [])
      }
      assert.deepEqual(await held(account.id, strict), [])
    })
    it('is no page after a recovery code either', async () => {
      const { codes } = await strict.enrol()
      const typing = await strict.submit(await strict.atSecondStep(), {
        intent: 'switch',
        factor: 'recovery-code',
      })
      const recovered = await strict.submit(typing, { intent: 'answer', code: codes[0] as string })
      const enrolling = await strict.submit(recovered, { intent: 'enrol', ...allLostOn(recovered.page) })
      secretOn(enrolling.page)
      assert.equal(hasWayBack(enrolling.page), false)
    })
    it('offers no passkey on the login page', async () => {
      assert.ok(offers((await op.begin()).page, 'get'))
      assert.equal(offers((await strict.begin()).page, 'get'), false)
    })
  })
})
