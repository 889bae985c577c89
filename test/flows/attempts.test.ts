import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { stringify } from 'yaml'
import { runCli } from '../../src/cli/cli.ts'
import { Browser } from '../support/browser.ts'
import { temporaryFolder } from '../support/machine.ts'
import { freshDatabase } from '../support/postgres.ts'
import { type AtPage, type Enrolled, startProvider, type TestProvider } from '../support/provider.ts'
import { command, startRedis } from '../support/redis.ts'
import { codeOf, errorOf } from '../support/relying-party.ts'
import { codeNow, wrongCode } from '../support/steps.ts'

const answer = async (op: TestProvider, code: string, at?: AtPage) =>
  op.submit(at ?? (await op.atSecondStep()), { intent: 'answer', code })
const failures = async (op: TestProvider, authenticator = 'totp') =>
  (await op.duepassi.directory.changeAttempts(op.maria.id, authenticator, (state) => state)).before.failures
const statusOf = ({ page }: AtPage) => page.status

/** Wrong codes, each after the wait of the one before. */
const answerWrongly = async (
  op: TestProvider,
  secret: string,
  times: number,
  at?: AtPage,
): Promise<AtPage> => {
  let last = at ?? (await op.atSecondStep())
  for (let time = 0; time < times; time++) {
    last = await answer(op, wrongCode(secret, op.clock), time === 0 ? last : await op.atSecondStep())
    assert.equal(codeOf(last.page), null)
    const { before } = await op.duepassi.directory.changeAttempts(op.maria.id, 'totp', (state) => state)
    if (before.waitUntil > op.clock.now())
      op.clock.advance(Math.ceil((before.waitUntil - op.clock.now()) / 1000))
  }
  return last
}

/** As an administrator does it, beside the running provider. */
const unlock = async (op: TestProvider): Promise<string> => {
  const file = join(await temporaryFolder(), 'duepassi.yaml')
  await writeFile(file, stringify(op.config))
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()]
  const status = await runCli(['account', 'unlock', 'maria', '-c', file], { env: {}, stdin, stdout, stderr })
  assert.equal(status, 0, String(stderr.read()))
  return String(stdout.read())
}

