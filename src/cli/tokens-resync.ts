import type { RecordEvent } from '../audit/trail.ts'
import { systemClock } from '../clock.ts'
import type { Directory } from '../directory/directory.ts'
import type { Rejection } from '../factors/factor.ts'
import { resynchronise } from '../factors/hardware-token/hardware-token.ts'
import { Refusal } from './io.ts'
import { activeCredential, findToken, usernameOf } from './tokens-find.ts'

const reasons: Partial<Record<Rejection, string>> = {
  malformed: 'Two codes of 6 or 8 digits are needed, as the token shows them.',
  replayed: 'These codes were used already. Take two new ones.',
  expired:
    'The codes are right, but the token is past its date, or before it: it is not accepted any more, or not yet.',
}

const wrong =
  'These are no two codes in a row of this token, as far as it can be found: up to 100 presses ahead, or 20 time steps either way. Take two new ones, one right after the other; a token that is further off has to be replaced.'

/** Finds an active token again by two codes in a row. It unlocks nothing, and is no sign-in. */
export const resynchroniseToken = async (
  { directory, record }: { directory: Directory; record: RecordEvent },
  serial: string,
  codes: readonly [string, string],
): Promise<string> => {
  const token = await findToken(directory, serial)
  if (token.kind === 'yubico')
    throw new Refusal(`The token ${token.serial} is a Yubico OTP, which is never out of step.`)
  const credential = await activeCredential(directory, token)
  if (!credential)
    throw new Refusal(
      `The token ${token.serial} is active for nobody: whoever activates it types two codes in a row, and it is in step.`,
    )
  const now = systemClock.now()
  const verdict = resynchronise(credential, codes, now)
  if (!verdict.verified) throw new Refusal(reasons[verdict.reason] ?? wrong)
  const { spend, secret } = verdict
  const { id, accountId, lastUsedAt } = credential
  // Whoever has the token did not sign in with it now.
  if (!(await directory.spend(id, spend.expected, spend.next, lastUsedAt ?? now)))
    throw new Refusal('The token was used meanwhile. Take two new codes.')
  if (secret !== undefined) await directory.changeCredential(accountId, id, { secret })
  await record('token.resynchronised', { accountId, factor: 'hardware-token' })
  const username = await usernameOf(directory, accountId)
  const { lockedAt } = await directory.standing(accountId)
  const still =
    lockedAt === null
      ? ''
      : ` The second factor of ${username} is still locked: \`duepassi account unlock\` opens it.`
  return `The token ${token.serial} of ${username} is in step again.${still}`
}
