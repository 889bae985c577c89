import type { PageError } from './page-errors.ts'

export {
  addressErrorKeys,
  type PageError,
  type PlainErrorKey,
  plainErrorKeys,
  waitErrorKeys,
} from './page-errors.ts'

/** What each view is given: the contract between the screens and `views/`, where README.md says it in prose. */
export type Language = 'en' | 'it'

/** JSON for `navigator.credentials`, as `PublicKeyCredential.parse…OptionsFromJSON` reads it; the page passes it on. */
export type WebAuthnOptions = Record<string, unknown>

/** What a person is asked by a factor; `name` chooses `views/factors/<name>/ask.ejs`. */
export type FactorQuestion =
  | {
      name: 'totp'
      /** The person's names for their authenticators, oldest first. */
      authenticators: readonly string[]
    }
  | { name: 'recovery-code' }
  | { name: 'webauthn'; options: WebAuthnOptions }
  | {
      name: 'sms' | 'email'
      /** The number or mailbox, all but its ends hidden. */
      to: string
      /** A code is on its way there. */
      sent: boolean
    }
  | {
      name: 'hardware-token'
      /** The person's names for their tokens. */
      authenticators: readonly string[]
      /** Which kinds there are among them: a `yubico` types its code by itself. */
      kinds: ReadonlyArray<'hotp' | 'totp' | 'yubico'>
    }
  | ({
      name: 'push'
      /** `unsent`: nothing is asked so far. `pending`: the person types `number` on their phone. Any other: it is over, and how. */
      state: 'unsent' | 'pending' | 'expired' | 'denied' | 'wrong' | 'superseded'
      number?: string
      secondsLeft?: number
      /** Seconds until it may be asked again; absent: no more in this sign-in. */
      resendIn?: number
      /** The person's names for their phones. */
      devices: readonly string[]
      /** This very browser can answer: what it signs, and whose key it has. */
      here?: { id: string; nonce: string; shown: string; issuer?: string; tag?: string }
      /** The code without network: whether its field is open, and the page where it is. */
      byCode?: { open: boolean; url: string }
    } & Partial<Waiting>)

/** What a page needs that waits for another device. */
export interface Waiting {
  /**
   * It reads itself anew when this is another (`?watch=events&state=…`, `?watch=poll&state=…`). After a full stop stands what
   * the page says of the request, for which nothing is read anew: `seen`, `none` (nobody could be told), or nothing.
   */
  watch: string
  /** A device has shown the request. */
  seen: boolean
  /** Devices that were told; null: not known. */
  reached: number | null
}

/** What a person needs to set a factor up; `name` chooses `views/factors/<name>/enrol.ejs`. */
export type FactorDraft =
  | {
      name: 'totp'
      /** `otpauth://totp/…` */
      uri: string
      /** Base32, with or without spaces. */
      secret: string
      /** An `<svg>` element made by the server; goes into the page unescaped. */
      qrSvg: string
      /** What the person typed as the authenticator's name, when the page is shown again. */
      label?: string
    }
  | { name: 'webauthn'; options: WebAuthnOptions; label?: string }
  /** First where the codes are to go (`intent=address`), then the code that went there. */
  | { name: 'sms' | 'email'; step: 'address' }
  | { name: 'sms' | 'email'; step: 'code'; to: string; seconds: number }
  | {
      name: 'hardware-token'
      /** Those that are assigned to the person. */
      tokens: ReadonlyArray<{ serial: string; model: string | null }>
      /** Other tokens may be activated by their serial number. */
      needsSerial: boolean
    }
  /** The phone scans, opens or is told `code`; then its number is typed here (`confirm`); then it answers a `test`. */
  | ({ name: 'push'; step: 'scan'; uri: string; qrSvg: string; code: string; expiresAt: number } & Partial<
      Pick<Waiting, 'watch'>
    >)
  | ({ name: 'push'; step: 'confirm'; label: string } & Partial<Pick<Waiting, 'watch'>>)
  | ({ name: 'push'; step: 'test'; number: string; expiresAt: number } & Partial<Pick<Waiting, 'watch'>>)

