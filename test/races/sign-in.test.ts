import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { Client } from 'pg'
import { Browser } from '../support/browser.ts'
import { freshDatabase } from '../support/postgres.ts'
import { type AtPage, type Enrolled, startProvider, type TestProvider } from '../support/provider.ts'
import { redisUrl } from '../support/redis.ts'
import { codeOf } from '../support/relying-party.ts'
import { codeNow, secretOn, wrongCode } from '../support/steps.ts'

const many = 50
const times = <T>(count: number, task: (index: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, index) => task(index)))

/** Two nodes on one Redis and one PostgreSQL; the requests reach them in turn. */
describe('50 at once, on two nodes', function () {
  this.timeout(180_000)
  let op: TestProvider
  let maria: Enrolled
  const start = async (attempts: object = {}) => {
    op = await startProvider({
      redis: await redisUrl(),
      database: await freshDatabase(),
      nodes: 2,
      config: {
        attempts,
        passwords: { freeFailures: 100 },
        lifetimes: { interaction: 86_400, refreshToken: 1_000, authorizationCode: 600 },
      },
    })
    maria = await op.enrol()
  }
  afterEach(() => op.close())

  /** Each in a browser of its own, with the password done. */
  const pending = async (): Promise<AtPage[]> => {
    const all: AtPage[] = []
    // Five at a time: more right passwords of one account at once would be told to wait.
    while (all.length < many) all.push(...(await times(5, () => op.atSecondStep())))
    for (const { page } of all) assert.match(page.url.pathname, /second-factor$/)
    return all
  }
  const sendAll = (all: AtPage[], fields: Record<string, string>) =>
    Promise.all(all.map((at) => op.submit(at, fields)))
  const issued = (all: AtPage[]) => all.filter(({ page }) => codeOf(page) !== null)
  const attempts = async (authenticator: string) =>
    (await op.duepassi.directory.changeAttempts(op.maria.id, authenticator, (state) => state)).before

  /**
   * Holds the credentials' rows, so that whoever would spend one waits, until all have judged what they read before;
   * then lets them go at once.
   */
  const withCredentialsHeld = async <T>(task: () => Promise<T>): Promise<T> => {
    const client = new Client({ connectionString: op.config.database.url })
    await client.connect()
    try {
      await client.query('begin')
      await client.query('select 1 from credential for update')
      const running = task()
      await delay(1_500)
      await client.query('commit')
      return await running
    } finally {
      await client.end()
    }
  }

  // With the usual limits three are judged at once; with wide ones twenty meet at the compare-and-set.
  for (const [limits, settings] of [
    ['usual', {}],
    ['wide', { freeFailures: 20, lockAfter: 100 }],
  ] as const) {
    it(`one code of an authenticator is accepted once (${limits} limits)`, async () => {
      await start(settings)
      const all = await pending()
      const code = op.nextCode(maria.secret)
      const answers = await withCredentialsHeld(() => sendAll(all, { intent: 'answer', code }))
      const seen = `answers: ${answers.map(({ page }) => page.status).join(' ')}`
      assert.equal(issued(answers).length, 1, seen)
      for (const { page } of answers.filter((at) => codeOf(at.page) === null))
        assert.ok([422, 429].includes(page.status), seen)
      const judged = answers.filter(({ page }) => page.status === 422).length
      assert.ok(judged >= (limits === 'wide' ? 15 : 2), `too few met at the compare-and-set; ${seen}`)
      assert.ok((await op.redeem(issued(answers)[0] as AtPage)).tokens.access_token)
      // Nor can any of the others go on without a new one.
      const reloaded = await times(many, async (index) => {
        const { browser, page } = answers[index] as AtPage
        return codeOf(page) === null ? codeOf(await browser.get((all[index] as AtPage).page.url)) : null
      })
      assert.deepEqual(reloaded.filter(Boolean), [])
    })
    it(`one recovery code is accepted once (${limits} limits)`, async () => {
      await start(settings)
      const all = await Promise.all(
        (await pending()).map((at) => op.submit(at, { intent: 'switch', factor: 'recovery-code' })),
      )
      const answers = await withCredentialsHeld(() =>
        sendAll(all, { intent: 'answer', code: maria.codes[0] as string }),
      )
      const recovered = answers.filter(
        ({ page }) => page.status === 200 && /9 recovery codes left/.test(page.body),
      )
      assert.equal(recovered.length, 1)
      const ends = await Promise.all(answers.map((at) => op.submit({ ...at }, { intent: 'continue' })))
      assert.equal(issued(ends).length, 1)
      const counters = (await op.duepassi.directory.credentials(op.maria.id)).map(({ factor, counter }) => [
        factor,
        counter,
      ])
      assert.deepEqual(
        counters.find(([factor]) => factor === 'recovery-code'),
        ['recovery-code', 1],
      )
    })
  }

  it('of wrong codes ten are judged, whatever comes at once, and the lock holds', async () => {
    await start()
    const all = await pending()
    op.clock.advance(60)
    let judged = 0
    let locked = 0
    for (let wave = 0; wave < 20 && locked === 0; wave++) {
      const answers = await sendAll(all, { intent: 'answer', code: wrongCode(maria.secret, op.clock) })
      assert.equal(issued(answers).length, 0)
      const wrong = answers.filter(({ page }) => page.status === 422 && /not right/.test(page.body)).length
      locked = answers.filter(({ page }) => page.status === 403).length
      judged += wrong
      for (const { page } of answers) assert.ok([422, 429, 403].includes(page.status), `${page.status}`)
      const { failures, waitUntil } = await attempts('totp')
      assert.equal(failures, judged, `wave ${wave}`)
      if (wave === 0) assert.equal(judged, 3)
      op.clock.advance(Math.max(1, Math.ceil((waitUntil - op.clock.now()) / 1000)))
    }
    assert.equal(judged, 10)
    // All fifty, not the first that came: a lock ends every sign-in that is under way.
    assert.equal(locked, many)
    assert.ok((await op.duepassi.directory.standing(op.maria.id)).lockedAt)
    const answers = await sendAll(all, { intent: 'answer', code: op.nextCode(maria.secret) })
    assert.equal(issued(answers).length, 0)
    assert.equal((await op.audit()).filter(({ type }) => type === 'factor.locked').length, 1)
    assert.equal(op.mails.filter(({ subject }) => /lock/i.test(subject)).length, 1)
  })

  it('of right codes in waves none gets past the lock', async () => {
    await start()
    await op.duepassi.directory.changeAttempts(op.maria.id, 'totp', () => ({
      failures: 10,
      waitUntil: 0,
      lockedAt: null,
    }))
    const answers = await sendAll(await pending(), { intent: 'answer', code: op.nextCode(maria.secret) })
    assert.equal(issued(answers).length, 0)
    assert.equal((await op.audit()).filter(({ type }) => type === 'factor.locked').length, 1)
  })

  it('one authorization code is redeemed once, and what it gave ends', async () => {
    await start()
    const code = op.nextCode(maria.secret)
    const at = await op.submit(await op.atSecondStep(), { intent: 'answer', code })
    const results = await Promise.allSettled(
      Array.from({ length: many }, () => at.request.finish(at.page.url)),
    )
    const won = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
    assert.ok(won.length <= 1, `${won.length} times`)
    for (const result of results)
      if (result.status === 'rejected')
        assert.equal((result.reason as { error?: string }).error, 'invalid_grant')
    for (const { access_token, refresh_token } of won) {
      assert.equal((await op.rp.introspect(access_token)).active, false)
      await assert.rejects(op.rp.refresh(refresh_token as string), { error: 'invalid_grant' })
    }
    assert.equal(won.length, 1)
  })

  it('one refresh token that is due for rotation is used once, and what it gave ends', async () => {
    await start()
    const { tokens } = await op.signIn(maria.secret)
    op.clock.advance(800)
    const results = await Promise.allSettled(
      Array.from({ length: many }, () => op.rp.refresh(tokens.refresh_token as string)),
    )
    const won = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
    assert.equal(won.length, 1)
    const [first] = won
    assert.notEqual(first?.refresh_token, tokens.refresh_token)
    await assert.rejects(op.rp.refresh(first?.refresh_token as string), { error: 'invalid_grant' })
    assert.equal((await op.rp.introspect(first?.access_token as string)).active, false)
  })

  it('one account that has no factor gets exactly one', async () => {
    await start()
    const luigi = await op.addPerson('luigi')
    const all: AtPage[] = []
    // Five at a time: more right passwords of one account at once would be told to wait.
    while (all.length < 20)
      all.push(
        ...(await times(5, async () =>
          op.choose(await op.typePassword(await op.begin({}, new Browser()), { username: 'luigi' })),
        )),
      )
    const answers = await Promise.all(
      all.map((at) =>
        op.submit(at, { intent: 'confirm', code: codeNow(secretOn(at.page), op.clock), label: 'x' }),
      ),
    )
    const factors = async () =>
      (await op.duepassi.directory.credentials(luigi.id)).map(({ factor }) => factor)
    assert.deepEqual(await factors(), ['totp'])
    const shown = answers.filter(({ page }) => /[0-9A-Z]{4}-[0-9A-Z]{5}-[0-9A-Z]{4}/.test(page.body))
    assert.equal(shown.length, 1)
    const ends = await Promise.all(all.map((at) => op.submit(at, { intent: 'saved' })))
    assert.equal(issued(ends).length, 1)
    assert.deepEqual((await factors()).toSorted(), ['recovery-code', 'totp'])
    // The others are asked for the factor that is there now.
    const loser = answers.find(({ page }) => !/[0-9A-Z]{4}-[0-9A-Z]{5}-[0-9A-Z]{4}/.test(page.body)) as AtPage
    const asked = await op.typePassword(
      { ...loser, page: await loser.browser.get((await op.rp.begin()).url) },
      { username: 'luigi' },
    )
    assert.match(asked.page.body, /one-time-code/)
    assert.doesNotMatch(asked.page.body, /otpauth:/)
  })

  it('one form sent twice by one browser carries on, and nothing says that the code was used', async () => {
    await start()
    for (let time = 0; time < 8; time++) {
      const code = op.nextCode(maria.secret)
      const at = await op.atSecondStep()
      const send = () =>
        at.browser.once(at.page.url, {
          method: 'POST',
          headers: { 'sec-fetch-site': 'same-origin', 'content-type': 'application/x-www-form-urlencoded' },
          body: new URLSearchParams({ intent: 'answer', code }),
        })
      const answers = await Promise.all([send(), send(), send()])
      // A browser shows the answer to its last click, whichever that is.
      for (const { status, headers } of answers) {
        assert.equal(status, 303, `time ${time}: ${answers.map((answer) => answer.status)}`)
        const way = new URL(headers.get('location') ?? '', op.issuer)
        assert.ok(way.pathname.startsWith('/auth/') || way.pathname.endsWith('/second-factor'))
      }
      assert.ok(codeOf(await at.browser.get(at.page.url)))
      assert.ok((await attempts('totp')).failures <= 2)
    }
  })
})
