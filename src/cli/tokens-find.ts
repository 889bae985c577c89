import type { Credential, Directory, Token } from '../directory/directory.ts'
import { printable } from './account-show.ts'
import { Refusal } from './io.ts'

/** By its serial number, in any case. @throws Refusal when there is none */
export const findToken = async (
  directory: Pick<Directory, 'tokens' | 'tokenBySerial'>,
  serial: string,
): Promise<Token> => {
  const exact = await directory.tokenBySerial(serial)
  if (exact) return exact
  const upper = serial.toUpperCase()
  const found = (await directory.tokens()).find((token) => token.serial.toUpperCase() === upper)
  if (!found)
    throw new Refusal(`There is no token "${printable(serial)}"; \`duepassi tokens list\` shows them.`)
  return found
}

/** What a token became when somebody typed a code of it. */
export const activeCredential = (
  directory: Pick<Directory, 'credentialByHandle'>,
  { serial }: Pick<Token, 'serial'>,
): Promise<Credential | undefined> => directory.credentialByHandle('hardware-token', serial)

/** For people; the id of an account that is not there any more. */
export const usernameOf = async (
  directory: Pick<Directory, 'accountById'>,
  accountId: string,
): Promise<string> => (await directory.accountById(accountId))?.username ?? accountId
