import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { createLog } from '../../src/log.ts'
import { redisStore } from '../../src/stores/redis/redis-store.ts'
import type { Store } from '../../src/stores/store.ts'
import { storeContract, waitedClock } from '../contracts/store.ts'
import {
  type PrivateRedis,
  redisUrl,
  startRedis,
  startRedisCluster,
  startSentinel,
} from '../support/redis.ts'

const prefix = () => `${randomBytes(6).toString('hex')}:`
const options = () => ({ tls: false, prefix: prefix() })

storeContract('Redis, one server', async () => ({
  clock: waitedClock(),
  store: redisStore({ ...options(), url: await redisUrl() }),
}))

storeContract('Redis Cluster', async () => ({
  clock: waitedClock(),
  store: redisStore({ ...options(), cluster: (await startRedisCluster()).nodes }),
}))

storeContract('Redis Sentinel', async () => {
  const { sentinels, master, password } = await startSentinel()
  return { clock: waitedClock(), store: redisStore({ ...options(), sentinels, master, password }) }
})

describe('redis store', () => {
  it('keeps its keys under the prefix', async () => {
    const url = await redisUrl()
    const [one, other] = [redisStore({ ...options(), url }), redisStore({ ...options(), url })]
    await one.put('k', 'v', 60)
    assert.equal(await one.get('k'), 'v')
    assert.equal(await other.get('k'), undefined)
    await Promise.all([one.close(), other.close()])
  })

  it('says what is missing in its options', () => {
    assert.throws(() => redisStore(options()), { code: 'not_configured' })
    assert.throws(() => redisStore({ ...options(), sentinels: [] }), { code: 'not_configured' })
  })
})

/** Every verb, each to be refused; none may answer "absent" or "not taken". */
const everyVerb = (store: Store): Promise<unknown>[] => [
  store.get('k'),
  store.put('k', 'v', 60),
  store.add('k', 'v', 60),
  store.swap('k', 'v', 'w'),
  store.take('k'),
  store.drop('k'),
  store.include('s', 'm', 60),
  store.exclude('s', 'm'),
  store.members('s'),
  store.ping(),
]

async function refusesEveryVerb(store: Store): Promise<void> {
  const start = performance.now()
  const answers = await Promise.allSettled(everyVerb(store))
  for (const answer of answers) {
    assert.equal(answer.status, 'rejected')
    assert.equal(answer.reason.code, 'store_unavailable')
  }
  assert.ok(performance.now() - start < 4_000, 'refused within 4 s')
}

async function heals(store: Store): Promise<void> {
  const end = performance.now() + 15_000
  while (performance.now() < end) {
    const answered = await store.ping().then(
      () => true,
      () => false,
    )
    if (answered) {
      await store.put('healed', 'yes', 60)
      assert.equal(await store.get('healed'), 'yes')
      return
    }
  }
  assert.fail('the store did not heal within 15 s')
}

describe('redis store, when Redis fails', function () {
  this.timeout(60_000)
  let redis: PrivateRedis
  let store: Store
  let log: string

  beforeEach(async () => {
    log = ''
    redis = await startRedis()
    const written = createLog('info', {
      write: (line: string) => {
        log += line
      },
    })
    store = redisStore({ ...options(), url: redis.url.replace('//', '//default:hush@') }, written)
  })
  afterEach(async () => {
    await store.close()
    await redis.stop()
  })

  it('refuses while Redis was never there, then finds it', async () => {
    await redis.stop()
    await refusesEveryVerb(store)
    redis = await startRedis({ port: redis.port })
    await heals(store)
  })

  it('refuses while Redis is dead, heals when it is back, and tells the log without the URL', async () => {
    await store.put('k', 'v', 60)
    await redis.kill()
    await refusesEveryVerb(store)
    redis = await startRedis({ port: redis.port })
    await heals(store)
    assert.equal(await store.get('k'), undefined)
    assert.match(log, /Redis is not reachable/)
    assert.match(log, /Redis is reachable again/)
    assert.doesNotMatch(log, /hush|redis:\/\//)
  })

  it('refuses while Redis is frozen, and heals when it thaws', async () => {
    await store.put('k', 'v', 60)
    redis.pause()
    await refusesEveryVerb(store)
    redis.resume()
    await heals(store)
  })

  it('sends nothing later whose caller was refused', async () => {
    await redis.stop()
    await assert.rejects(store.put('ghost', 'v', 60), { code: 'store_unavailable' })
    redis = await startRedis({ port: redis.port })
    await heals(store)
    assert.equal(await store.get('ghost'), undefined)
  })

  it('rejects what was under way when Redis died', async () => {
    await store.ping()
    redis.pause()
    const pending = Promise.allSettled(everyVerb(store))
    await redis.kill()
    for (const answer of await pending) assert.equal(answer.status, 'rejected')
    redis = await startRedis({ port: redis.port })
    await heals(store)
  })

  it('refuses once closed', async () => {
    await store.ping()
    await store.close()
    await refusesEveryVerb(store)
  })

  it('follows a Sentinel failover', async () => {
    const { sentinels, master, password, killMaster } = await startSentinel()
    const group = redisStore({ ...options(), sentinels, master, password })
    await group.put('k', 'v', 60)
    await killMaster()
    await heals(group)
    await group.close()
  })

  it('refuses the keys of a dead Cluster node, and heals with it', async () => {
    const { nodes, servers } = await startRedisCluster()
    const cluster = redisStore({ ...options(), cluster: nodes })
    const keys = Array.from({ length: 30 }, (_, index) => `k${index}`)
    await Promise.all(keys.map((key) => cluster.put(key, 'v', 60)))
    for (const server of servers) server.pause()
    await refusesEveryVerb(cluster)
    for (const server of servers) server.resume()
    await heals(cluster)
    await cluster.close()
  })
})
