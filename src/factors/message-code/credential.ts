import { z } from 'zod'
import type { Credential } from '../../directory/directory.ts'

const stored = z.strictObject({
  v: z.literal(1),
  /** A number in E.164, or a mail address. */
  to: z.string().min(1),
})

/** @throws Error, which tells nothing of what is stored, when the secret is not one of ours */
export const addressOf = ({ id, secret }: Pick<Credential, 'id' | 'secret'>): string => {
  try {
    return stored.parse(JSON.parse(secret)).to
  } catch {
    throw new Error(`The credential ${id} for codes by message is not stored as it should be`)
  }
}

export const writeAddress = (to: string): string => JSON.stringify({ v: 1, to })

/** Where a code goes: to what was used last, so that a number that was changed is the new one; else what came first. */
export const usualOf = (credentials: readonly Credential[]): Credential | undefined =>
  credentials.toSorted((a, b) => (b.lastUsedAt ?? 0) - (a.lastUsedAt ?? 0) || a.createdAt - b.createdAt)[0]
