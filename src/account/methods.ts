import type { Overview } from '../challenge/changes.ts'
import type { Method } from '../pages/views.ts'
import type { AccountParts } from './parts.ts'
import type { AccountVisit } from './visits.ts'

type Owned = Overview['methods'][number]

/** Whoever names another account's credential, or none, names nothing. */
export const methodOf = ({ overview, place }: AccountVisit): Owned | undefined =>
  overview.methods.find(({ id }) => id === place.value)

/** A method as the pages show it: nothing of its secret. */
export const createShowMethod =
  ({ describe }: Pick<AccountParts, 'describe'>) =>
  (method: Owned): Method => {
    const { id, factor, label, createdAt, lastUsedAt, removable } = method
    const { synced } = describe(method)
    return {
      id,
      // What the person set up is a factor of ours, each of which has its views.
      factor: factor as Method['factor'],
      label,
      createdAt,
      lastUsedAt,
      ...(synced !== undefined && { synced }),
      removable,
    }
  }
