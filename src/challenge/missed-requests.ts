import type { Clock } from '../clock.ts'
import type { Sealer } from '../crypto/sealing.ts'
import type { FactorName, Question, RemoteRequest } from '../factors/factor.ts'
import type { Store } from '../stores/store.ts'
import type { Reported } from './requests.ts'

/** What devices were asked and nobody has answered: whoever finds it later can still say that it was not them. */
export interface MissedRequest {
  /** Of the sign-in that it was asked for. */
  uid: string
  signIn: Reported
  factor: FactorName
  question: Question
  /** As devices were shown it. */
  request: RemoteRequest
}

/** Seconds after its end, in which it can be said that it was somebody else. */
const kept = 86_400
/** Of one account; a sign-in that asks again counts once. */
const most = 5
const mostRaces = 20

export type MissedRequests = ReturnType<typeof createMissedRequests>

/** Sealed, as sign-ins are: where somebody was, and which devices they have. A request is here as soon as it is asked. */
export const createMissedRequests = (parts: { store: Store; sealer: Sealer; clock: Clock }) => {
  const { store, sealer, clock } = parts
  const keyOf = (accountId: string) => `mr:${accountId}`
  const read = (accountId: string, text: string | undefined): MissedRequest[] => {
    if (text === undefined) return []
    const all = JSON.parse(sealer.open(text, keyOf(accountId))) as MissedRequest[]
    return all.filter(({ request }) => request.expiresAt > clock.now() - kept * 1000)
  }

  /** By compare-and-set; answers whether anything was changed. `next` answers the list it is given where nothing is. */
  const change = async (
    accountId: string,
    next: (all: MissedRequest[]) => MissedRequest[],
  ): Promise<boolean> => {
    const key = keyOf(accountId)
    for (let race = 0; race < mostRaces; race++) {
      const text = await store.get(key)
      const before = read(accountId, text)
      const after = next(before)
      if (after === before) return false
      const written = sealer.seal(JSON.stringify(after), key)
      const last = Math.max(clock.now(), ...after.map(({ request }) => request.expiresAt + kept * 1000))
      const seconds = Math.max(1, Math.ceil((last - clock.now()) / 1000))
      const won =
        text === undefined
          ? await store.add(key, written, seconds)
          : await store.swap(key, text, written, seconds)
      if (won) return true
    }
    // A hint for people, which nobody is let in by: a sign-in does not fail because of it.
    return false
  }

  return {
    /** The newest first. */
    all: async (accountId: string): Promise<MissedRequest[]> =>
      read(accountId, await store.get(keyOf(accountId))),

    put: (missed: MissedRequest): Promise<boolean> =>
      change(missed.signIn.accountId, (all) =>
        [missed, ...all.filter(({ uid }) => uid !== missed.uid)].slice(0, most),
      ),

    /**
     * It was answered, one way or the other: this very request where its id is given, and otherwise whatever was asked in that
     * sign-in. True for one caller only, where it had not been.
     */
    end: (accountId: string, uid: string, id?: unknown): Promise<boolean> => {
      const isMeant = (one: MissedRequest) => one.uid === uid && (id === undefined || one.request.id === id)
      return change(accountId, (all) => (all.some(isMeant) ? all.filter((one) => !isMeant(one)) : all))
    },
  }
}
