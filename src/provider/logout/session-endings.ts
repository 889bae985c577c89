import type { RecordEvent } from '../../audit/trail.ts'
import { endSignIns } from '../../challenge/sign-ins.ts'
import type { Clock } from '../../clock.ts'
import { endTrustIn } from '../../context/distrust.ts'
import type { Directory } from '../../directory/directory.ts'
import type { ProofMemory } from '../../plugin/proofs.ts'
import {
  endFinished,
  endSession,
  type OpenSession,
  revokeAccount,
  sessionOf,
} from '../../stores/account-index.ts'
import type { Store } from '../../stores/store.ts'
import type { TellClients } from './logout-tokens.ts'

/** Why a session ended, in the audit trail. */
export type EndingReason =
  | 'by-owner'
  | 'by-administrator'
  | 'account-disabled'
  | 'account-removed'
  | 'factor-removed'
  | 'factors-reset'
  | 'locked'
  | 'password-changed'
  | 'reported'

export interface Ended {
  /** The sessions that were open. */
  sessions: readonly OpenSession[]
  /**
   * Resolves, seconds later, with the ids of the clients that had asked to be told and could not be. Nobody has to wait for
   * it, and it never rejects.
   */
  told: Promise<string[]>
}

interface Why {
  reason: EndingReason
  /** The uid of a sign-in that goes on, because its page has still to say what happened; `all` of them where each says so. */
  exceptSignIn?: string | 'all'
}

interface Parts {
  store: Store
  directory: Pick<Directory, 'devices' | 'changeDevice' | 'endTrust'>
  seenOf: ProofMemory['seenOf']
  clock: Clock
  record: RecordEvent
  tell: TellClients
}

export type Endings = ReturnType<typeof createEndings>

/**
 * The one way to end sessions from elsewhere than their browser. The order is: sign-ins under way → the trust in the browser
 * → the record of the session, with every grant that came of it (codes, refresh tokens, opaque tokens) → telling the relying
 * parties → audit. All but the last two can be repeated when a store was lost in between, and do then what is left.
 * Signed access tokens live until their `exp`, which is minutes.
 */
export const createEndings = ({ store, directory, seenOf, clock, record, tell }: Parts) => {
  const underWay = new Set<Promise<string[]>>()

  /** What was proven before, and only waits for its browser to follow, becomes a session no more. */
  const endUnderWay = async (accountId: string, exceptSignIn: string | undefined): Promise<void> => {
    if (exceptSignIn !== 'all') await endSignIns(store, accountId, exceptSignIn)
    await endFinished(store, accountId)
  }

  /** The device as which a session's browser is known; undefined where nobody knows it. */
  const deviceOf = async (
    accountId: string,
    { uid, loginTs, amr }: OpenSession,
  ): Promise<string | undefined> =>
    loginTs === undefined
      ? undefined
      : ((await seenOf({ accountId, sessionUid: uid, at: loginTs, amr }))?.device ?? undefined)

  const finish = async (
    accountId: string,
    sessions: readonly OpenSession[],
    reason: EndingReason,
  ): Promise<Ended> => {
    const told = tell(accountId, sessions)
    underWay.add(told)
    void told.finally(() => underWay.delete(told))
    for (const _ of sessions) await record('session.ended', { accountId, reason })
    return { sessions, told }
  }

  return {
    /** Sign-ins alone: to be called before what they would add to is taken away. */
    signIns: (accountId: string): Promise<void> => endSignIns(store, accountId),

    /**
     * One session of an account; no session where it has none of that uid. The browser that it ran in is trusted no more: of a
     * device that was lost neither is left. Where nobody knows which browser that was, none is.
     */
    async session(accountId: string, uid: string, { reason, exceptSignIn }: Why): Promise<Ended> {
      const session = await sessionOf(store, accountId, uid)
      await endUnderWay(accountId, exceptSignIn)
      if (session) {
        const device = await deviceOf(accountId, session)
        await endTrustIn(directory, accountId, ({ id }) => device === undefined || id === device)
      }
      const ended = await endSession(store, accountId, uid)
      return finish(accountId, ended ? [ended] : [], reason)
    },

    /**
     * Every session of an account, every grant, those without a session too (`offline_access` after a sign-out, CIBA), and the
     * trust in its browsers. `except`: the uid of a session that goes on with all that it gave out; `keepsTrust`: in its own
     * browser too. Whoever calls this has seen to it before that the account gets nothing new.
     */
    async account(
      accountId: string,
      {
        reason,
        exceptSignIn,
        except,
        keepsTrust = false,
      }: Why & { except?: string | undefined; keepsTrust?: boolean },
    ): Promise<Ended> {
      // What is in the directory does not wait for a store that is down.
      const [signIns] = await Promise.allSettled([endUnderWay(accountId, exceptSignIn)])
      const own = keepsTrust && except !== undefined ? await sessionOf(store, accountId, except) : undefined
      const device = own && (await deviceOf(accountId, own))
      await (device === undefined
        ? directory.endTrust(accountId)
        : endTrustIn(directory, accountId, ({ id }) => id !== device))
      if (signIns.status === 'rejected') throw signIns.reason
      return finish(accountId, await revokeAccount(store, accountId, clock, except), reason)
    },

    /** Resolves when everybody was told, or given up: to be waited for before the stores are closed. */
    async settled(): Promise<void> {
      await Promise.all(underWay)
    },
  }
}
