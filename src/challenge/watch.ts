import { createHash } from 'node:crypto'
import type { Clock } from '../clock.ts'
import type { PendingRequest, PendingRequests } from './pending-requests.ts'
import type { SignIns } from './sign-ins.ts'

/** Milliseconds between the looks at a sign-in that another node may have changed. */
const betweenLooks = 500

/** The state of a sign-in that is not there. */
const gone = 'gone'

/** What the page says of a request; it need not be read anew for that. */
const saidOf = ({ seen, reached }: PendingRequest): string => (seen ? '.seen' : reached === 0 ? '.none' : '')

export type Watch = ReturnType<typeof createWatch>

/** Tells a page that waits for another device when there is something new to see. */
export const createWatch = (parts: {
  signIns: Pick<SignIns, 'find' | 'onChange'>
  pending: Pick<PendingRequests, 'find'>
  clock: Clock
}) => {
  const { signIns, pending, clock } = parts

  /** A name for where a sign-in stands, which says nothing; undefined while an answer is being judged. */
  const stateOf = async (uid: string): Promise<string | undefined> => {
    const signIn = (await signIns.find(uid))?.signIn
    if (!signIn) return gone
    const { stage, accountId } = signIn
    const ended = stage.name === 'asking' ? stage.question['ended'] : undefined
    if (ended === 'judging') return undefined
    // Once it was answered, what waits besides changes nothing on the page.
    const isOpen = stage.name === 'asking' && ended === undefined
    const request = isOpen ? await pending.find(accountId) : undefined
    const expiresAt = stage.name === 'asking' ? Number(stage.question['expiresAt'] ?? 0) : 0
    const facts = [stage, request?.id, expiresAt > clock.now()]
    const place = createHash('sha256').update(JSON.stringify(facts)).digest('base64url')
    return `${place}${request?.uid === uid ? saidOf(request) : ''}`
  }

  const changeOrPause = (uid: string, over: AbortSignal): Promise<void> =>
    new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer)
        off()
        over.removeEventListener('abort', done)
        resolve()
      }
      const off = signIns.onChange(uid, done)
      const timer = setTimeout(done, betweenLooks)
      over.addEventListener('abort', done)
    })

  return {
    /** What the page is given: the state to watch for a change of, and what is known of the request. */
    async shown(uid: string): Promise<{
      watch: string
      seen: boolean
      reached: number | null
      superseded: boolean
      /** Devices were asked what this sign-in asks now. */
      told: boolean
    }> {
      const [watch = 'judging', signIn] = await Promise.all([stateOf(uid), signIns.find(uid)])
      const request = signIn && (await pending.find(signIn.signIn.accountId))
      const own = request?.uid === uid ? request : undefined
      const stage = signIn?.signIn.stage
      return {
        watch,
        seen: own?.seen ?? false,
        reached: own?.reached ?? null,
        superseded: request !== undefined && !own,
        told: own !== undefined && stage?.name === 'asking' && stage.question['id'] === own.id,
      }
    },

    /** Resolves with another state than `known` as soon as there is one; with `known` when `over` is aborted. */
    async next(uid: string, known: string, over: AbortSignal): Promise<string> {
      while (!over.aborted) {
        const state = await stateOf(uid)
        // Of what is gone there is nothing to wait for.
        if (state !== undefined && (state !== known || state === gone)) return state
        await changeOrPause(uid, over)
      }
      return known
    },
  }
}
