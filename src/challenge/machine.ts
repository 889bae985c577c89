import type { Draft, FactorName, Question } from '../factors/factor.ts'
import { type FactorRules, meetsRules } from '../policy/factor-rules.ts'

/**
 * One sign-in's second step: who has proven what so far, and what is asked now. Lives in the store under the
 * interaction's uid; every change is a compare-and-set, so two tabs cannot both advance it.
 */
export interface SignIn {
  /** `change`: somebody who is signed in changes their factors; it never becomes a login. */
  purpose: 'sign-in' | 'change'
  accountId: string
  clientId: string | null
  /** RFC 8176 names proven before the second step, and when (seconds since the epoch). */
  primary: { amr: readonly string[]; at: number }
  /** What this account has to prove at this relying party. */
  rules: FactorRules
  /** RFC 8176 names proven in the second step. */
  proven: readonly string[]
  /** By which ways of proving, those of the session that is stepped up included. */
  factors: readonly string[]
  /** The credential of the last proof (`markOf`): what follows holds only as long as the account has that very one. */
  provenBy: string | null
  stage: Stage
}

export type Stage =
  | { name: 'asking'; factor: FactorName; question: Question }
  | { name: 'choosing'; replaces: readonly string[] }
  | ({ name: 'enrolling' } & Enrolling)
  | { name: 'recovered'; left: number }
  | ({ name: 'issuing' } & Issuing)
  | { name: 'proven' }
  | { name: 'locked' }
  | { name: 'given-up' }

/** `credentialId` is chosen at the beginning, so that confirming twice adds one credential. */
export interface Enrolling {
  factor: FactorName
  draft: Draft
  credentialId: string
  /** Credentials that the new one takes the place of. */
  replaces: readonly string[]
}

export type Issuing = Pick<Enrolling, 'draft' | 'credentialId'>

export type Event =
  | { name: 'asked'; factor: FactorName; question: Question }
  | {
      name: 'accepted'
      factor: FactorName
      amr: readonly string[]
      credential: string
      next: Stage
    }
  | { name: 'locked' }
  | { name: 'choice-opened'; replaces: readonly string[] }
  | { name: 'enrolment-begun'; enrolling: Enrolling }
  | { name: 'enrolled'; amr: readonly string[]; credential: string; next: Stage }
  | { name: 'continued'; next: Stage }
  | { name: 'codes-saved'; next: Stage }
  | { name: 'given-up' }

/** Where a proof may lead. */
const afterProof: ReadonlyArray<Stage['name']> = [
  'asking',
  'choosing',
  'enrolling',
  'recovered',
  'issuing',
  'proven',
]

/** The sign-in after the event, or undefined when the event is not possible where it stands. Pure. */
export const advance = (signIn: SignIn, event: Event): SignIn | undefined => {
  const { stage } = signIn
  const to = (next: Stage): SignIn => ({ ...signIn, stage: next })
  switch (event.name) {
    case 'asked':
      return stage.name === 'asking'
        ? to({ name: 'asking', factor: event.factor, question: event.question })
        : undefined
    case 'accepted':
      if (stage.name !== 'asking' || stage.factor !== event.factor) return undefined
      return settled(proved(signIn, event.factor, event.amr, event.credential), event.next)
    case 'locked':
      return stage.name === 'asking' ? to({ name: 'locked' }) : undefined
    case 'choice-opened':
      return stage.name === 'recovered' || stage.name === 'enrolling'
        ? to({ name: 'choosing', replaces: event.replaces })
        : undefined
    case 'enrolment-begun':
      return stage.name === 'recovered' || stage.name === 'choosing'
        ? to({ name: 'enrolling', ...event.enrolling })
        : undefined
    case 'enrolled':
      if (stage.name !== 'enrolling') return undefined
      return settled(proved(signIn, stage.factor, event.amr, event.credential), event.next)
    case 'continued':
      return stage.name === 'recovered' ? settled(signIn, event.next) : undefined
    case 'codes-saved':
      return stage.name === 'issuing' ? settled(signIn, event.next) : undefined
    case 'given-up':
      return isOver(stage) ? undefined : to({ name: 'given-up' })
  }
}

const proved = (signIn: SignIn, factor: string, amr: readonly string[], by: string): SignIn => ({
  ...signIn,
  proven: [...signIn.proven, ...amr],
  factors: [...new Set([...signIn.factors, factor])],
  provenBy: by,
})

/** Nothing is proven before all that is required has been, whoever says so. */
const settled = (signIn: SignIn, next: Stage): SignIn | undefined => {
  if (!afterProof.includes(next.name)) return undefined
  return next.name === 'proven' && !hasProven(signIn) ? undefined : { ...signIn, stage: next }
}

/** Whether what was proven is all that this sign-in needs. A change needs nothing: whoever makes it is signed in. */
export const hasProven = ({ purpose, rules, factors }: SignIn): boolean =>
  purpose === 'change' || meetsRules(rules, factors)

/** Nothing more can happen. */
export const isOver = (stage: Stage): boolean =>
  stage.name === 'proven' || stage.name === 'locked' || stage.name === 'given-up'
