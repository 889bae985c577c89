import { z } from 'zod'
import { messages, push, sms, tokens, totp, webauthn } from './factor-schema.ts'
import { policy } from './policy-schema.ts'

/**
 * The configuration, section by section. Every key carries its documentation in `.describe()`: README's reference
 * and `config/duepassi.example.yaml` are generated from here (tools/config-reference.ts).
 */
const seconds = z.int().positive()
const port = z.int().min(0).max(65535)
const base64Key = z
  .base64()
  .refine(
    (text) => Buffer.from(text, 'base64').length === 32,
    'must be 32 random bytes in base64: `openssl rand -base64 32`',
  )

const listen = z.strictObject({
  host: z.string().default('127.0.0.1').describe('Address to listen on.'),
  port: port.default(3000).describe('Port to listen on; 0 takes a free one.'),
})

const metrics = z.strictObject({
  host: z.string().default('127.0.0.1').describe('Address of the metrics port.'),
  port: port.nullable().default(null).describe('Port of the Prometheus metrics (`/metrics`); null: none.'),
})

const database = z.strictObject({
  url: z
    .string()
    .regex(
      /^(sqlite:|postgres(ql)?:\/\/)/,
      'must start with `sqlite:` (a file path follows) or `postgres://`',
    )
    .default('sqlite:data/duepassi.db')
    .describe(
      'Accounts, credentials, locks, audit. `sqlite:<file>` or `postgres://user:password@host:5432/name`.',
    ),
  pool: z.int().min(1).max(200).default(10).describe('PostgreSQL connections of one process.'),
})

const node = z.strictObject({ host: z.string(), port })

