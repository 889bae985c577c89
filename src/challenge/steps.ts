import { setTimeout as pause } from 'node:timers/promises'
import type { Outcome } from './challenge.ts'
import { advance, type Event, isOver, type SignIn, type Stage } from './machine.ts'
import type { SignIns, Stored } from './sign-ins.ts'

/** Milliseconds between the looks of a submission whether its twin has been accepted. */
const betweenLooks = 40

/** Whether a sign-in stands elsewhere; a new question by the same factor is the same place. */
const hasMoved = (before: Stage, now: Stage): boolean =>
  !(before.name === 'asking' && now.name === 'asking' && before.factor === now.factor) &&
  JSON.stringify(before) !== JSON.stringify(now)

export type Steps = ReturnType<typeof createSteps>

/** How a sign-in is found and moved on, whatever moves it. */
export const createSteps = (signIns: SignIns) => {
  const elsewhere = async (uid: string): Promise<Outcome> => {
    const now = await signIns.find(uid)
    return now ? { kind: 'refused', signIn: now.signIn, refusal: { reason: 'elsewhere' } } : { kind: 'gone' }
  }

  return {
    elsewhere,

    /** Applies an event to a sign-in; somebody else having changed it is a refusal, not an error. */
    async move(uid: string, stored: Stored, event: Event): Promise<Outcome> {
      const next = advance(stored.signIn, event)
      if (next && (await signIns.replace(uid, stored, next))) return { kind: 'moved', signIn: next }
      return elsewhere(uid)
    },

    /** Runs a step on the sign-in; where the second step is over already, there is nothing to do again. */
    async step(uid: string, run: (stored: Stored) => Promise<Outcome>): Promise<Outcome> {
      const stored = await signIns.find(uid)
      if (!stored) return { kind: 'gone' }
      return isOver(stored.signIn.stage) ? { kind: 'moved', signIn: stored.signIn } : run(stored)
    },

    /**
     * The sign-in as another submission of the same form left it, if one did: a double click must end where the single one
     * does. The other may still be on its way, so this looks more than once.
     */
    async movedMeanwhile(uid: string, { signIn }: Stored, looks = 10): Promise<SignIn | undefined> {
      for (let look = 0; look < looks; look++) {
        const now = await signIns.find(uid)
        if (now && hasMoved(signIn.stage, now.signIn.stage)) return now.signIn
        await pause(betweenLooks)
      }
      return undefined
    },
  }
}
