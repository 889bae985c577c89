import type { RecordEvent } from '../audit/trail.ts'
import type { Directory, Token } from '../directory/directory.ts'
import { Refusal } from './io.ts'
import { activeCredential, findToken, usernameOf } from './tokens-find.ts'
import { counted } from './tokens-preview.ts'

/** Takes tokens out of the inventory: all that are named, or none. */
export const removeTokens = async (
  { directory, record }: { directory: Directory; record: RecordEvent },
  serials: readonly string[],
): Promise<string> => {
  const tokens = new Map<string, Token>()
  for (const serial of serials) {
    const token = await findToken(directory, serial)
    tokens.set(token.serial, token)
  }
  const active: string[] = []
  for (const token of tokens.values()) {
    const credential = await activeCredential(directory, token)
    if (credential)
      active.push(
        `The token ${token.serial} is active for ${await usernameOf(directory, credential.accountId)}.`,
      )
  }
  if (active.length > 0)
    throw new Refusal([...active, 'Remove the factor of the account first. No token was removed.'].join('\n'))
  const removed = await directory.removeTokens([...tokens.keys()])
  for (const { accountId } of tokens.values())
    await record('token.removed', { accountId, factor: 'hardware-token' })
  return `${counted(removed, 'token')} removed.`
}
