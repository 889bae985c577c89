import type { AccessToken } from './access-token.ts'
import { type Refusal, refusals } from './refusal.ts'

/** What a token has to say beyond being one. */
export interface Demands {
  /** `acr` values that will do, most wanted first; absent: any. */
  acr?: readonly string[] | undefined
  /** Seconds since the person last proved who they are (`auth_time`); absent: any. */
  maxAge?: number | undefined
  /** Every one of them. */
  scope?: readonly string[] | undefined
}

/** Seconds by which the provider's clock may be ahead of ours. */
const mostAhead = 30

/** Goes into a list that is separated by blanks, and into a header. */
const isName = (value: unknown): boolean => typeof value === 'string' && /^[\x21-\x7e]+$/.test(value)

/** RFC 6749 §3.3. */
const isScope = (value: unknown): boolean => isName(value) && !/["\\]/.test(String(value))

const isListOf = (values: unknown, isOne: (value: unknown) => boolean): boolean =>
  Array.isArray(values) && values.length > 0 && values.every(isOne)

/**
 * Hosts may be plain JavaScript: a demand that is not one must not mean none.
 *
 * @throws TypeError naming the option
 */
export const checkDemands = ({ audience, acr, maxAge, scope }: Demands & { audience: string }): void => {
  if (!isName(audience)) throw new TypeError('audience must name this server, without blanks')
  if (acr !== undefined && !isListOf(acr, isName))
    throw new TypeError('acr must be a list of names, without blanks, and not empty')
  if (scope !== undefined && !isListOf(scope, isScope))
    throw new TypeError('scope must be a list of names, without blanks, and not empty')
  // 0 would be met by nobody: a token is older than that when it arrives.
  if (maxAge !== undefined && !(Number.isSafeInteger(maxAge) && maxAge > 0))
    throw new TypeError('maxAge must be a whole number of seconds from 1')
}

/**
 * Scope comes first: no step up brings one that was not granted.
 *
 * @param now seconds
 */
export const judge = (token: AccessToken, demands: Demands, now: number): Refusal | undefined => {
  const { acr, maxAge, scope } = demands
  if (scope && !holdsAll(token.scope, scope)) return refusals.scope(scope)
  if (acr && !acr.some((one) => one === token.acr))
    return refusals.authentication('a stronger sign-in is required', demands)
  if (maxAge !== undefined && !isRecent(token.auth_time, maxAge, now))
    return refusals.authentication('a more recent sign-in is required', demands)
  return undefined
}

const holdsAll = (granted: unknown, wanted: readonly string[]): boolean => {
  const names = typeof granted === 'string' ? granted.split(' ') : []
  return wanted.every((one) => names.includes(one))
}

/** A time in the future says nothing about the past. */
const isRecent = (authTime: unknown, maxAge: number, now: number): boolean =>
  typeof authTime === 'number' && authTime <= now + mostAhead && now - authTime <= maxAge
