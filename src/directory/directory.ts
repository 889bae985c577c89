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
   * With a hardware token's credential its counter goes back to the inventory, where there is one.
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
  /** Browsers in which the account has signed in, latest use first. */
  devices(accountId: string): Promise<Device[]>
  /** Beyond `most` of them, those that were not used for the longest time are forgotten in the same transaction. */
  addDevice(device: Device, most: number): Promise<void>
  /**
   * Compare-and-set on the hash of the secret that the browser holds: of many parallel calls with one `expectedHash`, each
   * with a new hash in `change`, exactly one answers true.
   */
  changeDevice(
    accountId: string,
    id: string,
    expectedHash: string,
    change: Partial<Omit<Device, 'id' | 'accountId' | 'createdAt'>>,
  ): Promise<boolean>
  /** Forgets the named devices of an account (all when no ids are given) and answers how many there were. */
  removeDevices(accountId: string, ids?: readonly string[]): Promise<number>
  /** The account's devices stay known, and none is trusted any more; answers how many were. */
  endTrust(accountId: string): Promise<number>
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
  /** Which credentials these are (`markOf`); without them a factor that was replaced by another of its kind goes unnoticed. */
  marks?: readonly string[]
  /** The least `acr` that will do for this very account; absent or null: none of its own. */
  minimum?: string | null
}

/** A browser in which an account signed in. */
export interface Device {
  id: string
  accountId: string
  /** SHA-256, base64url, of the secret that its cookie holds now. */
  secretHash: string
  /** And of the one before, which a request that was under way may still bring. */
  previousHash: string | null
  /** What was seen of it the last time. */
  seen: Sighting
  /** Every country (ISO 3166-1 alpha-2) that it was seen in, latest last. */
  countries: readonly string[]
  trust: Trust | null
  createdAt: number
  lastUsedAt: number
}

/** Where a sign-in came from, as far as anybody can tell; null: unknown. */
export interface Sighting {
  /** IPv4 or IPv6 address in text. */
  address: string | null
  /** ISO 3166-1 alpha-2. */
  country: string | null
  city: string | null
  /** Degrees. */
  latitude: number | null
  longitude: number | null
  /** Names without versions: "Firefox", "Windows". */
  browser: string | null
  system: string | null
}

/** The person asked not to be asked here again. */
export interface Trust {
  /** When. How long it holds is the policy's to say, today. */
  at: number
  /** The set of credentials that it was given with: with any other set it is void. */
  mark: string
  /** Names of the factors that were proven when it was given. */
  factors: readonly string[]
  /** Public key (JWK) whose private half the browser keeps and cannot give away; null: the cookie is all there is. */
  key: string | null
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
  /**
   * Rejects with `account_unknown`. With `expected` it is a compare-and-set, atomic across nodes: answers false, having
   * changed nothing, where the account no longer is as expected, otherwise true.
   */
  changeAccount(
    id: string,
    change: Partial<
      Pick<
        Account,
        'passwordHash' | 'passwordDue' | 'disabledAt' | 'name' | 'locale' | 'claims' | 'groups' | 'minimum'
      >
    >,
    expected?: Partial<Pick<Account, 'passwordHash' | 'passwordDue'>>,
  ): Promise<boolean>
  /**
   * Forgets an account with its names, credentials, counts, locks and devices; answers false where there is none. What was
   * assigned to it goes back to the inventory, where the counters of its tokens stay; so does the audit trail.
   */
  removeAccount(id: string): Promise<boolean>
  /** oidc-provider client metadata (snake_case, as in OIDC Dynamic Registration). */
  clientById(id: string): Promise<ClientMetadata | undefined>
  /** Rejects with `client_exists`. */
  addClient(metadata: ClientMetadata): Promise<void>
  /** In the place of what is there; answers false, having added nothing, where there is no such client (any more). */
  changeClient(metadata: ClientMetadata): Promise<boolean>
  removeClient(id: string): Promise<boolean>
  /** Hardware tokens, by serial number; those of an account when one is given. */
  tokens(accountId?: string): Promise<Token[]>
  tokenBySerial(serial: string): Promise<Token | undefined>
  /** All or none. Rejects with `token_exists` when one of them is there already. */
  addTokens(tokens: readonly Token[]): Promise<void>
  /** Compare-and-set: gives a token to an account, or takes it back; answers false when `expected` does not have it. */
  assignToken(serial: string, expected: string | null, accountId: string | null): Promise<boolean>
  /** Answers how many there were. What was activated stays a credential of its account. */
  removeTokens(serials: readonly string[]): Promise<number>
  /** The key ring, older generations first. */
  keys(): Promise<RingKey[]>
  /** Answers false, having added nothing, when the `kid` or (use, alg, generation) is taken: of many nodes one makes a key. */
  addKey(key: RingKey): Promise<boolean>
  /** Ends a key at that time, or earlier than it would have; answers false when it is unknown, or ended by then already. */
  endKey(kid: string, at: number): Promise<boolean>
  removeKey(kid: string): Promise<boolean>
}

