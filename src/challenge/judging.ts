import type { Attempts } from '../attempts/attempts.ts'
import type { RecordEvent } from '../audit/trail.ts'
import type { Clock } from '../clock.ts'
import type { Credential, SecondFactorDirectory } from '../directory/directory.ts'
import { DuepassiError } from '../errors.ts'
import type { Factor, FactorContext, Question, Verdict } from '../factors/factor.ts'

interface Answered {
  accountId: string
  clientId: string | null
  factor: Factor
  answer: string
  question: Question
  credentials: readonly Credential[]
  /** Where the attempt was reserved, as what, and with which count. */
  attempts: Attempts
  authenticator: string
  failures: number
}

/**
 * *verify → spend* of the one order: verifies, then spends by compare-and-set; a secret that somebody else spent meanwhile
 * was replayed. What an accepted answer tells anew of the credential is kept.
 */
export const createJudging =
  (parts: {
    directory: Pick<SecondFactorDirectory, 'spend' | 'changeCredential'>
    clock: Clock
    record: RecordEvent
    contextFor(accountId: string): Promise<FactorContext>
  }) =>
  async ({
    accountId,
    clientId,
    factor,
    answer,
    question,
    credentials,
    ...counted
  }: Answered): Promise<Verdict> => {
    const { directory, clock, record } = parts
    const spend = (credential: string, { expected, next }: { expected: number; next: number }) =>
      directory.spend(credential, expected, next, clock.now())
    const verdict = await factor
      .verify(answer, question, credentials, await parts.contextFor(accountId))
      .catch(async (error: unknown) => {
        // No place to judge it in: it was not judged, so it does not count.
        if (error instanceof DuepassiError && error.code === 'busy')
          await counted.attempts.giveBack(accountId, counted.authenticator, counted.failures)
        throw error
      })
    if (!verdict.verified) {
      if (verdict.burn) await spend(verdict.burn.credential, verdict.burn.spend)
      return verdict
    }
    if (!(await spend(verdict.credential, verdict.spend))) return { verified: false, reason: 'replayed' }
    if (verdict.secret !== undefined)
      await directory.changeCredential(accountId, verdict.credential, { secret: verdict.secret })
    if (verdict.suspicion !== undefined)
      await record('factor.suspicious', {
        accountId,
        clientId,
        factor: factor.name,
        reason: verdict.suspicion,
      })
    return verdict
  }
