import type { Draft, FactorName, Question } from '../factors/factor.ts'

/**
 * One sign-in's second step: who has proven what so far, and what is asked now. Lives in the store under the
 * interaction's uid; every change is a compare-and-set, so two tabs cannot both advance it.
 */
export interface SignIn {
  accountId: string
  clientId: string | null
  /** RFC 8176 names proven before the second step, and when (seconds since the epoch). */
  primary: { amr: readonly string[]; at: number }
  /** RFC 8176 names proven in the second step. */
  proven: readonly string[]
  /** The credential of the last proof: what follows holds only as long as the account has it. */
  provenBy: string | null
  stage: Stage
}

export type Stage =
  | { name: 'asking'; factor: FactorName; question: Question }
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
  | { name: 'switched'; factor: FactorName; question: Question }
  | {
      name: 'accepted'
      factor: FactorName
      amr: readonly string[]
      credential: string
      left?: number
      issue?: Issuing | undefined
    }
  | { name: 'locked' }
  | { name: 'enrolment-begun'; enrolling: Enrolling }
  | { name: 'enrolled'; amr: readonly string[]; issue?: Issuing | undefined }
  | { name: 'continued' }
  | { name: 'codes-saved' }
  | { name: 'given-up' }

/** The sign-in after the event, or undefined when the event is not possible where it stands. Pure. */
export const advance = (signIn: SignIn, event: Event): SignIn | undefined => {
  const { stage } = signIn
  const to = (next: Stage): SignIn => ({ ...signIn, stage: next })
  const proved = (amr: readonly string[], by: string, next: Stage): SignIn => ({
    ...signIn,
    proven: [...signIn.proven, ...amr],
    provenBy: by,
    stage: next,
  })
  const issuingOrProven = (issue: Issuing | undefined): Stage =>
    issue ? { name: 'issuing', ...issue } : { name: 'proven' }
  switch (event.name) {
    case 'switched':
      return stage.name === 'asking'
        ? to({ name: 'asking', factor: event.factor, question: event.question })
        : undefined
    case 'accepted':
      if (stage.name !== 'asking' || stage.factor !== event.factor) return undefined
      return proved(
        event.amr,
        event.credential,
        event.left === undefined ? issuingOrProven(event.issue) : { name: 'recovered', left: event.left },
      )
    case 'locked':
      return stage.name === 'asking' ? to({ name: 'locked' }) : undefined
    case 'enrolment-begun':
      return stage.name === 'recovered' ? to({ name: 'enrolling', ...event.enrolling }) : undefined
    case 'enrolled':
      if (stage.name !== 'enrolling') return undefined
      return proved(event.amr, stage.credentialId, issuingOrProven(event.issue))
    case 'continued':
      return stage.name === 'recovered' ? to({ name: 'proven' }) : undefined
    case 'codes-saved':
      return stage.name === 'issuing' ? to({ name: 'proven' }) : undefined
    case 'given-up':
      return isOver(stage) ? undefined : to({ name: 'given-up' })
  }
}

/** Nothing more can happen. */
export const isOver = (stage: Stage): boolean =>
  stage.name === 'proven' || stage.name === 'locked' || stage.name === 'given-up'
