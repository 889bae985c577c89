/** What each view is given: the contract between the screens and `views/`, where README.md says it in prose. */
export type Language = 'en' | 'it'

/** Errors whose text needs no values. */
export const plainErrorKeys = [
  'error.login.wrong',
  'error.code.wrong',
  'error.code.replayed',
  'error.code.malformed',
  'error.code.another-tab',
  'error.recovery.wrong',
  'error.recovery.used',
  'error.recovery.malformed',
  'error.policy.unreachable',
  'error.request',
  'error.store',
  'error.busy',
  'error.cross_site',
  'error.bad_form',
  'error.interaction_gone',
  'error.unexpected',
] as const

/** Errors that name a wait: the text says it in words. */
export const waitErrorKeys = ['error.login.wait', 'error.code.wait'] as const

export type PageError =
  | { key: (typeof plainErrorKeys)[number] }
  | { key: (typeof waitErrorKeys)[number]; values: { seconds: number } }
  | { key: 'error.code.clock'; values: { seconds: number; direction: 'ahead' | 'behind' } }

/** What a person is asked by a factor; `name` chooses `views/factors/<name>/ask.ejs`. */
export type FactorQuestion =
  | {
      name: 'totp'
      /** The person's names for their authenticators, oldest first. */
      authenticators: readonly string[]
    }
  | { name: 'recovery-code' }

/** What a person needs to set a factor up; `name` chooses `views/factors/<name>/enrol.ejs`. */
export type FactorDraft = {
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

interface Form {
  /** Where the form posts to; the page's own address when absent. */
  action?: string
  error?: PageError
}

export interface Views {
  'interaction/login': Form & {
    /** What was typed, or `login_hint`. */
    username?: string
    /** Seconds until another try is judged: the button stays off for so long. */
    waitSeconds?: number
  }
  'interaction/second-factor': Form & {
    factor: FactorQuestion
    /** The other ways this person has. */
    others: readonly FactorQuestion['name'][]
    accountName?: string
    waitSeconds?: number
  }
  'interaction/enrol': Form & {
    factor: FactorDraft
    accountName?: string
    waitSeconds?: number
  }
  'interaction/recovery-codes': Form & {
    codes: readonly string[]
    /** Goes into the downloaded file, so that it is known what the codes are for. */
    accountName?: string
  }
  'interaction/recovered': Form & {
    /** Recovery codes not used yet. */
    left: number
    /** Names of the authenticators that `replace=on` removes. */
    authenticators: readonly string[]
  }
  'interaction/locked': Form
  'interaction/consent': Form & {
    scopes: readonly string[]
    accountName?: string
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

export type ViewName = keyof Views

/** The relying party, as far as its metadata names it. Addresses that are not http(s) are left out of the page. */
export interface PageClient {
  name: string
  logoUri?: string
  uri?: string
}
