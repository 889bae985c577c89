import type { Adapter, AdapterPayload } from 'oidc-provider'

/** An adapter with a pause in it, as every database has. */
export const slowMemory = () => {
  const records = new Map<string, AdapterPayload>()
  return class SlowMemory implements Adapter {
    readonly model: string
    constructor(model: string) {
      this.model = model
    }
    key = (id: string) => `${this.model}:${id}`
    pause = () => new Promise((resolve) => setTimeout(resolve, 3))
    async upsert(id: string, payload: AdapterPayload) {
      records.set(this.key(id), { ...payload })
    }
    async find(id: string) {
      await this.pause()
      return structuredClone(records.get(this.key(id)))
    }
    async findByUid(uid: string) {
      return [...records.values()].find((record) => record.uid === uid)
    }
    async findByUserCode() {
      return undefined
    }
    async consume(id: string) {
      await this.pause()
      const record = records.get(this.key(id))
      if (record) record.consumed = 1
    }
    async destroy(id: string) {
      records.delete(this.key(id))
    }
    async revokeByGrantId(grantId: string) {
      for (const [key, record] of records) if (record.grantId === grantId) records.delete(key)
    }
  }
}