/** A key that Duepassi made; what it is for at a time is a matter of `provider/keys/key-stages.ts`. */
export interface RingKey {
  kid: string
  use: 'signing' | 'cookies'
  /** The JWS algorithm; of cookies, HS256. */
  alg: string
  /** 1, 2, …; unique within use and algorithm. */
  generation: number
  /** A private JWK as JSON, or 32 bytes in base64. Sealed at rest. */
  material: string
  createdAt: number
  signsFrom: number
  /** When it was pulled; null: it ends in its time. */
  endsAt: number | null
}

/** A hardware token of the inventory. It is active where an account has a credential with its serial number as handle. */
export interface Token {
  serial: string
  kind: 'hotp' | 'totp' | 'yubico'
  manufacturer: string | null
  model: string | null
  /** How it computes its codes, as JSON (tokens/token.ts). Sealed at rest. */
  seed: string
  /** Where its counter stood when it was last taken from somebody: codes up to there are used. Null: it never was. */
  counter: number | null
  /** Who may activate it; null: nobody has it yet. */
  accountId: string | null
  importedAt: number
}

export interface Account {
  id: string
  username: string
  email: string | null
  /** Full name, shown to the person and released as the `name` claim. */
  name: string
  /** PHC string (argon2id). */
  passwordHash: string
  /** Since when a new password is asked for at the next sign-in, or null. */
  passwordDue: number | null
  /** BCP 47 tag the person prefers, or null. */
  locale: string | null
  /** What else may be released about the person. */
  claims: StandardClaims
  /** Names of the groups the person is in, to which a policy may refer; sorted, each once. */
  groups: readonly string[]
  /** The least `acr` that will do for this person, or null. */
  minimum: string | null
  disabledAt: number | null
  createdAt: number
}

/** Standard claims (OIDC Core §5.1) that stand in no column of their own; what is not known is not there. */
export interface StandardClaims {
  readonly given_name?: string
  readonly family_name?: string
  readonly middle_name?: string
  readonly nickname?: string
  readonly profile?: string
  readonly picture?: string
  readonly website?: string
  readonly gender?: string
  /** `YYYY-MM-DD`, `YYYY`, or `0000-MM-DD` without the year. */
  readonly birthdate?: string
  /** Such as `Europe/Rome`. */
  readonly zoneinfo?: string
  /** E.164. */
  readonly phone_number?: string
  readonly phone_number_verified?: boolean
  readonly address?: PostalAddress
  /** Seconds since the Unix epoch. */
  readonly updated_at?: number
}

/** OIDC Core §5.1.1. */
export interface PostalAddress {
  readonly formatted?: string
  readonly street_address?: string
  readonly locality?: string
  readonly region?: string
  readonly postal_code?: string
  readonly country?: string
}

export interface ClientMetadata {
  client_id: string
  [property: string]: unknown
}
