import type { AuditEvent } from '../audit/events.ts'

/**
 * Durable state. Two contracts, because a host of the plugin keeps its own accounts:
 * `SecondFactorDirectory` is what the plugin needs and knows an account only by its id;
 * `Directory` adds what the ready provider keeps as well.
 *
 * What every implementation MUST keep (test/contracts/directory.ts holds each to it):
 * - A promise that resolved is on disk: flushing the short-lived store, or a crash, never re-opens a lock,
 *   resets a count or makes a spent code usable again.
 * - `spend` and `changeAttempts` are atomic across nodes.
 * - Times are milliseconds since the Unix epoch, and come from the caller.
 * - A database that cannot answer rejects with `DuepassiError('directory_unavailable')`.
 */
export interface SecondFactorDirectory {
  /** Everything the policy needs to know about an account's second factor, in one query. */
  standing(accountId: string): Promise<Standing>
  /** Credentials of an account, oldest first. */
  credentials(accountId: string): Promise<Credential[]>
  /** Rejects with `credential_exists` when the id is taken, or the handle within the factor. */
  addCredential(credential: Credential): Promise<void>
  /**
   * Compare-and-set on the credential's counter, in the same statement setting `lastUsedAt`:
   * of many parallel calls with one `expected` exactly one answers true. For TOTP the counter is the last used
   * time step (RFC 6238 §5.2), for recovery codes a bit per spent code.
   */
  spend(credentialId: string, expected: number, next: number, at: number): Promise<boolean>
  /** The credential that a factor finds by itself, whoever's it is: a passkey by its id, a token by its serial number. */
  credentialByHandle(factor: string, handle: string): Promise<Credential | undefined>
  /** Changes what a credential is called, or keeps. Answers false when the account has no such credential. */
  changeCredential(
    accountId: string,
    credentialId: string,
    change: Partial<Pick<Credential, 'label' | 'secret'>>,
  ): Promise<boolean>
  /**
   * Removes the named credentials of an account (all when no ids are given) and answers how many there were.
   * `mayRemain` looks at what would be left; when it answers false, nothing is removed. Removals of one account are
   * judged one after the other, on all nodes: of two that would each leave the other's credential, one is refused.
   */
  removeCredentials(
    accountId: string,
    ids?: readonly string[],
    mayRemain?: (left: ReadonlyArray<Pick<Credential, 'id' | 'factor'>>) => boolean,
  ): Promise<number>
  /**
   * Applies a pure function to the attempt state of (account, authenticator), atomically, and answers the state
   * before and after. An unknown pair starts as `noAttempts`. `change` may run more than once.
   */
  changeAttempts(
    accountId: string,
    authenticator: string,
    change: (state: AttemptState) => AttemptState,
  ): Promise<{ before: AttemptState; after: AttemptState }>
  /** Forgets every count, wait and lock of an account: the administrator's unlock. */
  clearAttempts(accountId: string): Promise<void>
  appendAudit(event: AuditEvent): Promise<void>
  /** Latest audit events of an account, newest first. */
  audit(accountId: string, limit: number): Promise<AuditEvent[]>
  ping(): Promise<void>
  close(): Promise<void>
}

/** What the account's second factor amounts to. `factors` holds each factor name once. */
export interface Standing {
  factors: string[]
  /** When the second factor was locked (any authenticator), or null. */
  lockedAt: number | null
}

export interface Credential {
  id: string
  accountId: string
  factor: string
  /** The person's name for it, such as "iPhone di Maria". */
  label: string
  /** Finds it without its account, where the factor knows such a thing; unique within the factor, at most 1400 characters. */
  handle: string | null
  /** What the factor keeps secret, as text. Sealed at rest by directory/sealed.ts; open in memory. */
  secret: string
  counter: number
  createdAt: number
  lastUsedAt: number | null
}

/** Consecutive failures of one authenticator of one account. `waitUntil` 0: no wait. */
export interface AttemptState {
  failures: number
  waitUntil: number
  lockedAt: number | null
}

export const noAttempts: AttemptState = { failures: 0, waitUntil: 0, lockedAt: null }

export interface Directory extends SecondFactorDirectory {
  accountById(id: string): Promise<Account | undefined>
  /** `name` is a user name or an e-mail address in any spelling; compared by `canonicalName`. */
  accountByName(name: string): Promise<Account | undefined>
  /** Rejects with `account_exists` when the user name or the e-mail address is anybody's name already. */
  addAccount(account: Account): Promise<void>
  /** Rejects with `account_unknown`. */
  changeAccount(
    id: string,
    change: Partial<Pick<Account, 'passwordHash' | 'disabledAt' | 'name' | 'locale' | 'groups'>>,
  ): Promise<void>
  /** oidc-provider client metadata (snake_case, as in OIDC Dynamic Registration). */
  clientById(id: string): Promise<ClientMetadata | undefined>
  /** Rejects with `client_exists`. */
  addClient(metadata: ClientMetadata): Promise<void>
  removeClient(id: string): Promise<boolean>
}

export interface Account {
  id: string
  username: string
  email: string | null
  /** Full name, shown to the person and released as the `name` claim. */
  name: string
  /** PHC string (argon2id). */
  passwordHash: string
  /** BCP 47 tag the person prefers, or null. */
  locale: string | null
  /** Names of the groups the person is in, to which a policy may refer; sorted, each once. */
  groups: readonly string[]
  disabledAt: number | null
  createdAt: number
}

export interface ClientMetadata {
  client_id: string
  [property: string]: unknown
}
