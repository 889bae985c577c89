import type { Directory } from '../directory/directory.ts'

const mostNames = 1_000

/** The user name of an account, which never changes, so that a sign-in asks for it once and not at every step. */
export const createAccountNames = (directory: Pick<Directory, 'accountById'>) => {
  const names = new Map<string, string>()
  return async (id: string): Promise<string> => {
    const known = names.get(id) ?? (await directory.accountById(id))?.username
    if (known === undefined) return id
    if (names.size >= mostNames) names.clear()
    names.set(id, known)
    return known
  }
}
