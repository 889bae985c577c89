import { canonicalName } from '../directory/name.ts'

/** Why a new password is not taken; each is a text of its own on the page. */
export type PasswordFault = 'short' | 'long' | 'name' | 'differ' | 'same'

/** Counted in characters, as people do: NFC, code points (NIST SP 800-63B-4 §3.1.1.2). */
const lengthOf = (password: string): number => [...password.normalize('NFC')].length

/**
 * What speaks against a new password by itself: its length, or that it is a name of the account in any spelling. No
 * characters are demanded or refused (NIST SP 800-63B-4 §3.1.1.2). Undefined: nothing.
 *
 * @param typed twice, as people do.
 * @param names of the account: user name, e-mail address.
 */
export const faultOf = (
  { password, again }: { password: string; again: string },
  names: readonly string[],
  { minLength, maxLength }: { minLength: number; maxLength: number },
): PasswordFault | undefined => {
  const length = lengthOf(password)
  if (length < minLength) return 'short'
  if (length > maxLength) return 'long'
  if (password.normalize('NFC') !== again.normalize('NFC')) return 'differ'
  const guessable = names.flatMap((name) => [name, name.split('@')[0] ?? name]).map(canonicalName)
  return guessable.includes(canonicalName(password)) ? 'name' : undefined
}