export type WayName = FactorQuestion['name']

/** One of a person's factors, as the security page lists it. Times in milliseconds since the Unix epoch. */
export interface Method {
  id: string
  factor: FactorDraft['name']
  label: string
  createdAt: number
  /** Null: never used so far. */
  lastUsedAt: number | null
  /** A passkey that other devices of the person have too; undefined where that means nothing. */
  synced?: boolean
  /** False for the last one that a policy demands. */
  removable: boolean
}

/** A browser that somebody signed in with. Times in milliseconds since the Unix epoch. */
export interface KnownDevice {
  id: string
  browser: string | null
  system: string | null
  city: string | null
  /** ISO 3166-1 alpha-2. */
  country: string | null
  address: string | null
  lastUsedAt: number
  /** The person is not asked there until then; null: they are. */
  trustedUntil: number | null
  /** The very browser that shows the page. */
  here: boolean
}

/** A session of a person at the provider. Times in milliseconds since the Unix epoch. */
export interface OpenSession {
  id: string
  browser: string | null
  system: string | null
  city: string | null
  /** ISO 3166-1 alpha-2. */
  country: string | null
  address: string | null
  /** When the person signed in. */
  since: number
  /** What was proven; null: not known. */
  level: 'one-factor' | 'two-factors' | 'phishing-resistant' | 'hardware' | null
  /** Names of the relying parties that it was used at. */
  applications: readonly string[]
  /** The very session that shows the page. */
  here: boolean
}

interface Form {
  /** Where the form posts to; the page's own address when absent. */
  action?: string
  error?: PageError
}

/** A form of oidc-provider: it has no `intent`, and a token of its own against forms of others. */
interface DeviceForm extends Form {
  action: string
  xsrf: string
}

/** One line for people: a value, or lines of its own. */
export interface ShownLine {
  name: string
  value?: string | number | boolean | null
  lines?: readonly ShownLine[]
}

export interface ShownDetail {
  title: string
  lines: readonly ShownLine[]
}

