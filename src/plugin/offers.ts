import type { Store } from '../stores/store.ts'

/** Seconds for which "not now" holds: a quarter of a year. Forgetting it earlier does no more than to ask again. */
const kept = 90 * 86_400

/** Who was offered a second factor, and did not want one for now. */
export const createOffers = (store: Store) => {
  const key = (accountId: string) => `of:${accountId}`
  return {
    wasDismissed: async (accountId: string): Promise<boolean> =>
      (await store.get(key(accountId))) !== undefined,
    dismiss: (accountId: string): Promise<void> => store.put(key(accountId), '1', kept),
  }
}
