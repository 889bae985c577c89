/**
 * Short-lived state: sessions, interactions, codes, grants, tokens, sign-ins under way.
 *
 * What every implementation MUST keep (test/contracts/store.ts holds each to it):
 * - Every verb is atomic and touches exactly one key, so that it works on Redis Cluster.
 * - Every key has a lifetime in whole seconds, greater than 0; afterwards the key does not exist.
 * - A store that cannot answer rejects with `DuepassiError('store_unavailable')`, within seconds; it never
 *   answers "absent" instead, because "absent" may mean "not used yet" to the caller.
 * - A verb that resolved is visible to every later verb of every node (no reads from replicas).
 */
export interface Store {
  get(key: string): Promise<string | undefined>
  /** Writes, whatever was there; the lifetime starts anew. */
  put(key: string, value: string, seconds: number): Promise<void>
  /** Writes only if the key is absent: of many parallel calls exactly one answers true. */
  add(key: string, value: string, seconds: number): Promise<boolean>
  /**
   * Compare-and-set: writes `next` only where `expected` stands. The remaining lifetime is kept, unless `seconds` is
   * given: then it starts anew.
   */
  swap(key: string, expected: string, next: string, seconds?: number): Promise<boolean>
  /** Reads and removes: of many parallel calls exactly one gets the value. */
  take(key: string): Promise<string | undefined>
  drop(key: string): Promise<void>
  /** Adds a member to the set at `key`; the set lives at least `seconds` from now (never shortened). */
  include(key: string, member: string, seconds: number): Promise<void>
  exclude(key: string, member: string): Promise<void>
  /** The members of the set at `key`, in no particular order; empty when it does not exist. */
  members(key: string): Promise<string[]>
  /** Resolves when the store answers, rejects otherwise: for `/health/ready`. */
  ping(): Promise<void>
  close(): Promise<void>
}
