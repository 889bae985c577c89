import type { Generated, Kysely } from 'kysely'

/**
 * The tables as migrations/ leaves them. Times are milliseconds since the Unix epoch. `account_id` of credential,
 * attempt and audit_event is plain text and refers to no table: a host of the plugin keeps its own accounts.
 */
export interface Tables {
  account: AccountRow
  account_name: { name: string; account_id: string }
  client: { id: string; metadata: string }
  credential: CredentialRow
  attempt: AttemptRow
  audit_event: AuditEventRow
}

export type Database = Kysely<Tables>

export interface AccountRow {
  id: string
  username: string
  email: string | null
  name: string
  password_hash: string
  locale: string | null
  /** JSON array of names. */
  groups: string
  disabled_at: number | null
  created_at: number
}

export interface CredentialRow {
  id: string
  account_id: string
  factor: string
  label: string
  handle: string | null
  secret: string
  counter: number
  created_at: number
  last_used_at: number | null
}

export interface AttemptRow {
  account_id: string
  authenticator: string
  failures: number
  wait_until: number
  locked_at: number | null
}

export interface AuditEventRow {
  /** Order of writing, for events of one millisecond. */
  sequence: Generated<number>
  id: string
  at: number
  type: string
  account_id: string | null
  client_id: string | null
  factor: string | null
  reason: string | null
  request_id: string | null
}
