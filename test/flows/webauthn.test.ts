import assert from 'node:assert/strict'
import type { Answer } from '../support/browser.ts'
import {
  answerWith,
  assertionFor,
  atKey,
  enrolKey,
  offers,
  optionsOn,
  register,
  registrationFor,
  sendAnswer,
} from '../support/passkeys.ts'
import { type AtPage, startProvider, type TestProvider } from '../support/provider.ts'
import { codeOf } from '../support/relying-party.ts'
import { createSoftAuthenticator } from '../support/soft-authenticator.ts'
import { allLostOn, codeNow, recoveryCodesOn } from '../support/steps.ts'

const amr = ['pwd', 'pop', 'user', 'mfa']
const securityKey = (settings: Parameters<typeof createSoftAuthenticator>[0] = {}) =>
  createSoftAuthenticator({
    counter: { start: 1, step: 1 },
    userVerification: false,
    discoverable: false,
    transports: ['usb'],
    ...settings,
  })

const refused = ({ page }: AtPage, text: RegExp) => {
  assert.equal(page.status, 422)
  assert.equal(codeOf(page), null)
  assert.match(page.body, text)
}

describe('a security key', () => {
  let op: TestProvider
  before(async () => {
    op = await startProvider()
  })
  after(() => op.close())
  const credentials = (id: string) => op.duepassi.directory.credentials(id)
  const keyOf = async (id: string) => {
    const [one] = (await credentials(id)).filter(({ factor }) => factor === 'webauthn')
    assert.ok(one)
    return one
  }

  describe('at the first sign-in', () => {
    const key = securityKey()
    it('is chosen, set up, and counts together with the password', async () => {
      const choosing = await op.atSecondStep()
      assert.match(choosing.page.body, /Choose your second step/)
      const enrolling = await op.submit(choosing, { intent: 'choose', factor: 'webauthn' })
      const options = optionsOn(enrolling.page, 'create')
      assert.equal(options.rp?.id, '127.0.0.1')
      assert.equal(options.user?.name, 'maria')
      assert.equal(Buffer.from(options.challenge, 'base64url').length, 32)
      assert.deepEqual(options.excludeCredentials, [])
      assert.deepEqual(await credentials(op.maria.id), [])

      const issuing = await register(enrolling, key, { label: '  Blue <key> ' })
      const codes = recoveryCodesOn(issuing.page)
      assert.equal(codes.length, 10)
      assert.equal(codeOf(issuing.page), null)
      assert.deepEqual((await op.duepassi.directory.standing(op.maria.id)).factors, ['webauthn'])
      const { tokens } = await op.redeem(await op.submit(issuing, { intent: 'saved' }))
      assert.deepEqual(tokens.claims()?.['amr'], amr)
      assert.equal(tokens.claims()?.['acr'], 'phr')
      assert.equal(tokens.claims()?.sub, op.maria.id)
      assert.deepEqual((await op.audit()).map(({ type }) => type).toReversed(), [
        'password.accepted',
        'factor.enrolled',
        'recovery-codes.issued',
        'signin.finished',
        'device.added',
      ])
    })
    it('is kept by its id, under the name that was typed, and as never used yet', async () => {
      const { handle, label, lastUsedAt, counter } = await keyOf(op.maria.id)
      assert.equal(handle, key.credentials[0]?.id)
      assert.equal(label, 'Blue <key>')
      assert.equal(lastUsedAt, null)
      assert.equal(counter, 1)
      const mails = op.mails.filter(({ to }) => to.address === 'maria@example.org')
      assert.equal(mails.length, 1)
      assert.match(mails[0]?.text ?? '', /Blue <key>/)
    })
    it('signs in after the password from then on, whether it checked a PIN or not', async () => {
      for (const userVerification of [false, true, false]) {
        key.settings.userVerification = userVerification
        const asked = await op.atSecondStep()
        assert.deepEqual(
          optionsOn(asked.page, 'get').allowCredentials?.map(({ id }) => id),
          [key.credentials[0]?.id],
        )
        const { tokens } = await op.redeem(await answerWith(asked, key))
        assert.deepEqual(tokens.claims()?.['amr'], amr)
        assert.equal(tokens.claims()?.['acr'], 'phr')
      }
      const { lastUsedAt, counter } = await keyOf(op.maria.id)
      assert.ok(Math.abs(Number(lastUsedAt) - op.clock.now()) < 60_000)
      assert.equal(counter, key.credentials[0]?.counter)
      assert.deepEqual(
        (await op.audit()).slice(0, 5).map(({ type }) => type),
        ['device.added', 'signin.finished', 'factor.accepted', 'signin.unusual', 'password.accepted'],
      )
    })
    it('without a name is called what its maker calls it', async () => {
      const { id } = await op.addPerson('unnamed')
      const enrolling = await op.choose(await atKey(op, 'unnamed'), 'webauthn')
      await register(enrolling, securityKey({ aaguid: 'cb69481e-8ff7-4039-93ec-0a2729a154a8' }))
      assert.match((await keyOf(id)).label, /YubiKey/)
    })
    it('is refused for another page’s registration, and the right one still sets it up', async () => {
      const { id } = await op.addPerson('retry')
      const [one, other] = [await op.choose(await atKey(op, 'retry'), 'webauthn'), await atKey(op, 'retry')]
      const elsewhere = await op.choose(other, 'webauthn')
      for (const response of [
        registrationFor(elsewhere.page, securityKey()),
        registrationFor(one.page, securityKey(), { origin: 'https://evil.example' }),
        '{}',
        '',
      ])
        refused(await op.submit(one, { intent: 'confirm', label: '', response }), /did not confirm/)
      assert.deepEqual(await credentials(id), [])
      recoveryCodesOn((await register(one, securityKey())).page)
      assert.equal((await credentials(id)).length, 1)
    })
  })

  describe('whose signature counter goes back', () => {
    it('is taken for copied where it cannot leave its device', async () => {
      const key = securityKey({ counter: { start: 5, step: 1 } })
      const { account } = await enrolKey(op, 'copied', key)
      await op.redeem(await answerWith(await atKey(op, 'copied'), key))
      const [held] = key.credentials
      assert.ok(held)
      for (const behind of [0, 5]) {
        held.counter = behind
        refused(await answerWith(await atKey(op, 'copied'), key), /behind the last time/)
      }
      assert.deepEqual(
        (await op.audit(account.id))
          .filter(({ type }) => type === 'factor.refused')
          .map(({ reason, factor }) => [factor, reason]),
        [
          ['webauthn', 'cloned'],
          ['webauthn', 'cloned'],
        ],
      )
      assert.equal((await keyOf(account.id)).counter, 6)
      // The real one is ahead of it, and goes on.
      held.counter = 6
      await op.redeem(await answerWith(await atKey(op, 'copied'), key))
      assert.equal((await keyOf(account.id)).counter, 7)
    })
    it('is noted where it is synced, since its devices count apart', async () => {
      const key = securityKey({ counter: { start: 5, step: 1 }, backupEligible: true, backedUp: true })
      const { account } = await enrolKey(op, 'synced', key)
      await op.redeem(await answerWith(await atKey(op, 'synced'), key))
      const suspicious = async () =>
        (await op.audit(account.id))
          .filter(({ type }) => type === 'factor.suspicious')
          .map(({ reason }) => reason)
      assert.deepEqual(await suspicious(), [])
      const [held] = key.credentials
      assert.ok(held)
      held.counter = 1
      const { tokens } = await op.redeem(await answerWith(await atKey(op, 'synced'), key))
      assert.equal(tokens.claims()?.['acr'], 'phr')
      assert.deepEqual(await suspicious(), ['counter-went-back'])
      assert.equal((await keyOf(account.id)).counter, 6)
    })
  })

  it('that another account has registered is refused as known', async () => {
    const key = securityKey()
    const { account } = await enrolKey(op, 'owner', key)
    const taken = Buffer.from(key.credentials[0]?.id ?? '', 'base64url')
    const { id } = await op.addPerson('taker')
    const enrolling = await op.choose(await atKey(op, 'taker'), 'webauthn')
    const forged = securityKey()
    refused(await register(enrolling, forged, { tamper: { credentialId: taken } }), /already registered/)
    assert.deepEqual(await credentials(id), [])
    assert.equal((await credentials(account.id)).length, 2)
    // Nor does it answer for its owner.
    const asked = await atKey(op, 'owner')
    refused(await answerWith(asked, forged), /did not confirm/)
    await op.redeem(await answerWith(await atKey(op, 'owner'), key))
  })
  it('that the same account has registered is refused as known', async () => {
    const key = securityKey()
    const { account, codes } = await enrolKey(op, 'twice', key)
    const recovered = await op.submit(
      await op.submit(await atKey(op, 'twice'), { intent: 'switch', factor: 'recovery-code' }),
      { intent: 'answer', code: codes[0] as string },
    )
    const enrolling = await op.choose(await op.submit(recovered, { intent: 'enrol' }), 'webauthn')
    assert.deepEqual(
      optionsOn(enrolling.page, 'create').excludeCredentials?.map(({ id }) => id),
      [key.credentials[0]?.id],
    )
    const again = { tamper: { credentialId: Buffer.from(key.credentials[0]?.id ?? '', 'base64url') } }
    refused(await register(enrolling, securityKey(), again), /already registered/)
    assert.equal((await credentials(account.id)).length, 2)
  })

  describe('of an account that has one', () => {
    const key = securityKey()
    before(() => enrolKey(op, 'anna', key))
    const snapshot = async () => {
      const anna = await op.duepassi.directory.accountByName('anna')
      return credentials(anna?.id ?? '')
    }
    const givesNothing = (page: Answer, what: string) => {
      assert.equal(codeOf(page), null, what)
      assert.doesNotMatch(page.body, /otpauth:|[0-9A-Z]{4}-[0-9A-Z]{5}-[0-9A-Z]{4}/, what)
    }

    it('gets no other by the password alone', async () => {
      await op.addPerson('mallory')
      const own = await op.choose(await atKey(op, 'mallory'), 'webauthn')
      const before = await snapshot()
      for (const fields of [
        { intent: 'choose', factor: 'webauthn' },
        { intent: 'choose', factor: 'totp' },
        { intent: 'choose-again' },
        { intent: 'enrol', 'lost-x': 'on' },
        { intent: 'continue' },
        { intent: 'saved' },
        { intent: 'confirm', label: 'mine', response: registrationFor(own.page, securityKey()) },
      ] as Array<Record<string, string>>) {
        const asked = await atKey(op, 'anna')
        const { page } = await op.submit(asked, fields)
        givesNothing(page, JSON.stringify(fields))
        assert.equal(offers(page, 'create'), false)
        assert.deepEqual(await snapshot(), before)
        assert.ok(offers(await asked.browser.get(asked.page.url), 'get'), 'what was asked is still asked')
      }
      // A registration for the question that is asked is no registration of ours.
      const asked = await atKey(op, 'anna')
      const { challenge, rpId } = optionsOn(asked.page, 'get')
      const response = JSON.stringify(
        securityKey().create(
          { challenge, rp: { id: rpId }, user: { id: 'bWU' } },
          { origin: asked.page.url.origin },
        ),
      )
      for (const intent of ['confirm', 'answer'])
        givesNothing((await op.submit(asked, { intent, label: 'mine', response })).page, intent)
      assert.deepEqual(await snapshot(), before)
    })
    it('gets no other from a page that was opened before it had one', async () => {
      const { id } = await op.addPerson('late')
      const choosing = await atKey(op, 'late')
      const enrolling = await op.choose(await atKey(op, 'late'), 'webauthn')
      const registration = registrationFor(enrolling.page, securityKey())
      const own = securityKey()
      const issuing = await register(await op.choose(await atKey(op, 'late'), 'webauthn'), own)
      await op.submit(issuing, { intent: 'saved' })
      const before = await credentials(id)
      const chosen = await op.submit(choosing, { intent: 'choose', factor: 'webauthn' })
      const confirmed = [
        await op.submit(enrolling, { intent: 'confirm', label: 'mine', response: registration }),
        ...(offers(chosen.page, 'create') ? [await register(chosen, securityKey(), { label: 'mine' })] : []),
      ]
      for (const { page } of confirmed) givesNothing(page, 'a stale page')
      for (const at of [enrolling, chosen])
        for (const intent of ['saved', 'continue', 'enrol'])
          givesNothing((await op.submit(at, { intent })).page, intent)
      assert.deepEqual(await credentials(id), before)
    })
    it('gets no other from such a page though the first one was replaced since', async () => {
      const { id } = await op.addPerson('replaced')
      const stale = await op.choose(await atKey(op, 'replaced'), 'webauthn')
      const issuing = await register(await op.choose(await atKey(op, 'replaced'), 'webauthn'), securityKey())
      const [code = ''] = recoveryCodesOn(issuing.page)
      await op.submit(issuing, { intent: 'saved' })
      const asked = await op.submit(await atKey(op, 'replaced'), {
        intent: 'switch',
        factor: 'recovery-code',
      })
      const recovered = await op.submit(asked, { intent: 'answer', code })
      const again = await op.choose(
        await op.submit(recovered, { intent: 'enrol', ...allLostOn(recovered.page) }),
        'webauthn',
      )
      await op.redeem(await op.submit(await register(again, securityKey()), { intent: 'saved' }))
      const before = await credentials(id)
      givesNothing((await register(stale, securityKey(), { label: 'mine' })).page, 'a stale page')
      assert.deepEqual(await credentials(id), before)
    })
    it('that was added after it was asked for is no answer', async () => {
      const first = securityKey()
      const { codes } = await enrolKey(op, 'added', first)
      const early = await atKey(op, 'added')
      const using = await op.submit(await atKey(op, 'added'), { intent: 'switch', factor: 'recovery-code' })
      const recovered = await op.submit(using, { intent: 'answer', code: codes[0] as string })
      const second = securityKey()
      const enrolling = await op.choose(await op.submit(recovered, { intent: 'enrol' }), 'webauthn')
      await op.redeem(await op.submit(await register(enrolling, second), { intent: 'saved' }))
      const { id = '' } = second.credentials[0] ?? {}
      const late = await answerWith(early, second, { tamper: { credential: id } })
      refused(late, /did not confirm/)
      // From now on each of them is.
      assert.equal(optionsOn(late.page, 'get').allowCredentials?.length, 2)
      await op.redeem(await answerWith(late, second))
      await op.redeem(await answerWith(await atKey(op, 'added'), first))
    })
    it('may be answered for by another way', async () => {
      const { account, codes } = await enrolKey(op, 'other-way', key)
      const asked = await atKey(op, 'other-way')
      const first = optionsOn(asked.page, 'get').challenge
      const recovering = await op.submit(asked, { intent: 'switch', factor: 'recovery-code' })
      assert.equal(offers(recovering.page, 'get'), false)
      const back = await op.submit(recovering, { intent: 'switch', factor: 'webauthn' })
      assert.notEqual(optionsOn(back.page, 'get').challenge, first)
      // What was asked before the switch is not asked any more.
      refused(await sendAnswer(back, assertionFor(asked.page, key)), /already done in another tab/)
      const recovered = await op.submit(
        await op.submit(back, { intent: 'switch', factor: 'recovery-code' }),
        { intent: 'answer', code: codes[0] as string },
      )
      const { tokens } = await op.redeem(await op.submit(recovered, { intent: 'continue' }))
      assert.deepEqual(tokens.claims()?.['amr'], ['pwd', 'otp', 'mfa'])
      assert.deepEqual((await op.duepassi.directory.standing(account.id)).factors, [
        'recovery-code',
        'webauthn',
      ])
      // Nor is a code of an app a way, where there is no app.
      const none = await op.submit(await atKey(op, 'other-way'), { intent: 'switch', factor: 'totp' })
      assert.ok(offers(none.page, 'get'))
      const code = codeNow('A'.repeat(32), op.clock)
      assert.equal(codeOf((await op.submit(none, { intent: 'answer', code })).page), null)
    })
  })
})
