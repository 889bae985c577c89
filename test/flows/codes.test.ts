import assert from 'node:assert/strict'
import { stepAt } from '../../src/factors/totp/code.ts'
import { Browser } from '../support/browser.ts'
import { type AtPage, type Enrolled, startProvider, type TestProvider } from '../support/provider.ts'
import { codeOf } from '../support/relying-party.ts'
import { allLostOn, codeNow, recoveryCodesOn, secretOn, wrongCode } from '../support/steps.ts'

const answer = async (op: TestProvider, code: string, at?: AtPage) =>
  op.submit(at ?? (await op.atSecondStep()), { intent: 'answer', code })

const refused = ({ page }: AtPage, text: RegExp) => {
  assert.equal(codeOf(page), null)
  assert.equal(page.status, 422)
  assert.match(page.body, text)
}

describe('a code of an authenticator', () => {
  let op: TestProvider
  let maria: Enrolled
  before(async () => {
    op = await startProvider()
    maria = await op.enrol()
  })
  after(() => op.close())
  beforeEach(async () => {
    await op.duepassi.directory.clearAttempts(op.maria.id)
    op.clock.advance(120)
  })

  it('is accepted once: not in the same browser, not in another, not after a restart', async () => {
    const code = op.nextCode(maria.secret)
    const first = await answer(op, code)
    assert.ok(codeOf(first.page))
    refused(await answer(op, code, await op.atSecondStep({ prompt: 'login' }, first.browser)), /already used/)
    refused(await answer(op, code), /already used/)
    await op.restart()
    refused(await answer(op, code), /already used/)
  })
  it('is not accepted after a newer one', async () => {
    const before = codeNow(maria.secret, op.clock, -1)
    assert.ok(codeOf((await answer(op, codeNow(maria.secret, op.clock))).page))
    refused(await answer(op, before), /already used/)
  })
  it('is accepted one step early or late', async () => {
    assert.ok(codeOf((await answer(op, codeNow(maria.secret, op.clock, -1))).page))
    assert.ok(codeOf((await answer(op, codeNow(maria.secret, op.clock, 1))).page))
  })
  it('from further away is refused with the seconds by which the clock is off', async () => {
    refused(await answer(op, codeNow(maria.secret, op.clock, 6)), /clock of your phone is 3 minutes fast/)
    op.clock.advance(300)
    refused(await answer(op, codeNow(maria.secret, op.clock, -2)), /clock of your phone is 1 minute slow/)
    op.clock.advance(600)
    const at = stepAt(op.clock.now())
    refused(
      await answer(op, codeNow(maria.secret, op.clock, -3)),
      /clock of your phone is (90 seconds|1 minute and 30 seconds|1 minute 30 seconds) slow/,
    )
    assert.ok(stepAt(op.clock.now()) - at <= 1)
  })
  it('from the future is not accepted when its time comes', async () => {
    const code = codeNow(maria.secret, op.clock, 4)
    refused(await answer(op, code), /clock/)
    op.clock.advance(120)
    refused(await answer(op, code), /already used/)
  })
  it('is taken with the spaces and digits of any keyboard', async () => {
    const code = op.nextCode(maria.secret)
    assert.ok(codeOf((await answer(op, ` ${code.slice(0, 3)} ${code.slice(3)} `)).page))
    const other = op.nextCode(maria.secret)
    const wide = other.replace(/\d/g, (digit) => String.fromCodePoint(0xff10 + Number(digit)))
    assert.ok(codeOf((await answer(op, wide)).page))
  })
  it('that cannot be one counts nothing', async () => {
    for (const typed of ['', '12345', '1234567', 'abcdef', '😀', ' '])
      refused(await answer(op, typed), /six digits/)
    const { before } = await op.duepassi.directory.changeAttempts(op.maria.id, 'totp', (state) => state)
    assert.equal(before.failures, 0)
  })
  it('of another account is wrong', async () => {
    const anna = await op.enrolOther('anna')
    refused(await answer(op, op.nextCode(anna.secret)), /not right/)
    // And is still good where it belongs.
    const asked = await op.typePassword(await op.begin(), { username: 'anna' })
    assert.ok(codeOf((await answer(op, codeNow(anna.secret, op.clock), asked)).page))
  })
  it('is compared with the current step alone in strict mode', async () => {
    await using strict = await startProvider({ config: { totp: { window: 0 } } })
    // The confirming code must come from the current step as well; wait until the step has enough time left.
    const left = 30 - ((strict.clock.now() / 1000) % 30)
    if (left < 10) strict.clock.advance(left)
    const { secret } = await strict.enrol()
    strict.clock.advance(60)
    refused(await answer(strict, codeNow(secret, strict.clock, -1)), /30 seconds slow/)
    refused(await answer(strict, codeNow(secret, strict.clock, 1)), /30 seconds fast/)
    strict.clock.advance(60)
    assert.ok(codeOf((await answer(strict, codeNow(secret, strict.clock))).page))
  })
})

