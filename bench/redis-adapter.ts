import type { Redis } from 'ioredis'
import type { Adapter, AdapterFactory, AdapterPayload } from 'oidc-provider'

/** Models that are used up: a hash, so that `consumed` can be set beside the payload. */
const consumable = new Set([
  'AuthorizationCode',
  'RefreshToken',
  'DeviceCode',
  'BackchannelAuthenticationRequest',
])

/** Models that a grant's revocation takes along. */
const grantable = new Set([...consumable, 'AccessToken'])

/**
 * A plain Redis adapter for oidc-provider's documented contract, as one writes it without thinking of speed: MULTI with
 * SET and EXPIRE, an index from `uid` to id, a list of keys per grant. The reference that Duepassi is compared with.
 */
export const createPlainAdapter =
  (redis: Redis): AdapterFactory =>
  (model) =>
    new PlainAdapter(redis, model)

class PlainAdapter implements Adapter {
  readonly #redis: Redis
  readonly #model: string

  constructor(redis: Redis, model: string) {
    this.#redis = redis
    this.#model = model
  }

  async upsert(id: string, payload: AdapterPayload, expiresIn?: number): Promise<void> {
    const key = this.#key(id)
    const { grantId, uid, userCode } = payload
    const multi = this.#redis.multi()
    const text = JSON.stringify(payload)
    if (consumable.has(this.#model)) multi.hset(key, { payload: text })
    else multi.set(key, text)
    if (expiresIn !== undefined) multi.expire(key, expiresIn)
    if (grantable.has(this.#model) && grantId !== undefined) {
      const list = `grant:${grantId}`
      multi.rpush(list, key)
      const left = await this.#redis.ttl(list)
      if (expiresIn !== undefined && expiresIn > left) multi.expire(list, expiresIn)
    }
    for (const index of [
      uid === undefined ? undefined : `uid:${uid}`,
      userCode === undefined ? undefined : `userCode:${userCode}`,
    ]) {
      if (index === undefined) continue
      multi.set(index, id)
      if (expiresIn !== undefined) multi.expire(index, expiresIn)
    }
    await multi.exec()
  }

  async find(id: string): Promise<AdapterPayload | undefined> {
    if (!consumable.has(this.#model)) {
      const text = await this.#redis.get(this.#key(id))
      return text === null ? undefined : JSON.parse(text)
    }
    const { payload, ...rest } = await this.#redis.hgetall(this.#key(id))
    return payload === undefined ? undefined : { ...JSON.parse(payload), ...rest }
  }

  async findByUid(uid: string): Promise<AdapterPayload | undefined> {
    const id = await this.#redis.get(`uid:${uid}`)
    return id === null ? undefined : this.find(id)
  }

  async findByUserCode(userCode: string): Promise<AdapterPayload | undefined> {
    const id = await this.#redis.get(`userCode:${userCode}`)
    return id === null ? undefined : this.find(id)
  }

  async consume(id: string): Promise<void> {
    await this.#redis.hset(this.#key(id), 'consumed', Math.floor(Date.now() / 1000))
  }

  async destroy(id: string): Promise<void> {
    await this.#redis.del(this.#key(id))
  }

  async revokeByGrantId(grantId: string): Promise<void> {
    const list = `grant:${grantId}`
    const keys = await this.#redis.lrange(list, 0, -1)
    await this.#redis.del(list, ...keys)
  }

  #key(id: string): string {
    return `oidc:${this.#model}:${id}`
  }
}
