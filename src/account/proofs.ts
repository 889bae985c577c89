import { isTrustNamed } from '../policy/amr.ts'
import { isFresh, newProofSeconds } from './freshness.ts'
import type { AccountParts } from './parts.ts'
import type { AccountSignIn } from './sign-in.ts'
import type { AccountVisit } from './visits.ts'

export type Proofs = ReturnType<typeof createProofs>

/** Before anything is added or removed: who is there, once more. */
export const createProofs = (
  parts: Pick<AccountParts, 'clock' | 'strongAcrs'> & { signIn: Pick<AccountSignIn, 'begin'> },
) => {
  const { clock, strongAcrs, signIn } = parts

  /** Sends the browser for a new proof, and back to the page it is on. */
  const demand = (
    { req, res, place }: AccountVisit,
    { hasFactors }: { hasFactors: boolean },
  ): Promise<void> =>
    signIn.begin(req, res, place, { maxAge: newProofSeconds, ...(hasFactors && { acrs: strongAcrs }) })

  return {
    demand,

    /** True where the proof is fresh; otherwise false, and the request is answered. */
    async given(visit: AccountVisit): Promise<boolean> {
      const { methods, recoveryCodes } = visit.overview
      const hasFactors = methods.length > 0 || recoveryCodes !== null
      if (isFresh(visit.session, clock.now(), { hasFactors, strongAcrs })) return true
      await demand(visit, { hasFactors })
      return false
    },

    /** Whether the person proved two factors, however long ago; what a device remembers is none of them. */
    byTwoFactors: ({ session }: AccountVisit): boolean =>
      strongAcrs.some((one) => one === session.acr) && !isTrustNamed(session.amr),
  }
}
