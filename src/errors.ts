/**
 * Every failure that the code names. `status` is the HTTP status a page or endpoint answers with.
 * The texts that people read are in views/messages, under `error.<code>`.
 */
const table = {
  store_unavailable: { status: 503 },
  directory_unavailable: { status: 503 },
  busy: { status: 503 },
  account_exists: { status: 409 },
  account_unknown: { status: 404 },
  client_exists: { status: 409 },
  credential_exists: { status: 409 },
  token_exists: { status: 409 },
  cross_site: { status: 403 },
  bad_form: { status: 400 },
  interaction_gone: { status: 400 },
  sealed_badly: { status: 500 },
  not_configured: { status: 500 },
} as const

export type ErrorCode = keyof typeof table

export class DuepassiError extends Error {
  readonly code: ErrorCode
  readonly status: number
  /** Seconds after which trying again makes sense; becomes Retry-After. */
  readonly retryAfter: number | undefined

  constructor(code: ErrorCode, message: string, options: { cause?: unknown; retryAfter?: number } = {}) {
    super(message, { cause: options.cause })
    this.name = 'DuepassiError'
    this.code = code
    this.status = table[code].status
    this.retryAfter = options.retryAfter
  }
}
