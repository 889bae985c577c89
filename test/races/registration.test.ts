import assert from 'node:assert/strict'
import { type Registering, startRegistering } from '../flows/registering.ts'
import { freshDatabase } from '../support/postgres.ts'
import { redisUrl } from '../support/redis.ts'

/** An invitation is spent by compare-and-set: two nodes on one Redis and one PostgreSQL. */
describe('50 registrations at once, on Redis and PostgreSQL', function () {
  this.timeout(180_000)
  let at: Registering
  before(async () => {
    at = await startRegistering({}, { redis: await redisUrl(), database: await freshDatabase(), nodes: 2 })
  })
  after(() => at.op.close())

  for (const uses of [1, 5])
    it(`make as many clients as the invitation is good for: ${uses}`, async () => {
      const token = await at.invite(uses)
      at.audited.length = 0
      const answers = await Promise.all(Array.from({ length: 50 }, () => at.register({}, token)))
      const made = answers.filter(({ status }) => status === 201)
      assert.equal(made.length, uses)
      assert.equal(answers.filter(({ status }) => status === 401).length, 50 - uses)
      assert.equal(at.audited.filter((line) => line.startsWith('client.added ')).length, uses)
      for (const { body } of made)
        assert.ok(await at.op.duepassi.directory.clientById(String(body['client_id'])))
    })
})