describe('wrong codes', () => {
  let op: TestProvider
  let maria: Enrolled
  before(async () => {
    op = await startProvider({
      config: { lifetimes: { refreshToken: 864_000, session: 86_400, sessionIdle: 86_400 } },
    })
    maria = await op.enrol()
  })
  after(() => op.close())
  beforeEach(async () => {
    await op.duepassi.directory.clearAttempts(op.maria.id)
    op.clock.advance(120)
  })

  it('three are judged at once; then 30 seconds pass, in which no code is judged', async () => {
    const at = await op.atSecondStep()
    for (let time = 1; time <= 3; time++) {
      const wrong = await answer(op, wrongCode(maria.secret, op.clock), at)
      assert.equal(statusOf(wrong), 422)
      assert.equal(await failures(op), time)
      assert.equal(wrong.page.headers.get('retry-after'), time === 3 ? '30' : null)
      if (time === 3) assert.match(wrong.page.body, /30/)
    }
    op.clock.advance(20)
    const right = codeNow(maria.secret, op.clock)
    const waiting = await answer(op, right, at)
    assert.equal(statusOf(waiting), 429)
    assert.ok(Number(waiting.page.headers.get('retry-after')) <= 10)
    assert.match(waiting.page.body, /Wait (9|10) seconds/)
    assert.equal(codeOf(waiting.page), null)
    assert.equal(await failures(op), 3)
    // Not judged, and so not spent: the same code is right once the time is over.
    op.clock.advance(10)
    assert.ok(codeOf((await answer(op, right, at)).page))
    assert.equal(await failures(op), 0)
  })
  it('make nobody wait before the third, though the clock of the node that is asked next is a moment behind', async () => {
    const at = await op.atSecondStep()
    await answer(op, wrongCode(maria.secret, op.clock), at)
    op.clock.advance(-0.9)
    assert.ok(codeOf((await answer(op, codeNow(maria.secret, op.clock), at)).page))
  })
  it('make the wait double, to an hour at most', async () => {
    const waits: Array<string | null> = []
    for (let time = 1; time <= 10; time++) {
      const { page } = await answer(op, wrongCode(maria.secret, op.clock))
      waits.push(page.headers.get('retry-after'))
      if (time >= 3) {
        op.clock.advance(Number(page.headers.get('retry-after')) - 2)
        assert.equal(statusOf(await answer(op, codeNow(maria.secret, op.clock))), 429)
        op.clock.advance(2)
      }
    }
    assert.deepEqual(waits, [null, null, '30', '60', '120', '240', '480', '960', '1920', '3600'])
  })
  it('wait in every sign-in, tab and browser alike, and switching to a recovery code and back changes nothing', async () => {
    await answerWrongly(op, maria.secret, 2)
    const at = await op.atSecondStep()
    await answer(op, wrongCode(maria.secret, op.clock), at)
    const right = codeNow(maria.secret, op.clock)
    for (const other of [
      await op.atSecondStep({}, new Browser('it')),
      await op.atSecondStep({ prompt: 'login' }, at.browser),
      await op.submit(await op.submit(at, { intent: 'switch', factor: 'recovery-code' }), {
        intent: 'switch',
        factor: 'totp',
      }),
      await op.typePassword({
        ...at,
        page: { ...at.page, url: new URL(at.page.url.href.replace('/second-factor', '')) },
      }),
    ])
      assert.equal(statusOf(await answer(op, right, other)), 429)
    assert.equal(await failures(op), 3)
  })
  it('are forgotten after a right one, of this way of proving alone', async () => {
    const at = await op.submit(await op.atSecondStep(), { intent: 'switch', factor: 'recovery-code' })
    await answer(op, '0000-00000-0000', at)
    await answer(op, wrongCode(maria.secret, op.clock))
    assert.ok(codeOf((await answer(op, codeNow(maria.secret, op.clock))).page))
    assert.equal(await failures(op), 0)
    assert.equal(await failures(op, 'recovery-code'), 1)
  })
  it('of one account do not make another wait', async () => {
    const anna = await op.enrolOther('anna')
    await answerWrongly(op, maria.secret, 3)
    const asked = await op.typePassword(await op.begin(), { username: 'anna' })
    assert.ok(codeOf((await answer(op, op.nextCode(anna.secret), asked)).page))
  })

  it('ten are answered, the eleventh locks', async () => {
    const { tokens } = await op.signIn(maria.secret)
    await answerWrongly(op, maria.secret, 10)
    assert.equal((await op.duepassi.directory.standing(op.maria.id)).lockedAt, null)
    const mails = op.mails.length
    assert.ok((await op.rp.refresh(tokens.refresh_token as string)).access_token)
    const [one, other] = [await op.atSecondStep(), await op.atSecondStep()]
    const byRecovery = await op.submit(await op.atSecondStep(), { intent: 'switch', factor: 'recovery-code' })
    const locked = await answer(op, codeNow(maria.secret, op.clock), one)
    assert.equal(statusOf(locked), 403)
    assert.match(locked.page.body, /locked/)
    assert.ok((await op.duepassi.directory.standing(op.maria.id)).lockedAt)
    assert.equal(op.mails.length, mails + 1)
    assert.match(op.mails.at(-1)?.subject ?? '', /lock/i)

    const right = codeNow(maria.secret, op.clock)
    for (const at of [
      one,
      other,
      await op.atSecondStep(),
      await op.atSecondStep({ prompt: 'login' }, maria.browser),
    ]) {
      const { page } = await answer(op, right, at)
      assert.equal(page.status, 403)
      assert.equal(codeOf(page), null)
    }
    // The lock is the account's: a sign-in that was pending, and asks for a recovery code, ends as well.
    const spentBefore = (await op.duepassi.directory.credentials(op.maria.id)).map(({ counter }) => counter)
    const { page } = await answer(op, maria.codes[0] as string, byRecovery)
    assert.equal(page.status, 403)
    assert.equal(codeOf(page), null)
    assert.deepEqual(
      (await op.duepassi.directory.credentials(op.maria.id)).map(({ counter }) => counter),
      spentBefore,
    )
    assert.equal(errorOf((await op.submit(locked, { intent: 'leave' })).page), 'access_denied')
    assert.equal(op.mails.length, mails + 1, 'told once')

    // What was signed in before the lock ends with it.
    await assert.rejects(op.rp.refresh(tokens.refresh_token as string), { error: 'invalid_grant' })
    assert.equal(codeOf((await op.begin({ prompt: 'none' }, maria.browser)).page), null)
    await op.restart()
    assert.equal(statusOf(await op.atSecondStep()), 403)

    assert.match(await unlock(op), /unlocked/)
    assert.ok(codeOf((await answer(op, op.nextCode(maria.secret))).page))
    assert.deepEqual(
      (await op.audit()).filter(({ type }) => /locked/.test(type)).map(({ type }) => type),
      ['factor.unlocked', 'factor.locked'],
    )
  })
  it('that lock also end an authorization code issued a moment before', async () => {
    const signedIn = await op.atSecondStep()
    const issued = await answer(op, op.nextCode(maria.secret), signedIn)
    assert.ok(codeOf(issued.page))
    await op.duepassi.directory.changeAttempts(op.maria.id, 'totp', (state) => ({
      ...state,
      lockedAt: op.clock.now(),
    }))
    await assert.rejects(issued.request.finish(issued.page.url), { error: 'invalid_grant' })
  })
})

describe('a lock on Redis and PostgreSQL', function () {
  this.timeout(120_000)
  it('survives a flushed Redis, and holds on the other node', async () => {
    const redis = await startRedis()
    await using op = await startProvider({ redis: redis.url, database: await freshDatabase(), nodes: 2 })
    const { secret, codes } = await op.enrol()
    await answerWrongly(op, secret, 5)
    await command(redis.port, ['FLUSHALL'])
    assert.equal(await failures(op), 5, 'a flushed Redis forgets no count')
    await answerWrongly(op, secret, 5)
    assert.equal(statusOf(await answer(op, op.nextCode(secret))), 403)
    await command(redis.port, ['FLUSHALL'])
    // Twice, so that each node is asked.
    for (let time = 0; time < 4; time++) {
      const at = await op.atSecondStep()
      assert.equal(statusOf(at), 403)
      assert.equal(codeOf((await answer(op, op.nextCode(secret), at)).page), null)
    }
    await unlock(op)
    assert.ok(codeOf((await answer(op, op.nextCode(secret))).page))
    // Nor does a flush make a spent code good again.
    const code = op.nextCode(secret)
    assert.ok(codeOf((await answer(op, code)).page))
    const recover = async () =>
      answer(
        op,
        codes[0] as string,
        await op.submit(await op.atSecondStep(), { intent: 'switch', factor: 'recovery-code' }),
      )
    assert.match((await recover()).page.body, /9 recovery codes left/)
    await command(redis.port, ['FLUSHALL'])
    assert.match((await answer(op, code)).page.body, /already used/)
    assert.match((await recover()).page.body, /already used/)
    await redis.stop()
  })
})
