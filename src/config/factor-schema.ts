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

export const push = z.strictObject({
  enabled: z
    .boolean()
    .default(false)
    .describe(
      'Offers the authenticator app at `/authenticator/`. With `keys.push` it is told by notifications; without, people open it.',
    ),
  digits: z
    .union([z.literal(2), z.literal(3), z.literal(6)])
    .default(2)
    .describe(
      'Digits of the number that is typed on the phone: 2, 3, or 6 as NIST SP 800-63B-4 §3.1.3.2 asks (the strict preset).',
    ),
  seconds: z.int().min(30).max(300).default(60).describe('Seconds in which a request can be answered.'),
  resendAfter: seconds.default(15).describe('Seconds until a request may be sent again.'),
  resends: z.int().min(0).max(10).default(2).describe('Times that it may be sent again in one sign-in.'),
  perTenMinutes: z
    .int()
    .min(1)
    .max(100)
    .default(5)
    .describe('Requests to a person in ten minutes, while they approve none.'),
  perDay: z.int().min(1).max(1_000).default(20).describe('And in a day.'),
  firstWait: seconds
    .default(10)
    .describe('Seconds to the next request after one that was not approved; doubles with each.'),
  longestWait: seconds.default(3_600).describe('Seconds at which that wait stops growing.'),
  refusals: z
    .int()
    .min(1)
    .max(20)
    .default(3)
    .describe('Refused requests within five minutes that silence requests to the person.'),
  silence: seconds.default(900).describe('Seconds of that silence.'),
  silenceAfterReport: seconds.default(3_600).describe('And after somebody said "it was not me".'),
  hosts: z
    .array(z.string().regex(/^(\*\.)?[a-z0-9.-]+$/, 'must be a host name in lower case, or `*.` and one'))
    .default([])
    .describe(
      'Hosts of push services besides those of Google, Mozilla, Apple and Microsoft, such as a UnifiedPush server. Nothing is ever sent to another.',
    ),
  contact: z
    .string()
    .regex(/^(mailto:|https:\/\/)/, 'must start with `mailto:` or `https://`')
    .optional()
    .describe('Where a push service can reach whoever runs this (RFC 8292 §2.1); the issuer when absent.'),
  fcm: z
    .strictObject({
      account: z
        .string()
        .optional()
        .describe(
          'File of the service account (JSON) of a Firebase project, for an app of your own on Android.',
        ),
    })
    .prefault({}),
  apns: z
    .strictObject({
      key: z.string().optional().describe('File of the key (.p8) for an app of your own on iOS.'),
      keyId: z.string().optional().describe('Its id; needed with `push.apns.key`.'),
      teamId: z.string().optional().describe('Of the developer account; needed with `push.apns.key`.'),
      topic: z.string().optional().describe('Bundle id of the app; needed with `push.apns.key`.'),
      sandbox: z.boolean().default(false).describe('Apple’s development environment.'),
    })
    .prefault({}),
  ntfy: z
    .strictObject({
      url: z
        .url()
        .optional()
        .describe(
          'Root of an ntfy server. Devices name their topics: give the server’s token access to topics of this purpose only.',
        ),
      token: z.string().optional().describe('Its access token, where it asks for one.'),
    })
    .prefault({}),
  webhook: z
    .strictObject({
      url: z.url().optional().describe('Hands notifications to a gateway of your own, signed.'),
      secret: z.string().min(16).optional().describe('Key of the signature (HMAC-SHA256).'),
    })
    .prefault({}),
})
