/** An answer instead of the resource. */
export interface Refusal {
  status: 400 | 401 | 403 | 503
  headers: Readonly<Record<string, string>>
  body: { error?: string; error_description?: string }
}

/**
 * A challenge of RFC 6750 §3, each value as a quoted string (RFC 9110 §5.6.4). Values are checked before they come here
 * (`demands.ts`): nothing that a header could not carry is left in them.
 */
const challenge = (parameters: Readonly<Record<string, string>>): string =>
  `Bearer ${Object.entries(parameters)
    .map(([name, value]) => `${name}="${value.replaceAll(/["\\]/g, '\\$&')}"`)
    .join(', ')}`

const refuse = (
  status: 400 | 401 | 403,
  error: string,
  description: string,
  more: Readonly<Record<string, string>> = {},
): Refusal => ({
  status,
  headers: { 'WWW-Authenticate': challenge({ error, error_description: description, ...more }) },
  body: { error, error_description: description },
})

export const refusals = {
  /** No token, and so nothing that could be wrong with it; a challenge has one parameter at least (RFC 6750 §3). */
  missing: (audience: string): Refusal => ({
    status: 401,
    headers: { 'WWW-Authenticate': challenge({ realm: audience }) },
    body: {},
  }),
  elsewhere: (): Refusal =>
    refuse(400, 'invalid_request', 'an access token belongs into the Authorization header'),
  twice: (): Refusal => refuse(400, 'invalid_request', 'more than one Authorization header'),
  /** Without saying what is wrong: whoever holds a good token has no use for it. */
  invalid: (): Refusal =>
    refuse(401, 'invalid_token', 'the access token is expired, revoked, malformed or not for this resource'),
  scope: (scope: readonly string[]): Refusal =>
    refuse(403, 'insufficient_scope', 'the access token lacks a scope', { scope: scope.join(' ') }),
  /** RFC 9470 §3. Both demands, whichever was missed: one step up should do. */
  authentication: (
    description: string,
    { acr, maxAge }: { acr?: readonly string[] | undefined; maxAge?: number | undefined },
  ): Refusal =>
    refuse(401, 'insufficient_user_authentication', description, {
      ...(acr && { acr_values: acr.join(' ') }),
      ...(maxAge !== undefined && { max_age: String(maxAge) }),
    }),
  /** @param retryAfter seconds */
  unavailable: (retryAfter: number): Refusal => ({
    status: 503,
    headers: { 'Retry-After': String(retryAfter) },
    body: { error: 'temporarily_unavailable', error_description: 'access tokens cannot be verified now' },
  }),
}
