import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { Provider } from 'oidc-provider'
import { grantsOf, revokeAccount, sessionsOf, storeAdapter } from '../../src/stores/oidc-adapter.ts'
import { redisStore } from '../../src/stores/redis/redis-store.ts'
import type { Store } from '../../src/stores/store.ts'
import { type Answer, type MinimalProvider, startMinimalProvider } from '../stores/minimal-provider.ts'
import { redisUrl } from '../support/redis.ts'

/** Layer five: redeeming is a compare-and-set. Two nodes, each with its own connection, on one Redis. */
describe('50 at once, on Redis', function () {
  this.timeout(180_000)
  const account = randomBytes(16).toString('base64url')
  let stores: Store[]
  let op: MinimalProvider
  let revoked: string[]

  before(async () => {
    const url = await redisUrl()
    const prefix = `${randomBytes(6).toString('hex')}:`
    const clock = { now: () => Date.now() }
    stores = [0, 1].map(() => redisStore({ tls: false, prefix, url }))
    const [one, other] = stores.map((store) => storeAdapter({ store, clock }))
    assert.ok(one && other)
    // Half of the requests are answered over the one connection, half over the other, as by two nodes.
    const nodes = new WeakMap<object, number>()
    let requests = 0
    const node = () => {
      const { ctx } = Provider
      if (ctx === undefined) return 0
      if (!nodes.has(ctx)) {
        requests += 1
        nodes.set(ctx, requests)
      }
      return Number(nodes.get(ctx)) % 2
    }
    op = await startMinimalProvider((name) => {
      const adapters = [one(name), other(name)] as const
      return new Proxy(adapters[0], {
        get: (_target, property) => Reflect.get(adapters[node()] ?? one(name), property),
      })
    }, account)
    op.provider.on('grant.revoked', (_ctx, grantId) => revoked.push(grantId))
  })
  after(() => Promise.all(stores.map((store) => store.close())))
  beforeEach(() => {
    revoked = []
  })
  afterEach(() => revokeAccount(stores[0] as Store, account))

  async function winnerOf(race: () => Promise<Answer>): Promise<Answer> {
    const answers = await Promise.all(Array.from({ length: 50 }, race))
    const won = answers.filter(({ status }) => status === 200)
    assert.equal(won.length, 1)
    for (const { status, body } of answers.filter((answer) => answer !== won[0])) {
      assert.equal(status, 400)
      assert.equal(body.error, 'invalid_grant')
    }
    return won[0] as Answer
  }

  async function nothingIsLeft(tokens: Answer): Promise<void> {
    assert.ok(revoked.length > 0, 'grant.revoked is emitted')
    assert.deepEqual(await grantsOf(stores[0] as Store, account), [])
    assert.equal(await op.userinfo(String(tokens.body.access_token)), 401)
    const again = await op.refresh(String(tokens.body.refresh_token))
    assert.equal(again.status, 400)
    assert.equal(again.body.error, 'invalid_grant')
  }

  it('one code is redeemed once, and the grant is revoked', async () => {
    const code = await op.signIn({ scope: 'openid offline_access' })
    await nothingIsLeft(await winnerOf(() => op.redeem(code)))
  })

  it('one rotating refresh token is used once, and the grant is revoked', async () => {
    const code = await op.signIn({ scope: 'openid offline_access' })
    const { body } = await op.redeem(code)
    await nothingIsLeft(await winnerOf(() => op.refresh(String(body.refresh_token))))
  })

  it('a code used again later is refused, and the grant is revoked', async () => {
    const code = await op.signIn({ scope: 'openid offline_access' })
    const first = await op.redeem(code)
    assert.equal(first.status, 200)
    assert.equal((await op.redeem(code)).body.error, 'invalid_grant')
    await nothingIsLeft(first)
  })

  it('sign-ins in one browser leave one session', async () => {
    const { browser } = await op.signIn()
    await Promise.allSettled(Array.from({ length: 10 }, () => op.signIn({ browser, prompt: 'login' })))
    assert.equal((await sessionsOf(stores[0] as Store, account)).length, 1)
  })
})