interface InteractionViews {
  'interaction/login': Form & {
    /** What was typed, or `login_hint`. */
    username?: string
    /** Seconds until another try is judged: the button stays off for so long. */
    waitSeconds?: number
    /** Offers to sign in with a passkey. `question` goes back with the answer, as it is. */
    passkey?: { options: WebAuthnOptions; question: string }
    /** A passkey that was offered and is not known: the browser is told, so that it stops offering it. */
    unknownPasskey?: { rpId: string; credentialId: string }
    /** Browsers that are trusted prove it by a signature for `issuer` and `uid`, in the field `device-proof`. */
    device?: { issuer: string; uid: string }
  }
  'interaction/second-factor': Form & {
    factor: FactorQuestion
    /** The other ways this person has. */
    others: readonly WayName[]
    accountName?: string
    waitSeconds?: number
    /** Offers not to ask again in this browser. `key`: the browser has to make one, under `tag`, and sign for `issuer` and `uid`. */
    trust?: { days: number; key?: { issuer: string; uid: string; tag: string } }
  }
  'interaction/enrol': Form & {
    factor: FactorDraft
    accountName?: string
    waitSeconds?: number
    /** There is another factor to set up instead. */
    otherWays: boolean
    /** Shown by the security page: giving up leads back there, and no sign-in ends. */
    onAccount?: boolean
  }
  'interaction/choose': Form & {
    /** What can be set up, best first. */
    factors: readonly FactorDraft['name'][]
    /** `first`: the account has none. `offered`: and needs none (`intent=not-now`). `demanded`: those it has are not what is demanded here. `again`: after a recovery code. `more`: on the security page. */
    reason: 'first' | 'offered' | 'demanded' | 'again' | 'more'
    accountName?: string
    onAccount?: boolean
  }
  'interaction/recovery-codes': Form & {
    codes: readonly string[]
    /** Goes into the downloaded file, so that it is known what the codes are for. */
    accountName?: string
    onAccount?: boolean
  }
  'interaction/recovered': Form & {
    /** Recovery codes not used yet. */
    left: number
    /** Each can be ticked as lost, by the field `lost-<id>`. `label`: empty where the person gave none. */
    authenticators: ReadonlyArray<{ id: string; factor: string; label: string }>
  }
  'interaction/new-password': Form & {
    accountName: string
    /** What it is asked for because of; `unknown`: the page names both. */
    because: 'reported' | 'administrator' | 'unknown'
    /** Characters. */
    least: number
    most: number
  }
  'interaction/locked': Form
  'interaction/turned-away': Form
  'interaction/reported': Form
  'interaction/consent': Form & {
    scopes: readonly string[]
    /** What is asked for in detail (RFC 9396), each under its title. */
    details?: readonly ShownDetail[]
    accountName?: string
  }
  /** For a device without a keyboard: the code that it shows. */
  'interaction/device-code': DeviceForm & { code?: string; waitSeconds?: number }
  'interaction/device-confirm': DeviceForm & {
    /** As it was typed. */
    userCode: string
    /** As the device shows it. */
    code: string
    device: Pick<KnownDevice, 'browser' | 'system' | 'city' | 'country'> & {
      /** In another country than this browser. */
      isFar: boolean
      /** In the same network as this browser. */
      isNear: boolean
    }
    accountName?: string
  }
  'interaction/device-done': Record<never, never>
  'interaction/device-over': {
    /** `stale`: a form that is not good any more, in a browser that has no session to make another for. */
    reason: 'refused' | 'expired' | 'used' | 'stale'
    /** Where another code can be entered. */
    action: string
  }
  'interaction/expired': {
    /** `done`: the step was already taken, here or in another tab. */
    reason: 'expired' | 'done'
    /** Repeats the same authorization request. */
    restartUrl?: string
  }
  'interaction/logout': {
    /** The form that oidc-provider hands to `logoutSource`; goes into the page unescaped. */
    form: string
    /** Its id; `op.logoutForm` when absent. */
    formId?: string
  }
  'interaction/signed-out': Record<never, never>
  'interaction/signing-out': {
    /** Loaded where nobody sees them; each an https address, or http on this machine. */
    frames: readonly string[]
    /** Where it goes on as soon as they are loaded, after so many seconds at the latest. */
    next: string
    seconds: number
  }
  'interaction/error': {
    error: PageError
    requestId?: string
    restartUrl?: string
    /** For whoever looks after the relying party, such as `invalid_client`; shown small. */
    technical?: { code: string; description?: string }
  }
  'interaction/busy': {
    seconds: number
    /** A GET that tries again; the page's own address when absent. */
    retryUrl?: string
  }
}

/** The security page. Its addresses are beneath `/account`, wherever the issuer is mounted: `base` is that path. */
export interface AccountViews {
  'account/home': Form & {
    base: string
    person: { name: string; username: string; email?: string }
    /** `incomplete`: a factor, and no recovery codes saved. */
    state: 'not-set-up' | 'incomplete' | 'on' | 'locked'
    methods: readonly Method[]
    recoveryCodes: { left: number; createdAt: number } | null
    /** What can be added. */
    addable: readonly FactorDraft['name'][]
    /** Browsers that the person signed in with, latest first. */
    devices: readonly KnownDevice[]
    /** Where the person is signed in: this session first. */
    sessions: readonly OpenSession[]
    /** What was just done. */
    done?: 'added' | 'removed' | 'renamed' | 'codes' | 'forgotten' | 'ended'
    /** Tells the browser which passkeys the account still has (WebAuthn L3, signal methods). */
    signal?: { rpId: string; userId: string; credentialIds: readonly string[] }
  }
  'account/remove': Form & { base: string; method: Method }
  'account/rename': Form & { base: string; method: Method }
  'account/codes': Form & {
    base: string
    /** Codes of the present set that are unspent; null where there is none. */
    left: number | null
  }
}

export interface Views extends InteractionViews, AccountViews {}

export type ViewName = keyof Views

/** The relying party, as far as its metadata names it. Addresses that are not http(s) are left out of the page. */
export interface PageClient {
  name: string
  logoUri?: string
  uri?: string
  /** Its privacy policy, and its terms of service. */
  policyUri?: string
  tosUri?: string
}
