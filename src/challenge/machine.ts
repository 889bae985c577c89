import type { TrustWish } from '../context/devices.ts'
import type { Origin } from '../context/origin.ts'
import type { Draft, FactorName, Question } from '../factors/factor.ts'
import { joinAmr, withoutFactors } from '../policy/amr.ts'
import { type FactorRules, meetsRules } from '../policy/factor-rules.ts'
import type { Proof, Proofs } from './proof.ts'

/**
 * One sign-in's second step: who has proven what so far, and what is asked now. Lives in the store under the
 * interaction's uid; every change is a compare-and-set, so two tabs cannot both advance it.
 */
export interface SignIn {
  /**
   * `change`: somebody who is signed in changes their factors; it never becomes a login. `backchannel`: an application asks
   * by itself (CIBA), and there is no browser.
   */
  purpose: 'sign-in' | 'change' | 'backchannel'
  /** Of the application's own request: a bearer's secret, so it stands here, sealed, and in no key. */
  authReqId?: string
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
  /** Nothing is demanded: a second factor is offered, and can be left for another time. */
  offered?: boolean
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
  /** The person said on another device that it was not them. */
  | { name: 'reported' }
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
  /** What the person called it, where more is to be proven. */
  label?: string
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
  | { name: 'draft-changed'; draft: Draft; to?: string; label?: string }
  | { name: 'enrolled'; amr: readonly string[]; credential: string; proof: Proof; next: Stage }
  | { name: 'continued'; next: Stage }
  | { name: 'codes-saved'; next: Stage }
  | { name: 'reported' }
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
    case 'draft-changed': {
      if (stage.name !== 'enrolling') return undefined
      const { name: _, ...changed } = event
      return to({ ...stage, ...changed })
    }
    case 'enrolled':
      if (stage.name !== 'enrolling') return undefined
      return settled(proved(signIn, stage.factor, event), event.next)
    case 'continued':
      return stage.name === 'recovered' || (signIn.offered && isChoice(stage))
        ? settled(signIn, event.next)
        : undefined
    case 'codes-saved':
      return stage.name === 'issuing' ? settled(signIn, event.next) : undefined
    case 'reported':
    case 'given-up':
      return isOver(stage) ? undefined : to({ name: event.name })
  }
}

const proved = (
  signIn: SignIn,
  factor: string,
  { amr, credential, proof }: { amr: readonly string[]; credential: string; proof: Proof },
): SignIn => ({
  ...signIn,
  // Names of two keys never make one: what the same factor earned the session before, it earns anew or not at all.
  ...(Object.hasOwn(signIn.proofs, factor) && {
    primary: {
      ...signIn.primary,
      amr: withoutFactors(signIn.primary.amr, [factor], othersOf(signIn, factor)),
    },
  }),
  proven: joinAmr(signIn.proven, amr),
  factors: [...new Set([...signIn.factors, factor])],
  proofs: { ...signIn.proofs, [factor]: proof },
  provenBy: credential,
})

const othersOf = ({ proofs }: SignIn, factor: string): string[] =>
  Object.keys(proofs).filter((one) => one !== factor)

/** Nothing is proven before all that is required has been, whoever says so. */
const settled = (signIn: SignIn, next: Stage): SignIn | undefined => {
  if (!afterProof.includes(next.name)) return undefined
  return next.name === 'proven' && !hasProven(signIn) ? undefined : { ...signIn, stage: next }
}

/**
 * Whether what was proven is all that this sign-in needs. A change needs nothing: whoever makes it is signed in; nor does
 * who was only offered something, where nothing is required.
 */
export const hasProven = ({ purpose, offered = false, rules, factors }: SignIn): boolean =>
  purpose === 'change' || (offered && rules.required.length === 0) || meetsRules(rules, factors)

/** Setting something up, of which nothing is proven or stored yet. */
const isChoice = ({ name }: Stage): boolean => name === 'choosing' || name === 'enrolling'

/** Nothing more can happen. */
export const isOver = (stage: Stage): boolean =>
  ['proven', 'locked', 'turned-away', 'reported', 'given-up'].includes(stage.name)
