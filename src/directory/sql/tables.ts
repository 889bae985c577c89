import type { Generated, Kysely } from 'kysely'
import type { RingKey, Token } from '../directory.ts'

/**
 * The tables as migrations/ leaves them. Times are milliseconds since the Unix epoch. `account_id` of credential,
 * attempt, device, token and audit_event is plain text and refers to no table: a host of the plugin keeps its own accounts.
 */
export interface Tables {
  account: AccountRow
  account_name: { name: string; account_id: string }
  client: { id: string; metadata: string }
  credential: CredentialRow
  attempt: AttemptRow
  device: DeviceRow
  token: TokenRow
  ring_key: RingKeyRow
  audit_event: AuditEventRow
}

export type Database = Kysely<Tables>

export interface AccountRow {
  id: string
  username: string
  email: string | null
  name: string
  password_hash: string
  password_due: number | null
  locale: string | null
  /** JSON of `StandardClaims`. */
  claims: string
  /** JSON array of names. */
  groups: string
  minimum: string | null
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

export interface DeviceRow {
  id: string
  account_id: string
  secret_hash: string
  previous_hash: string | null
  /** JSON of a `Sighting`. */
  seen: string
  /** JSON array of country codes. */
  countries: string
  /** JSON of a `Trust`. */
  trust: string | null
  created_at: number
  last_used_at: number
}

export interface TokenRow {
  serial: string
  kind: Token['kind']
  manufacturer: string | null
  model: string | null
  seed: string
  counter: number | null
  account_id: string | null
  imported_at: number
}

export interface RingKeyRow {
  kid: string
  use: RingKey['use']
  alg: string
  generation: number
  material: string
  created_at: number
  signs_from: number
  ends_at: number | null
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
