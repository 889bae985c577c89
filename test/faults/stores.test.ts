import assert from 'node:assert/strict'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import type { Answer } from '../support/browser.ts'
import { freshDatabase, type PostgresServer, startPostgres } from '../support/postgres.ts'
import { type AtPage, type Enrolled, startProvider, type TestProvider } from '../support/provider.ts'
import { type PrivateRedis, redisUrl, startRedis } from '../support/redis.ts'
import { codeOf, errorOf } from '../support/relying-party.ts'
import { codeNow, wrongCode } from '../support/steps.ts'

const refusedForNow = (page: Answer, what: string) => {
  assert.equal(codeOf(page), null, what)
  assert.equal(page.status, 503, `${what}: ${page.status}`)
  assert.match(page.headers.get('content-type') ?? '', /html/, what)
  assert.match(page.body, /Try again/, what)
  assert.doesNotMatch(page.body, /redis|postgres|ECONN|127\.0\.0\.1:/i, what)
}
const readiness = async (op: TestProvider) => {
  const response = await fetch(`${op.issuer}/health/ready`)
  const { status: _, ...parts } = (await response.json()) as Record<string, string>
  return { status: response.status, ...parts }
}
const answer = (op: TestProvider, at: AtPage, code: string) => op.submit(at, { intent: 'answer', code })
const failures = async (op: TestProvider) =>
  (await op.duepassi.directory.changeAttempts(op.maria.id, 'totp', (state) => state)).before.failures

