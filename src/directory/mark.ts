import { createHash } from 'node:crypto'
import type { Credential } from './directory.ts'

type Marked = Pick<Credential, 'id' | 'createdAt'>

/** Tells a credential from a later one of the same id: the first of an account always has the same. */
export const markOf = ({ id, createdAt }: Marked): string => `${id} ${createdAt}`

/** Tells a set of credentials from every other set. */
export const markOfSet = (credentials: readonly Marked[]): string =>
  createHash('sha256')
    .update(JSON.stringify(credentials.map(markOf).sort()))
    .digest('base64url')
