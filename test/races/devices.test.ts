import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { Client } from 'pg'
import {
  deviceCookies,
  enter,
  isAsked,
  isLetIn,
  isNotRefreshed,
  later,
  trust,
  trustedDeviceOf,
} from '../flows/trusted-browsers.ts'
import { Browser } from '../support/browser.ts'
import { freshDatabase } from '../support/postgres.ts'
import {
  type AtPage,
  type Enrolled,
  password,
  type Settings,
  startProvider,
  type TestProvider,
} from '../support/provider.ts'
import { redisUrl } from '../support/redis.ts'
import { codeOf } from '../support/relying-party.ts'

const many = 50

const stores: Record<string, () => Promise<Settings>> = {
  'the embedded store': async () => ({}),
  'two nodes on Redis and PostgreSQL': async () => ({
    redis: await redisUrl(),
    database: await freshDatabase(),
    nodes: 2,
  }),
}

for (const [name, settings] of Object.entries(stores))
  describe(`one trusted device at once, on ${name}`, function () {
    this.timeout(180_000)
    let op: TestProvider
    let maria: Enrolled
    let browser: Browser
    before(async () => {
      op = await startProvider({
        ...(await settings()),
        config: {
          policy: { trustedDevices: { kind: 'cookie' } },
          passwords: { freeFailures: 100 },
          lifetimes: { authorizationCode: 600 },
        },
      })
      maria = await op.enrol()
    })
    beforeEach(async () => {
      browser = (await trust(op, maria.secret)).browser
    })
    after(() => op.close())

    const isPostgres = () => op.config.database.url.startsWith('postgres')

    /**
     * Where others could come between: holds the devices' rows, so that all have read the same secret before one changes it.
     */
    const withDevicesHeld = async <T>(task: () => Promise<T>): Promise<T> => {
      if (!isPostgres()) return task()
      const client = new Client({ connectionString: op.config.database.url })
      await client.connect()
      try {
        await client.query('begin')
        await client.query('select 1 from device for update')
        const running = task()
        await delay(2_500)
        await client.query('commit')
        return await running
      } finally {
        await client.end()
      }
    }

    /** The password, again where too many typed it at once to be judged. */
    const typePassword = async (at: AtPage): Promise<AtPage> => {
      for (;;) {
        const entered = await op.submit(at, { intent: 'sign-in', username: 'maria', password })
        if (entered.page.status !== 429) return entered
        await delay(20)
      }
    }
    /** Five at a time begin, and none waits for the others to end. */
    const allAtOnce = async <T>(tasks: ReadonlyArray<() => Promise<T>>): Promise<T[]> => {
      const running: Promise<T>[] = []
      for (const [index, task] of tasks.entries()) {
        running.push(task())
        if (index % 5 === 4) await delay(30)
      }
      return Promise.all(running)
    }

    it(`of ${many} sign-ins with one cookie one is let in by it, and the others are asked`, async () => {
      const logins = await Promise.all(Array.from({ length: many }, () => op.begin({}, later(browser))))
      const ends = await withDevicesHeld(() => allAtOnce(logins.map((at) => () => typePassword(at))))
      const won = ends.filter(({ page }) => codeOf(page) !== null)
      assert.equal(won.length, 1, ends.map(({ page }) => `${page.status} ${page.url.pathname}`).join('\n'))
      for (const at of ends.filter((one) => !won.includes(one))) isAsked(at)
      const [first] = won as [AtPage]
      assert.ok((await op.redeem(first)).tokens.access_token)
      // The winner has the secret that is good now, and the others none.
      const [cookie, ...more] = deviceCookies(first.browser)
      assert.ok(cookie && more.length === 0)
      for (const one of ends)
        for (const { value } of deviceCookies(one.browser))
          assert.ok(one === first || value === deviceCookies(browser)[0]?.value)
      isLetIn(await enter(op, later(first.browser)))
      const events = (await op.audit()).map(({ type }) => type)
      assert.ok(!events.includes('device.copied'), 'nobody copied anything')
    })

    it('of many wishes in one browser one is kept, and its cookie is good', async () => {
      const asked = []
      while (asked.length < 5)
        asked.push(await enter(op, later(browser), { parameters: { prompt: 'login' } }))
      for (const at of asked) isAsked(at)
      const code = op.nextCode(maria.secret)
      const ends = await allAtOnce(
        asked.map((at) => () => op.submit(at, { intent: 'answer', code, trust: 'on' })),
      )
      const [won, ...others] = ends.filter(({ page }) => codeOf(page) !== null)
      assert.ok(won)
      assert.equal(others.length, 0)
      isLetIn(await enter(op, later(won.browser)))
    })

    it('of a use and an end at once, nothing is worth anything after the end', async () => {
      for (let round = 0; round < 8; round++) {
        const { browser: trusted } = await trust(op, maria.secret)
        const login = await op.begin({}, later(trusted))
        const [ended, used] = await Promise.all([
          delay(round * 2).then(() => op.duepassi.directory.endTrust(op.maria.id)),
          typePassword(login),
        ])
        assert.ok(ended >= 1)
        const devices = await op.duepassi.directory.devices(op.maria.id)
        assert.ok(
          devices.every((device) => device.trust === null),
          'and it does not come back',
        )
        if (codeOf(used.page) !== null) {
          await assert.rejects(used.request.finish(used.page.url), { error: 'invalid_grant' }, 'the code')
          isAsked(await op.begin({}, used.browser))
        } else isAsked(used)
        isAsked(await enter(op, later(used.browser)))
      }
    })

    it('of a use and a removal at once, nothing is worth anything after the removal', async () => {
      for (let round = 0; round < 8; round++) {
        const { browser: trusted } = await trust(op, maria.secret)
        const { id } = await trustedDeviceOf(op)
        const login = await op.begin({}, later(trusted))
        const [, used] = await Promise.all([
          delay(round * 2).then(() => op.duepassi.directory.removeDevices(op.maria.id, [id])),
          typePassword(login),
        ])
        assert.ok(!(await op.duepassi.directory.devices(op.maria.id)).some((device) => device.id === id))
        if (codeOf(used.page) !== null)
          await assert.rejects(used.request.finish(used.page.url), { error: 'invalid_grant' }, 'the code')
        else isAsked(used)
        isAsked(await enter(op, later(used.browser)))
      }
    })

    it('of refreshes and an end at once, none succeeds after the end', async () => {
      const resting = await op.redeem(await enter(op, later(browser)))
      await Promise.all([
        op.duepassi.directory.endTrust(op.maria.id),
        op.rp.refresh(resting.tokens.refresh_token as string).catch(() => undefined),
      ])
      await isNotRefreshed(resting, op.rp)
    })

    it('many first sign-ins at once are remembered as so many browsers, and no more than 20 of them', async () => {
      const lucia = await op.enrolOther(`lucia-${isPostgres()}`)
      const { username, id } = lucia.account
      const asked: AtPage[] = []
      while (asked.length < 25) asked.push(await enter(op, new Browser(), { username }))
      for (const at of asked) {
        const done = await op.submit(at, { intent: 'answer', code: op.nextCode(lucia.secret) })
        assert.ok(codeOf(done.page))
      }
      assert.equal((await op.duepassi.directory.devices(id)).length, 20)
    })
  })
