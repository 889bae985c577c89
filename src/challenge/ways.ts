import type { Factor } from '../factors/factor.ts'
import type { Factors } from '../factors/registry.ts'
import { stillRequired } from '../policy/factor-rules.ts'
import type { SignIn } from './machine.ts'

type Standing = Pick<SignIn, 'rules' | 'factors'>

const isForbidden = ({ rules }: Standing, { name }: Factor): boolean => rules.forbidden.includes(name)

/** Factors that bring this sign-in further: one that is required and not proven yet, or, where nothing is, any that may be used. */
const bringsOn = (signIn: Standing) => {
  const missing = stillRequired(signIn.rules, signIn.factors)
  return (factor: Factor): boolean =>
    factor.selfEnrolled &&
    !isForbidden(signIn, factor) &&
    (missing.length === 0
      ? signIn.rules.insufficient?.includes(factor.name) !== true
      : missing.includes(factor.name))
}

/** Of the factors that an account has, those that bring this sign-in further, best first. */
export const servingFactors = (factors: Factors, own: readonly string[], signIn: Standing): Factor[] =>
  factors.all.filter(bringsOn(signIn)).filter(({ name }) => own.includes(name))

/**
 * What a person may be asked, best first: factors that bring the sign-in further, and recovery codes for the day they are
 * lost. Whoever has none of the first proves what they have, so that they can set one up: never with a password alone,
 * while the account has a factor; and by a forbidden one only if they have set up nothing else.
 */
export const askableFactors = (factors: Factors, own: readonly string[], signIn: Standing): Factor[] => {
  const held = factors.all.filter(({ name }) => own.includes(name))
  const serving = servingFactors(factors, own, signIn)
  if (serving.length === 0) {
    const hasOther = held.some((factor) => factor.selfEnrolled && !isForbidden(signIn, factor))
    return hasOther ? held.filter((factor) => !isForbidden(signIn, factor)) : held
  }
  return held.filter(
    (factor) => serving.includes(factor) || !(factor.selfEnrolled || isForbidden(signIn, factor)),
  )
}

/** What a person may set up here, best first. */
export const enrollableFactors = (factors: Factors, signIn: Standing): Factor[] =>
  factors.all.filter(bringsOn(signIn))

/** The one to ask first: what worked last in this browser, or the best. */
export const firstOf = (ways: readonly Factor[], preferred: string | undefined): Factor | undefined =>
  ways.find(({ name, selfEnrolled }) => selfEnrolled && name === preferred) ?? ways[0]