/** What heals by itself heals within seconds. */
const eventually = async <T>(task: () => Promise<T>): Promise<T> => {
  const end = performance.now() + 15_000
  for (;;) {
    try {
      return await task()
    } catch (error) {
      if (performance.now() > end) throw error
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
  }
}

describe('Redis', function () {
  this.timeout(120_000)
  let redis: PrivateRedis
  let op: TestProvider
  let maria: Enrolled
  beforeEach(async () => {
    redis = await startRedis()
    op = await startProvider({ redis: redis.url, database: await freshDatabase() })
    maria = await op.enrol()
  })
  afterEach(async () => {
    await op.close()
    await redis.stop()
  })

  it('gone after the password: nothing is accepted, nothing is counted away, and it heals by itself', async () => {
    const at = await op.atSecondStep()
    await answer(op, at, wrongCode(maria.secret, op.clock))
    const code = op.nextCode(maria.secret)
    await redis.kill()
    await Promise.all([
      answer(op, at, code).then(({ page }) => refusedForNow(page, 'a right code')),
      answer(op, at, wrongCode(maria.secret, op.clock)).then(({ page }) =>
        refusedForNow(page, 'a wrong code'),
      ),
      at.browser.get(at.page.url).then((page) => refusedForNow(page, 'the page')),
      ...[{}, { prompt: 'none' }, { prompt: 'login' }].map(async (parameters) => {
        const { page } = await op.begin(parameters as Record<string, string>, maria.browser.copy())
        assert.equal(codeOf(page), null, 'a live session')
        assert.ok(page.status >= 500 || errorOf(page) !== null)
      }),
      assert.rejects(op.rp.refresh(maria.tokens.refresh_token as string)),
      assert.rejects(maria.request.finish(maria.page.url)),
      assert.rejects(op.rp.userinfo(maria.tokens.access_token, op.maria.id)),
    ])
    assert.equal(await failures(op), 1, 'a count that was durable stays')
    assert.deepEqual(await readiness(op), { status: 503, store: 'down', directory: 'ok' })

    redis = await startRedis({ port: redis.port })
    const healed = await eventually(async () => {
      // What the old server knew is gone: the page leads on to begin again.
      const late = await at.browser.get(at.page.url)
      assert.equal(late.status, 400)
      return op.signIn(maria.secret)
    })
    assert.ok(healed.tokens.access_token)
    assert.equal((await readiness(op)).status, 200)
  })
  it('that does not answer: refused within seconds, and healed when it does', async () => {
    const at = await op.atSecondStep()
    const code = op.nextCode(maria.secret)
    redis.pause()
    const started = performance.now()
    refusedForNow((await answer(op, at, code)).page, 'a right code')
    assert.ok(performance.now() - started < 6_000, `${performance.now() - started} ms`)
    const health = performance.now()
    assert.deepEqual(await readiness(op), { status: 503, store: 'down', directory: 'ok' })
    assert.ok(performance.now() - health < 4_000)
    redis.resume()
    // Whether the code was spent before the store failed or not: a new one is accepted.
    const again = await eventually(async () => {
      const { page } = await answer(op, at, op.nextCode(maria.secret))
      assert.ok(codeOf(page))
      return page
    })
    assert.ok((await at.request.finish(again.url)).access_token)
  })
  it('gone before the password: says so and leads on later', async () => {
    const at = await op.begin()
    await redis.kill()
    refusedForNow((await op.typePassword(at)).page, 'the password')
    const begun = await op.begin()
    assert.equal(codeOf(begun.page), null)
    assert.ok(begun.page.status >= 500 || errorOf(begun.page) !== null)
    redis = await startRedis({ port: redis.port })
    await eventually(() => op.signIn(maria.secret))
  })
})

describe('PostgreSQL', function () {
  this.timeout(120_000)
  let server: PostgresServer
  let op: TestProvider
  let maria: Enrolled
  before(async () => {
    server = await startPostgres()
    op = await startProvider({ redis: await redisUrl(), database: server.url })
    maria = await op.enrol()
  })
  after(async () => {
    await op.close()
    await server.stop()
  })

  it('gone after the password: nothing is accepted, no count is lost, and it heals by itself', async () => {
    const at = await op.atSecondStep()
    await answer(op, at, wrongCode(maria.secret, op.clock))
    await answer(op, at, wrongCode(maria.secret, op.clock))
    const code = op.nextCode(maria.secret)
    await server.stop()
    refusedForNow((await answer(op, at, code)).page, 'a right code')
    refusedForNow(
      (
        await op.typePassword({
          ...at,
          page: { ...at.page, url: new URL(at.page.url.href.replace('/second-factor', '')) },
        })
      ).page,
      'a password',
    )
    const { page } = await op.begin({}, maria.browser)
    assert.equal(codeOf(page), null, 'a live session')
    await assert.rejects(op.rp.refresh(maria.tokens.refresh_token as string))
    assert.deepEqual(await readiness(op), { status: 503, store: 'ok', directory: 'down' })

    await server.start()
    await eventually(async () => assert.equal((await readiness(op)).status, 200))
    assert.equal(await eventually(() => failures(op)), 2)
    // The code was not judged, and so it is still good.
    const healed = await answer(op, at, codeNow(maria.secret, op.clock))
    assert.ok(codeOf(healed.page))
    assert.ok((await at.request.finish(healed.page.url)).access_token)
    assert.ok((await op.rp.refresh(maria.tokens.refresh_token as string)).access_token)
  })
  it('that does not answer: refused within seconds, and healed when it does', async () => {
    const relay = await startRelay(await freshDatabase())
    await using slow = await startProvider({ redis: await redisUrl(), database: relay.url })
    const { secret } = await slow.enrolOther('anna')
    const at = await slow.typePassword(await slow.begin(), { username: 'anna' })
    const code = slow.nextCode(secret)
    relay.pause()
    const started = performance.now()
    refusedForNow((await answer(slow, at, code)).page, 'a right code')
    assert.ok(performance.now() - started < 12_000, `${Math.round(performance.now() - started)} ms`)
    assert.deepEqual(await readiness(slow), { status: 503, store: 'ok', directory: 'down' })
    relay.resume()
    await eventually(async () => assert.ok(codeOf((await answer(slow, at, slow.nextCode(secret))).page)))
    await relay.stop()
  })
})

/** Stands between the provider and its database, and can hold everything back. */
const startRelay = async (target: string) => {
  const { hostname, port } = new URL(target)
  const sockets = new Set<Socket>()
  let held = false
  const server = createServer((near) => {
    const far = connect(Number(port), hostname)
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one)
      if (held) one.pause()
      one.on('error', () => other.destroy())
      one.on('close', () => {
        sockets.delete(one)
        other.destroy()
      })
      one.on('data', (chunk) => void other.write(chunk))
      if (held) one.pause()
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = new URL(target)
  url.port = String((server.address() as AddressInfo).port)
  return {
    url: url.href,
    pause() {
      held = true
      for (const socket of sockets) socket.pause()
    },
    resume() {
      held = false
      for (const socket of sockets) socket.resume()
    },
    async stop() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
