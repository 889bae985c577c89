import type { Kysely } from 'kysely'

/** It says from now on when it began, not when it ends. Of what was given before nobody knows that: it is asked for once more. */
export async function endTrustOfOldForm(db: Kysely<unknown>): Promise<void> {
  await (db as Kysely<{ device: { trust: string | null } }>)
    .updateTable('device')
    .set({ trust: null })
    .execute()
}
