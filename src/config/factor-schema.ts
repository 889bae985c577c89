import { z } from 'zod'

/** The ways of proving, each with a section of its own. */
const seconds = z.int().positive()

export const totp = z.strictObject({
  window: z
    .int()
    .min(0)
    .max(1)
    .default(1)
    .describe('Time steps of 30 s accepted before and after the current one; 0 is the strict mode.'),
})

const origin = z
  .url()
  .refine((text) => URL.parse(text)?.origin === text, 'must be an origin: `https://host`, without a path')

export const webauthn = z.strictObject({
  rpId: z
    .string()
    .regex(/^[a-z0-9.-]+$/, 'must be a host name in lower case')
    .optional()
    .describe(
      'RP ID of passkeys: the issuer’s host (the default) or a domain above it. Changing it makes every passkey unusable.',
    ),
  relatedOrigins: z
    .array(origin)
    .default([])
    .describe(
      'Origins besides the issuer’s whose pages may use the same passkeys; published at `/.well-known/webauthn` of the issuer’s host.',
    ),
  topOrigins: z
    .array(origin)
    .default([])
    .describe('Origins of pages in which ours may be framed while a passkey is used; none by default.'),
  algorithms: z
    .array(z.enum(['ES256', 'EdDSA', 'RS256', 'ML-DSA-44', 'ML-DSA-65', 'ML-DSA-87']))
    .min(1)
    .default(['ES256', 'EdDSA', 'RS256'])
    .describe('Algorithms of new passkeys, preferred first.'),
  userVerification: z
    .enum(['preferred', 'required'])
    .default('preferred')
    .describe(
      'Whether a key used after the password must check PIN, finger or face as well. Sign-in by passkey alone always requires it.',
    ),
  passkeys: z.boolean().default(true).describe('Offers sign-in by passkey alone on the login page.'),
  authenticators: z
    .array(z.guid().transform((aaguid) => aaguid.toLowerCase()))
    .min(1)
    .optional()
    .describe(
      'Only these models (AAGUID) may be registered, proven by attestation; needs `webauthn.metadata`. Without it any may, and nobody is asked for the model.',
    ),
  metadata: z
    .string()
    .optional()
    .describe(
      'File of the FIDO Metadata Service (the BLOB of https://mds3.fidoalliance.org): roots and status of the models. Its signature is verified; fetch it anew before its `nextUpdate`.',
    ),
  metadataRoot: z
    .string()
    .optional()
    .describe('File of the certificate (PEM) that signs it, where it is not the FIDO Alliance’s own.'),
})

const webhook = z.strictObject({
  url: z
    .url()
    .optional()
    .describe('Sends text messages by an HTTPS service: posted as JSON, signed (src/delivery/sms-webhook).'),
  secret: z.string().min(16).optional().describe('Key of the signature (HMAC-SHA256).'),
})

const smpp = z.strictObject({
  url: z
    .string()
    .regex(/^smpps?:\/\//, 'must start with `smpp://` or `smpps://`')
    .optional()
    .describe(
      'Sends them by an SMSC: `smpp://user:password@host:2775`. Without either nobody is offered SMS.',
    ),
  from: z.string().min(1).max(20).optional().describe('Sender: a number, or up to 11 letters and digits.'),
})

export const sms = z.strictObject({
  webhook: webhook.prefault({}),
  smpp: smpp.prefault({}),
  country: z
    .string()
    .regex(/^[A-Z]{2}$/, 'must be two capital letters (ISO 3166-1)')
    .default('IT')
    .describe('Country of numbers that are typed without one.'),
  countries: z
    .array(z.string().regex(/^[A-Z]{2}$/, 'must be two capital letters (ISO 3166-1)'))
    .min(1)
    .default(['IT'])
    .describe('Countries that messages may go to (toll fraud goes elsewhere).'),
  retire: z
    .boolean()
    .default(true)
    .describe('Switches SMS off for a person once their app (or token, or push) has worked.'),
})

export const messages = z.strictObject({
  pause: seconds
    .default(30)
    .describe('Seconds between two codes to one number, of one account, from one address.'),
  perHour: z.int().min(1).max(100).default(5).describe('Codes an hour to one number, and of one account.'),
  perHourFromAddress: z
    .int()
    .min(1)
    .max(10_000)
    .default(5)
    .describe(
      'Codes an hour that are asked for from one network address; raise it for an office behind one address.',
    ),
  enrolment: seconds
    .default(240)
    .describe('Seconds in which the code for a new number or mailbox has to come back.'),
  enrolmentWait: seconds.default(900).describe('Seconds that a number waits from which no right code came.'),
})

export const tokens = z.strictObject({
  enabled: z
    .boolean()
    .default(false)
    .describe('Offers hardware tokens; they are imported by `duepassi tokens import`.'),
  selfService: z
    .boolean()
    .default(true)
    .describe(
      'People may activate a token that nobody has, by its serial number; otherwise only one assigned to them.',
    ),
})
