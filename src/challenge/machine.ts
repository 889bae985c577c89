import type { TrustWish } from '../context/devices.ts'
import type { Origin } from '../context/origin.ts'
import type { Draft, FactorName, Question } from '../factors/factor.ts'
import { type FactorRules, meetsRules } from '../policy/factor-rules.ts'
import type { Proof, Proofs } from './proof.ts'

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
  /** When and how, as far as it is known. */
  proofs: Proofs
  /** Where it comes from; null where nobody looks (a change of one's own factors). */
  origin: Origin | null
  /** The person asked not to be asked again in this browser. */
  trust: TrustWish | null
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
  /** From where it comes, the policy lets nobody in. */
  | { name: 'turned-away' }
  | { name: 'given-up' }

/** `credentialId` is chosen at the beginning, so that confirming twice adds one credential. */
export interface Enrolling {
  factor: FactorName
  draft: Draft
  credentialId: string
  /** Credentials that the new one takes the place of. */
  replaces: readonly string[]
  /** Where a code was sent that has to come back. */
  to?: string
}

export type Issuing = Pick<Enrolling, 'draft' | 'credentialId'>

export type Event =
  | { name: 'asked'; factor: FactorName; question: Question }
  | {
      name: 'accepted'
      factor: FactorName
      amr: readonly string[]
      credential: string
      proof: Proof
      trust?: TrustWish | undefined
      next: Stage
    }
  | { name: 'locked' }
  | { name: 'choice-opened'; replaces: readonly string[] }
  | { name: 'enrolment-begun'; enrolling: Enrolling }
  | { name: 'address-provided'; draft: Draft; to: string }
  | { name: 'enrolled'; amr: readonly string[]; credential: string; proof: Proof; next: Stage }
  | { name: 'continued'; next: Stage }
  | { name: 'codes-saved'; next: Stage }
  | { name: 'given-up' }

/** Of whom nothing is proven or known yet. */
export const unproven = {
  proven: [],
  factors: [],
  proofs: {},
  origin: null,
  trust: null,
  provenBy: null,
} as const satisfies Partial<SignIn>

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
      return settled(
        { ...proved(signIn, event.factor, event), trust: event.trust ?? signIn.trust },
        event.next,
      )
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
    case 'address-provided':
      return stage.name === 'enrolling' ? to({ ...stage, draft: event.draft, to: event.to }) : undefined
    case 'enrolled':
      if (stage.name !== 'enrolling') return undefined
      return settled(proved(signIn, stage.factor, event), event.next)
    case 'continued':
      return stage.name === 'recovered' ? settled(signIn, event.next) : undefined
    case 'codes-saved':
      return stage.name === 'issuing' ? settled(signIn, event.next) : undefined
    case 'given-up':
      return isOver(stage) ? undefined : to({ name: 'given-up' })
  }
}

const proved = (
  signIn: SignIn,
  factor: string,
  { amr, credential, proof }: { amr: readonly string[]; credential: string; proof: Proof },
): SignIn => ({
  ...signIn,
  proven: [...signIn.proven, ...amr],
  factors: [...new Set([...signIn.factors, factor])],
  proofs: { ...signIn.proofs, [factor]: proof },
  provenBy: credential,
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
  ['proven', 'locked', 'turned-away', 'given-up'].includes(stage.name)
