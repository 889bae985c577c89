import { z } from 'zod'

/** What relying parties may do beyond the code flow: section `protocol`. */
const responseTypes = [
  'code',
  'id_token',
  'code id_token',
  'code token',
  'id_token token',
  'code id_token token',
  'none',
] as const

const phrase = z.string().min(1).max(80)
/** One text for everybody, or one for each language of the pages. */
const words = z.union([phrase, z.strictObject({ en: phrase, it: phrase })])

const authorizationDetail = z.strictObject({
  type: z.string().min(1).describe('The `type` of an authorization detail (RFC 9396), such as `payment`.'),
  resource: z.url().describe('The resource server, of `resources`, that understands it.'),
  title: words.optional().describe('What people read for it, one text or `{ en, it }`; without it the type.'),
  fields: z
    .array(z.string().min(1))
    .default([])
    .describe('Fields it may have besides those of RFC 9396 §2.2; any other is refused.'),
  names: z
    .record(z.string(), words)
    .default({})
    .describe(
      'What people read for its fields, wherever in it they stand; without one the field’s own name.',
    ),
  consent: z
    .enum(['always', 'client'])
    .default('always')
    .describe('`always`: each person is asked each time; `client`: only where the client asks for consent.'),
})

const device = z.strictObject({
  enabled: z
    .boolean()
    .default(true)
    .describe(
      'Sign-in on devices without a keyboard, confirmed on another (RFC 8628), for clients with `--grant device_code`.',
    ),
  seconds: z
    .int()
    .min(60)
    .max(1800)
    .default(600)
    .describe('For so long a person may enter the code that the device shows.'),
  interval: z
    .int()
    .min(1)
    .max(60)
    .default(5)
    .describe('Seconds between two questions of a device; who asks sooner is told to slow down.'),
  wrongCodes: z
    .int()
    .min(3)
    .max(1000)
    .default(10)
    .describe(
      'Wrong codes from one network address, or of one person who is signed in, in ten minutes; then none of theirs is looked up.',
    ),
  wrongCodesInTotal: z
    .int()
    .min(10)
    .max(10_000)
    .default(500)
    .describe(
      'Wrong codes of all who are not signed in, in ten minutes; then nobody’s is looked up who has not signed in first.',
    ),
})

const furtherGrants = [
  'client_credentials',
  'urn:openid:params:grant-type:ciba',
  'urn:ietf:params:oauth:grant-type:device_code',
] as const

const registration = z.strictObject({
  enabled: z
    .boolean()
    .default(false)
    .describe(
      'Relying parties may register themselves (OpenID Connect Dynamic Client Registration, RFC 7591).',
    ),
  initialAccessToken: z
    .boolean()
    .default(true)
    .describe('Only with a token from `duepassi client invite`; false lets everybody register.'),
  openPerHour: z
    .int()
    .min(1)
    .max(100_000)
    .default(20)
    .describe('Where everybody may: how many from one network address in an hour.'),
  grants: z
    .array(z.enum(furtherGrants))
    .default([])
    .describe(
      'Grants that they may have besides `authorization_code` and `refresh_token`: `client_credentials`, `urn:openid:params:grant-type:ciba`, `urn:ietf:params:oauth:grant-type:device_code`.',
    ),
})

const headerName = z.string().regex(/^[A-Za-z][A-Za-z0-9-]{0,63}$/, 'must be the name of a header')

const mtls = z.strictObject({
  certificateHeader: headerName
    .optional()
    .describe(
      'Header in which the TLS proxy hands over the client’s certificate: PEM, URL-encoded (nginx `$ssl_client_escaped_cert`), or RFC 9440. The proxy must remove it from every request of others. Switches client authentication by TLS on (RFC 8705).',
    ),
  verifiedHeader: headerName
    .optional()
    .describe(
      'Header with `SUCCESS` where the proxy verified the certificate against its own authorities; without it only self-signed, registered certificates serve.',
    ),
  origin: z
    .url()
    .optional()
    .describe('Where the endpoints answer with client certificates, if not beneath the issuer.'),
})

export const protocol = z.strictObject({
  pkce: z
    .enum(['required', 'optional'])
    .default('required')
    .describe(
      'PKCE (RFC 7636). `optional` excepts clients with a secret; single ones are excepted by `require_pkce: false`.',
    ),
  responseTypes: z
    .array(z.enum(responseTypes))
    .min(1)
    .default(['code'])
    .describe('What a relying party may be registered for. All but `code` show tokens to the browser.'),
  postAuthorization: z
    .boolean()
    .default(false)
    .describe(
      'Authorization requests by POST as well. It needs cookies that other sites may send (`SameSite=None`).',
    ),
  idTokenClaims: z
    .enum(['requested', 'all'])
    .default('requested')
    .describe(
      '`all` puts what the scopes release into ID tokens too, for applications that never ask userinfo.',
    ),
  authorizationDetails: z
    .array(authorizationDetail)
    .default([])
    .describe('Rich authorization requests (RFC 9396): the types that may be asked for.'),
  device: device.prefault({}),
  registration: registration.prefault({}),
  mtls: mtls.prefault({}),
})
