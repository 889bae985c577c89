import type { Clock } from '../clock.ts'
import type { Store } from '../stores/store.ts'

/** What a person's devices are asked now. One for each account: a new one takes the place of the one before. */
export interface PendingRequest {
  id: string
  /** Of the sign-in that it is asked for. */
  uid: string
  /** Milliseconds since the Unix epoch. */
  expiresAt: number
  /** A device has shown it. */
  seen: boolean
  /** Devices that were told; null: not known yet. */
  reached: number | null
}

export type PendingRequests = ReturnType<typeof createPendingRequests>

export const createPendingRequests = ({ store, clock }: { store: Store; clock: Clock }) => {
  const key = (accountId: string) => `pr:${accountId}`
  const secondsLeft = ({ expiresAt }: PendingRequest) =>
    Math.max(1, Math.ceil((expiresAt - clock.now()) / 1000))
  return {
    put: (accountId: string, request: PendingRequest): Promise<void> =>
      store.put(key(accountId), JSON.stringify(request), secondsLeft(request)),

    /** Undefined: none, or its time is up. */
    async find(accountId: string): Promise<PendingRequest | undefined> {
      const text = await store.get(key(accountId))
      const request = text === undefined ? undefined : (JSON.parse(text) as PendingRequest)
      return request && request.expiresAt > clock.now() ? request : undefined
    },

    /** Notes something about a request, if it is still the one. A hint for people, by which nothing is decided. */
    async note(
      accountId: string,
      id: string,
      noted: Partial<Pick<PendingRequest, 'seen' | 'reached'>>,
    ): Promise<void> {
      for (let tries = 0; tries < 3; tries++) {
        const text = await store.get(key(accountId))
        const request = text === undefined ? undefined : (JSON.parse(text) as PendingRequest)
        if (text === undefined || request?.id !== id) return
        if (await store.swap(key(accountId), text, JSON.stringify({ ...request, ...noted }))) return
      }
    },

    /** Nobody is asked any more, unless another sign-in asks by now. */
    async end(accountId: string, uid: string): Promise<void> {
      const text = await store.get(key(accountId))
      const request = text === undefined ? undefined : (JSON.parse(text) as PendingRequest)
      if (text === undefined || request?.uid !== uid) return
      // What replaced it meanwhile stays.
      await store.swap(key(accountId), text, JSON.stringify({ ...request, expiresAt: 0 }), 1)
    },
  }
}