const redis = z.strictObject({
  url: z
    .string()
    .regex(/^rediss?:\/\//, 'must start with `redis://` or `rediss://`')
    .optional()
    .describe('One server: `redis://[user:password@]host:6379[/db]`, `rediss://` for TLS.'),
  sentinels: z.array(node).optional().describe('Sentinels that know the master named in `redis.master`.'),
  master: z.string().optional().describe('Name of the master group the sentinels watch.'),
  cluster: z.array(node).optional().describe('Some nodes of a Redis Cluster.'),
  username: z.string().optional().describe('User for sentinels or cluster.'),
  password: z.string().optional().describe('Password for sentinels or cluster.'),
  tls: z.boolean().default(false).describe('TLS to sentinels or cluster.'),
  prefix: z.string().max(20).default('').describe('Put before every key.'),
})

const sealingKey = z.strictObject({
  id: z.string().regex(/^[A-Za-z0-9_-]{1,16}$/, '1 to 16 letters, digits, `-`, `_`'),
  key: base64Key,
})

const isVapidKey = ({ kty, crv, x, y, d }: Record<string, string>): boolean =>
  kty === 'EC' && crv === 'P-256' && [x, y, d].every((one) => /^[\w-]{43}$/.test(one ?? ''))

const keys = z.strictObject({
  signing: z
    .array(z.looseObject({ kty: z.string() }))
    .min(1)
    .optional()
    .describe(
      'Private JWKs for tokens: the first of each algorithm signs, all are published. One ES256 key at least.',
    ),
  cookies: z
    .array(base64Key)
    .min(1)
    .optional()
    .describe('Keys for signed cookies, 32 bytes base64: the first signs, all verify.'),
  sealing: z
    .array(sealingKey)
    .min(1)
    .optional()
    .describe('Keys for secrets at rest, with an id each: the first seals, all open.'),
  push: z
    .record(z.string(), z.string())
    .refine(isVapidKey, 'must be a private EC key on P-256: `duepassi keys generate` makes one')
    .optional()
    .describe(
      'Private JWK (EC, P-256) by which push services know this provider (VAPID, RFC 8292). With another one every phone has to subscribe anew, which it does when its app is opened.',
    ),
})

const places = z.strictObject({
  file: z
    .string()
    .optional()
    .describe(
      'Database of places by address, in MaxMind’s format (GeoLite2 City or Country, DB-IP, …), read at the start; nothing is asked of anybody. Without it countries are unknown.',
    ),
})

const attempts = z.strictObject({
  freeFailures: z.int().min(1).max(20).default(3).describe('Wrong codes in a row before the first wait.'),
  firstWait: seconds.default(30).describe('Seconds of the first wait; each further wrong code doubles it.'),
  longestWait: seconds.default(3600).describe('Seconds at which the wait stops growing.'),
  lockAfter: z
    .int()
    .min(1)
    .max(100)
    .default(10)
    .describe(
      'Wrong codes in a row that are answered; the next one locks the second factor until an administrator unlocks it. At most 100 (NIST SP 800-63B-4 §3.2.2).',
    ),
})

const passwords = z.strictObject({
  minLength: z.int().min(8).max(64).default(8).describe('Fewest characters.'),
  maxLength: z.int().min(64).max(1024).default(128).describe('Most characters.'),
  freeFailures: z
    .int()
    .min(1)
    .max(100)
    .default(5)
    .describe('Wrong passwords in a row before the first wait.'),
  firstWait: seconds.default(30).describe('Seconds of the first wait after wrong passwords; doubles.'),
  longestWait: seconds
    .default(900)
    .describe('Seconds at which that wait stops growing: a stranger can cause it, so it stays short.'),
  hashing: z
    .strictObject({
      concurrency: z
        .int()
        .min(1)
        .max(64)
        .nullable()
        .default(null)
        .describe(
          'Password hashes computed at once; null: one less than the machine has cores, so that everything else keeps one.',
        ),
      queue: z
        .int()
        .min(1)
        .max(10_000)
        .default(200)
        .describe('Sign-ins that may wait for a hash; beyond it the answer is 503 with Retry-After.'),
    })
    .prefault({}),
})

const lifetimes = z.strictObject({
  interaction: seconds.default(900).describe('From the authorization request to the end of the sign-in.'),
  session: seconds
    .default(43_200)
    .describe('Longest life of a session (NIST SP 800-63B-4 §2.2.3: at most 24 h).'),
  sessionIdle: seconds.default(3_600).describe('A session unused for so long ends.'),
  authorizationCode: seconds.max(600).default(60).describe('Authorization code.'),
  accessToken: seconds.default(600).describe('Access token.'),
  idToken: seconds.default(300).describe('ID token.'),
  refreshToken: seconds.default(2_592_000).describe('Refresh token.'),
})

const mail = z.strictObject({
  url: z
    .string()
    .regex(/^smtps?:\/\//, 'must start with `smtp://` or `smtps://`')
    .optional()
    .describe('Mail server: `smtp://user:password@host:587`. Without it nobody is told by mail.'),
  from: z.email().optional().describe('Sender of the mails; needed with `mail.url`.'),
  codes: z
    .boolean()
    .default(false)
    .describe(
      'People may have codes sent by mail. They are never a second factor (NIST SP 800-63B-4 §3.1.3.1); a policy may require them besides.',
    ),
})

const brand = z.strictObject({
  name: z
    .string()
    .min(1)
    .max(60)
    .default('Duepassi')
    .describe('Name of the provider on its pages, in mails and in authenticator apps.'),
})

const log = z.strictObject({
  level: z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace'])
    .default('info')
    .describe('Least level that is written, as JSON lines on standard output.'),
})

const store = z.strictObject({
  file: z
    .string()
    .default('data/sessions.db')
    .describe('File of the embedded store, used when no `redis` is configured. One process only.'),
})

const resource = z.strictObject({
  id: z.url().describe('The resource indicator, which becomes the audience.'),
  scopes: z.array(z.string()).default([]).describe('Scopes that it knows.'),
  clients: z
    .array(z.string())
    .min(1)
    .describe('Client ids that may ask for tokens for it, with any of its scopes; `*` means every client.'),
  format: z
    .enum(['opaque', 'jwt'])
    .default('jwt')
    .describe('`jwt` is checked by the resource server itself (RFC 9068), `opaque` by introspection.'),
})

export const schema = z.strictObject({
  mode: z
    .enum(['production', 'demo'])
    .default('production')
    .describe('`demo` allows an http issuer and generated keys; never for real accounts.'),
  preset: z
    .enum(['standard', 'strict'])
    .default('standard')
    .describe(
      'What holds where nothing else is written. `strict` (NIST SP 800-63B-4): codes of the present time step only, PIN or finger at every key, and trusted devices by a bound key only.',
    ),
  issuer: z.url().describe('The issuer identifier, such as `https://id.example.org`. https in production.'),
  proxy: z
    .boolean()
    .default(false)
    .describe(
      'True behind a TLS proxy that sets X-Forwarded-Proto, -Host and -For; otherwise these are not believed.',
    ),
  listen: listen.prefault({}),
  metrics: metrics.prefault({}),
  database: database.prefault({}),
  redis: redis.optional(),
  store: store.prefault({}),
  keys: keys.prefault({}),
  policy: policy.prefault({}),
  places: places.prefault({}),
  attempts: attempts.prefault({}),
  passwords: passwords.prefault({}),
  totp: totp.prefault({}),
  push: push.prefault({}),
  webauthn: webauthn.prefault({}),
  lifetimes: lifetimes.prefault({}),
  resources: z
    .array(resource)
    .default([])
    .describe('Resource servers that access tokens may be asked for (RFC 8707).'),
  mail: mail.prefault({}),
  sms: sms.prefault({}),
  messages: messages.prefault({}),
  tokens: tokens.prefault({}),
  brand: brand.prefault({}),
  log: log.prefault({}),
})

export type Config = z.output<typeof schema>
