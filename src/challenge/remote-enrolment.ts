import { setTimeout as pause } from 'node:timers/promises'
import type { FactorContext, Rejection } from '../factors/factor.ts'
import type { ChallengeParts, Outcome } from './challenge.ts'
import type { SignIn } from './machine.ts'
import type { Steps } from './steps.ts'

interface Parts extends Pick<ChallengeParts, 'factors' | 'signIns'> {
  contextFor(accountId: string): Promise<FactorContext>
  steps: Steps
}

/** `told`: what the device is answered. `gone`: nobody waits for a device, or another one was faster. */
export type Presented =
  | { kind: 'presented'; told: Record<string, unknown>; signIn: SignIn }
  | { kind: 'refused'; reason: Rejection }
  | { kind: 'gone' }

/** Milliseconds that a page waits until the device is told. */
const patience = 3_000

/** Setting up a factor that is a device of its own: it is invited, presents itself, and passes a test. */
export const createRemoteEnrolment = ({ factors, signIns, contextFor, steps }: Parts) => {
  const remoteOf = ({ stage }: SignIn) =>
    stage.name === 'enrolling' ? factors.named(stage.factor).enrolment.remote : undefined

  /** Never longer than a person would wait; whoever opens the app finds the test. */
  const tell = async (signIn: SignIn): Promise<void> => {
    const { stage } = signIn
    if (stage.name !== 'enrolling') return
    const telling = remoteOf(signIn)
      ?.tell(stage.draft)
      .catch(() => undefined)
    await Promise.race([telling, pause(patience, undefined, { ref: false })])
  }

  return {
    tell,

    /** A new invitation, or a new test. */
    renew: (uid: string): Promise<Outcome> =>
      steps.step(uid, async (stored) => {
        const { signIn } = stored
        const remote = remoteOf(signIn)
        if (signIn.stage.name !== 'enrolling' || !remote) return steps.elsewhere(uid)
        const draft = remote.renew(signIn.stage.draft, await contextFor(signIn.accountId))
        const outcome = await steps.move(uid, stored, { name: 'draft-changed', draft })
        if (outcome.kind === 'moved') await tell(outcome.signIn)
        return outcome
      }),

    /** A device answers its invitation. By compare-and-set: of many with one invitation, one is taken. */
    async present(uid: string, answer: string): Promise<Presented> {
      const stored = await signIns.find(uid)
      const remote = stored && remoteOf(stored.signIn)
      if (!remote || stored.signIn.stage.name !== 'enrolling') return { kind: 'gone' }
      const { accountId, stage } = stored.signIn
      const presented = await remote.present(answer, stage.draft, await contextFor(accountId))
      if ('refused' in presented) return { kind: 'refused', reason: presented.refused }
      const { draft, told } = presented
      const outcome = await steps.move(uid, stored, { name: 'draft-changed', draft })
      return outcome.kind === 'moved' ? { kind: 'presented', told, signIn: outcome.signIn } : { kind: 'gone' }
    },
  }
}