describe('a recovery code', () => {
  let op: TestProvider
  let maria: Enrolled
  before(async () => {
    op = await startProvider()
    maria = await op.enrol()
  })
  after(() => op.close())

  const recover = async (code: string, at?: AtPage) =>
    answer(
      op,
      code,
      await op.submit(at ?? (await op.atSecondStep()), { intent: 'switch', factor: 'recovery-code' }),
    )

  it('leads on once, says how many are left, and is told by mail', async () => {
    const code = maria.codes[3] as string
    const mailsBefore = op.mails.length
    const recovered = await recover(code)
    assert.equal(recovered.page.status, 200)
    assert.match(recovered.page.body, /9 recovery codes left/)
    assert.equal(codeOf(recovered.page), null)
    assert.equal(op.mails.length, mailsBefore + 1)
    assert.match(op.mails.at(-1)?.text ?? '', /9/)
    const { tokens } = await op.redeem(await op.submit(recovered, { intent: 'continue' }))
    assert.deepEqual(tokens.claims()?.['amr'], ['pwd', 'otp', 'mfa'])
    refused(await recover(code), /already used/)
    await op.restart()
    refused(await recover(code), /already used/)
  })
  it('may be typed in any spelling', async () => {
    const code = maria.codes[4] as string
    const recovered = await recover(
      ` ${code.toLowerCase().replaceAll('-', ' ').replaceAll('0', 'o').replaceAll('1', 'l')} `,
    )
    assert.match(recovered.page.body, /8 recovery codes left/)
  })
  it('of one account is refused for another, and stays unused', async () => {
    const anna = await op.enrolOther('anna')
    const code = maria.codes[5] as string
    refused(await recover(code, await op.typePassword(await op.begin(), { username: 'anna' })), /not right/)
    assert.match((await recover(code)).page.body, /7 recovery codes left/)
    assert.ok(anna)
  })
  it('that cannot be one counts nothing, and a wrong one is wrong', async () => {
    for (const typed of ['', '123456', 'UUUU-UUUUU-UUUU']) refused(await recover(typed), /does not look like/)
    refused(await recover('0000-00000-0000'), /not right/)
  })
  it('that was used cannot be used by another tab of the same sign-in', async () => {
    const code = maria.codes[6] as string
    const at = await op.atSecondStep()
    const recovered = await recover(code, at)
    const twice = await answer(op, code, recovered)
    assert.equal(codeOf(twice.page), null)
    assert.match((await op.duepassi.directory.credentials(op.maria.id)).at(-1)?.factor ?? '', /recovery/)
  })
  it('leads to a new authenticator, which takes the place of the lost one when the person says so', async () => {
    const credentialsBefore = await op.duepassi.directory.credentials(op.maria.id)
    const recovered = await recover(maria.codes[7] as string)
    const enrolling = await op.choose(
      await op.submit(recovered, { intent: 'enrol', ...allLostOn(recovered.page) }),
    )
    const secret = secretOn(enrolling.page)
    assert.notEqual(secret, maria.secret)
    // Until it is confirmed nothing changes.
    refused(
      await op.submit(enrolling, { intent: 'confirm', code: wrongCode(secret, op.clock), label: 'New' }),
      /not right/,
    )
    assert.deepEqual(
      (await op.duepassi.directory.credentials(op.maria.id)).map(({ id }) => id),
      credentialsBefore.map(({ id }) => id),
    )
    const issuing = await op.submit(enrolling, {
      intent: 'confirm',
      code: codeNow(secret, op.clock),
      label: 'New',
    })
    const codes = recoveryCodesOn(issuing.page)
    assert.ok(codeOf((await op.submit(issuing, { intent: 'saved' })).page))

    refused(await answer(op, op.nextCode(maria.secret)), /not right/)
    assert.ok(codeOf((await answer(op, op.nextCode(secret))).page))
    refused(await recover(maria.codes[8] as string), /not right/)
    assert.match((await recover(codes[0] as string)).page.body, /9 recovery codes left/)
    maria = { ...maria, secret, codes }
  })
  it('leads to one more authenticator where the old one is kept', async () => {
    const recovered = await recover(maria.codes[1] as string)
    const enrolling = await op.choose(await op.submit(recovered, { intent: 'enrol' }))
    const secret = secretOn(enrolling.page)
    const issuing = await op.submit(enrolling, {
      intent: 'confirm',
      code: codeNow(secret, op.clock),
      label: 'Second',
    })
    assert.ok(codeOf((await op.submit(issuing, { intent: 'saved' })).page))
    assert.ok(codeOf((await answer(op, op.nextCode(maria.secret))).page))
    assert.ok(codeOf((await answer(op, op.nextCode(secret))).page))
  })
})

describe('recovery codes that nobody saved', () => {
  it('are shown anew at the next sign-in, and those shown before are not valid', async () => {
    await using op = await startProvider()
    const enrolling = await op.choose(await op.atSecondStep())
    const secret = secretOn(enrolling.page)
    const issuing = await op.submit(enrolling, {
      intent: 'confirm',
      code: codeNow(secret, op.clock),
      label: 'x',
    })
    const unsaved = recoveryCodesOn(issuing.page)
    // The browser is closed here.
    const again = await answer(op, op.nextCode(secret), await op.atSecondStep({}, new Browser()))
    const codes = recoveryCodesOn(again.page)
    assert.equal(
      codes.some((code) => unsaved.includes(code)),
      false,
    )
    assert.ok(codeOf((await op.submit(again, { intent: 'saved' })).page))
    const asked = await op.submit(await op.atSecondStep(), { intent: 'switch', factor: 'recovery-code' })
    refused(await answer(op, unsaved[0] as string, asked), /not right/)
    assert.match((await answer(op, codes[0] as string, asked)).page.body, /9 recovery codes left/)
    // The tab that was left open says that its codes are saved: of two sets one is valid, and its count is right.
    await op.submit(issuing, { intent: 'saved' })
    const sets = (await op.duepassi.directory.credentials(op.maria.id)).filter(
      ({ factor }) => factor === 'recovery-code',
    )
    assert.equal(sets.length, 1)
  })
})
