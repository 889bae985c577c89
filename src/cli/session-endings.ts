import { systemClock } from '../clock.ts'
import { DuepassiError } from '../errors.ts'
import { createProofMemory } from '../plugin/proofs.ts'
import { createEndings, type EndingReason, type Endings } from '../provider/logout/session-endings.ts'
import type { OpenSession } from '../stores/account-index.ts'
import type { Store } from '../stores/store.ts'
import type { OnAccount } from './account.ts'
import { printable } from './account-show.ts'
import { Refusal } from './io.ts'

export type Ending = Pick<OnAccount, 'account' | 'directory' | 'record' | 'withStore' | 'tellClients'>

/** Relying parties are told afterwards, since that takes more than a store: what ends must end without it. */
export const endingsOn = ({ directory, record }: Ending, store: Store): Endings =>
  createEndings({
    ...{ store, directory, record, clock: systemClock },
    seenOf: createProofMemory(store).seenOf,
    tell: async () => [],
  })

/**
 * What is under way must not add anything to what is taken away next; a store that is down is reported when the sessions
 * end.
 */
export const endSignInsFirst = async (on: Ending): Promise<void> => {
  await on.withStore((store) => endingsOn(on, store).signIns(on.account.id)).catch(() => undefined)
}

/**
 * Ends every session, grant and sign-in under way of an account, and the trust in its browsers. `done` says what is true even
 * where that fails. Answers what is to be said of relying parties that could not be told, or nothing.
 */
export const endSessions = async (on: Ending, reason: EndingReason, done: string): Promise<string> => {
  const { account, directory, withStore } = on
  let sessions: readonly OpenSession[]
  try {
    ;({ sessions } = await withStore((store) => endingsOn(on, store).account(account.id, { reason })))
  } catch (error) {
    if (error instanceof DuepassiError && error.code === 'directory_unavailable') throw error
    // Also where the store could not even be opened.
    await directory.endTrust(account.id)
    throw new Refusal(
      `${done}, but its sessions could not be ended: the store does not answer. Run this again when it does.`,
    )
  }
  return tellOf(on, sessions)
}

/** Tells the relying parties; answers a line about those that could not be, or nothing. */
export const tellOf = async (on: Ending, sessions: readonly OpenSession[]): Promise<string> => {
  const untold = await on.tellClients(on.account.id, sessions)
  return untold.length === 0
    ? ''
    : `\nRelying parties that could not be told of it: ${untold.map(printable).join(', ')}. What they keep themselves goes on until they ask for new tokens.`
}
