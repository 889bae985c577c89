import type { Credential } from '../../directory/directory.ts'
import type { Assurance, Verdict } from '../factor.ts'
import { type Answer, readAnswer } from './code.ts'
import { readToken, type StoredToken, writeToken } from './credential.ts'
import { type Accepted, type Finding, type Refused, wrong } from './finding.ts'
import { judgeHotp } from './hotp.ts'
import { judgeTotp } from './totp.ts'
import { judgeYubico } from './yubico.ts'

export interface Tolerance {
  /** Counters by which a single HOTP code may be ahead (RFC 4226 §7.4). */
  lookAhead: number
  /** Time steps accepted on either side of where the token's clock should be; 0 is strict. */
  window: 0 | 1
}

export const usual: Tolerance = { lookAhead: 10, window: 1 }

/** RFC 8176 §2. */
export const methods: readonly string[] = ['otp']

/** Nothing reads a seed out of a token. */
export const assurance: Assurance = { deviceBound: true }

/** Tries every token of the person. `now`: milliseconds since the Unix epoch. */
export const verifyTokens = (
  typed: string,
  credentials: readonly Credential[],
  now: number,
  tolerance: Tolerance = usual,
): Verdict => {
  const answer = readAnswer(typed)
  return answer ? verifyAnswer(answer, credentials, now, tolerance) : { verified: false, reason: 'malformed' }
}

/**
 * Finds a token again that ran away, by two codes that it shows one after the other: what an administrator does for
 * somebody, who can as well type both where a code is asked. The caller spends what the verdict says, and keeps its
 * `secret`. A Yubico OTP is never out of step: `wrong`.
 */
export const resynchronise = (
  credential: Credential,
  codes: readonly [string, string],
  now: number,
): Verdict => {
  const [one, other] = [readCode(codes[0]), readCode(codes[1])]
  return one !== undefined && one.length === other?.length
    ? verifyAnswer({ kind: 'codes', codes: [one, other] }, [credential], now, usual)
    : { verified: false, reason: 'malformed' }
}

const readCode = (typed: string): string | undefined => {
  const answer = readAnswer(typed)
  return answer?.kind === 'codes' && answer.codes.length === 1 ? answer.codes[0] : undefined
}

const verifyAnswer = (
  answer: Answer,
  credentials: readonly Credential[],
  now: number,
  tolerance: Tolerance,
): Verdict => {
  const tried = credentials.map((credential) => ({
    credential,
    finding: judgeToken(answer, readToken(credential), credential.counter, now, tolerance),
  }))
  for (const { credential, finding } of tried) if (finding.accepted) return accepted(credential, finding)
  for (const telling of ['replayed', 'expired', 'clock'])
    for (const { credential, finding } of tried)
      if (!finding.accepted && finding.reason === telling) return refused(credential, finding)
  return { verified: false, reason: 'wrong' }
}

const accepted = ({ id, counter }: Credential, { next, token }: Accepted): Verdict => ({
  verified: true,
  credential: id,
  spend: { expected: counter, next },
  amr: methods,
  assurance,
  ...(token && { secret: writeToken(token) }),
})

const refused = ({ id, counter }: Credential, { reason, clockOffset, burn }: Refused): Verdict => ({
  verified: false,
  reason,
  ...(clockOffset !== undefined && { clockOffset }),
  ...(burn !== undefined && { burn: { credential: id, spend: { expected: counter, next: burn } } }),
})

/** What an answer is to a token whose counter stands here. A right one outside of the token's span is too late. */
export const judgeToken = (
  answer: Answer,
  token: StoredToken,
  counter: number,
  now: number,
  tolerance: Tolerance,
): Finding => {
  const finding = judged(answer, token, counter, now, tolerance)
  return finding.accepted && !isInSpan(token, now) ? { accepted: false, reason: 'expired' } : finding
}

const judged = (
  answer: Answer,
  token: StoredToken,
  counter: number,
  now: number,
  { lookAhead, window }: Tolerance,
): Finding => {
  if (answer.kind === 'otp') return token.kind === 'yubico' ? judgeYubico(answer.otp, token, counter) : wrong
  if (token.kind === 'hotp') return judgeHotp(answer.codes, token, counter, lookAhead)
  return token.kind === 'totp' ? judgeTotp(answer.codes, token, counter, now, window) : wrong
}

export const isInSpan = (
  { notBefore, notAfter }: Pick<StoredToken, 'notBefore' | 'notAfter'>,
  now: number,
): boolean => (notBefore === null || notBefore <= now) && (notAfter === null || now < notAfter)
