import type { Credential } from '../directory/directory.ts'
import { DuepassiError } from '../errors.ts'
import type { Factor, FactorContext } from '../factors/factor.ts'
import { isWeak } from '../policy/amr.ts'
import type { ChallengeParts } from './challenge.ts'
import type { Enrolment } from './enrolment.ts'
import { hasProven, type SignIn, type Stage } from './machine.ts'
import { enrollableFactors, servingFactors } from './ways.ts'

/** What comes next in a sign-in: what is asked, chosen or shown after what was proven. Changes nothing by itself. */
export const createNext = (
  { directory, factors }: Pick<ChallengeParts, 'directory' | 'factors'>,
  enrolment: Enrolment,
  contextFor: (accountId: string) => Promise<FactorContext>,
) => {
  const ask = async (accountId: string, factor: Factor): Promise<Extract<Stage, { name: 'asking' }>> => {
    const own = (await directory.credentials(accountId)).filter(
      (credential) => credential.factor === factor.name,
    )
    const question = await factor.begin(own, await contextFor(accountId))
    return { name: 'asking', factor: factor.name, question }
  }

  /** Choosing what to set up; where there is nothing to choose from, setting that one up. */
  const chooseFrom = async (signIn: SignIn, replaces: readonly string[]): Promise<Stage> => {
    const [only, ...more] = enrollableFactors(factors, signIn)
    if (!only) throw new DuepassiError('not_configured', 'no factor that may be set up meets the policy')
    return more.length > 0
      ? { name: 'choosing', replaces }
      : { name: 'enrolling', ...(await enrolment.begin(signIn, only, replaces)) }
  }

  /** The end, or what is required besides. */
  const afterProof = async (signIn: SignIn, names: readonly string[]): Promise<Stage> => {
    // A code by mail is no second factor: whoever has one proves it before anything is set up or given to them.
    const own = servingFactors(factors, names, { ...signIn, rules: { ...signIn.rules, required: [] } })
    const strong = own.find(({ name }) => !isWeak(name))
    if (strong && signIn.purpose === 'sign-in' && signIn.factors.length > 0 && signIn.factors.every(isWeak))
      return ask(signIn.accountId, strong)
    if (hasProven(signIn)) return { name: 'proven' }
    const [next] = servingFactors(factors, names, signIn)
    return next ? ask(signIn.accountId, next) : chooseFrom(signIn, [])
  }

  return {
    ask,
    chooseFrom,
    afterProof,

    /** After an accepted answer; `all` is what the account has. */
    async afterAnswer(
      signIn: SignIn,
      factor: Factor,
      provenBy: string,
      all: readonly Credential[],
    ): Promise<Stage> {
      if (!factor.selfEnrolled)
        return { name: 'recovered', left: await enrolment.codesLeft(signIn.accountId) }
      const names = all.map((one) => one.factor)
      const proven = { ...signIn, provenBy, factors: [...signIn.factors, factor.name] }
      const next = await afterProof(proven, names)
      // Where nobody sees a page, nobody can save codes.
      const mayIssue = next.name === 'proven' && signIn.purpose !== 'backchannel'
      const issue = mayIssue ? await enrolment.codesIfNone(signIn, all) : undefined
      return issue ? { name: 'issuing', ...issue } : next
    },

    /** After a confirmed enrolment that brought no recovery codes. */
    async afterEnrolment(signIn: SignIn, provenBy: string): Promise<Stage> {
      const { stage, accountId } = signIn
      if (stage.name !== 'enrolling') return stage
      const { factors: names } = await directory.standing(accountId)
      return afterProof({ ...signIn, provenBy, factors: [...signIn.factors, stage.factor] }, names)
    },
  }
}
