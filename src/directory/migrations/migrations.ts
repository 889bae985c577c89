import type { Migration } from 'kysely/migration'
import { createTables } from './0001-tables.ts'
import { addHandlesAndGroups } from './0002-handles-and-groups.ts'
import { addDevices } from './0003-devices.ts'
import { addTokens } from './0004-tokens.ts'
import { addPasswordDue } from './0005-password-due.ts'
import { addRingKeys } from './0006-ring-keys.ts'
import { addClaims } from './0007-claims.ts'
import { endTrustOfOldForm } from './0008-trust-since.ts'

export type DatabaseKind = 'sqlite' | 'postgres'

/**
 * Every migration by its name, in the order of the names; forward only. A migration that was released is never
 * edited: what it should have done is a new one.
 */
export const migrations = (kind: DatabaseKind): Record<string, Migration> => ({
  '0001-tables': { up: (db) => createTables(db, kind) },
  '0002-handles-and-groups': { up: addHandlesAndGroups },
  '0003-devices': { up: addDevices },
  '0004-tokens': { up: addTokens },
  '0005-password-due': { up: addPasswordDue },
  '0006-ring-keys': { up: addRingKeys },
  '0007-claims': { up: addClaims },
  '0008-trust-since': { up: endTrustOfOldForm },
})
