import { z } from 'zod'
import { isNetwork } from '../context/networks.ts'
import { messages, push, sms, tokens, totp, webauthn } from './factor-schema.ts'
import { keys } from './key-schema.ts'
import { policy } from './policy-schema.ts'
import { protocol } from './protocol-schema.ts'

/**
 * The configuration, section by section. Every key carries its documentation in `.describe()`: docs/configuration.md
 * and `config/duepassi.example.yaml` are generated from here (tools/config-reference.ts).
 */
const seconds = z.int().positive()
const port = z.int().min(0).max(65535)
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

const places = z.strictObject({
  file: z
    .string()
    .optional()
    .describe(
      'Database of places by address, in MaxMind’s format (GeoLite2 City or Country, DB-IP, …), read at the start; nothing is asked of anybody. Without it countries are unknown.',
    ),
})

const outbound = z.strictObject({
  networks: z
    .array(z.string().refine(isNetwork, 'must be a network (`10.20.0.0/16`, `fd12::/16`) or an address'))
    .default([])
    .describe(
      'Networks of your own that are not public and may be reached all the same where a relying party named the address (back-channel logout, CIBA, `jwks_uri`, sector documents), on any port, over http too. Everything else is asked over https on port 443, and only where it is public: loopback and link-local addresses must be listed as any other.',
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
    .default(86_400)
    .describe('Longest life of a session (NIST SP 800-63B-4 §2.2.3: at most 24 h at the second level).'),
  sessionIdle: seconds
    .default(3_600)
    .describe(
      'A session unused for so long ends (NIST SP 800-63B-4 §2.2.3: at most 1 h at the second level).',
    ),
  levels: z
    .record(z.string(), z.strictObject({ session: seconds.optional(), sessionIdle: seconds.optional() }))
    .default({})
    .describe(
      'Other limits for sessions of single levels, by `acr`: `phrh: { session: 43200, sessionIdle: 900 }` is what NIST SP 800-63B-4 §2.3.3 asks for.',
    ),
  authorizationCode: seconds.max(600).default(60).describe('Authorization code.'),
  accessToken: seconds.default(300).describe('Access token.'),
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
    .describe(
      'Client ids that may ask for tokens for it, with any of its scopes; `*` means every client, but of those that registered themselves none that asks for itself alone.',
    ),
  format: z
    .enum(['opaque', 'jwt'])
    .default('jwt')
    .describe('`jwt` is checked by the resource server itself (RFC 9068), `opaque` by introspection.'),
  alg: z
    .enum(['ES256', 'EdDSA', 'PS256', 'RS256'])
    .optional()
    .describe('What `jwt` tokens for it are signed with; without it the first of these that has a key.'),
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
  outbound: outbound.prefault({}),
  attempts: attempts.prefault({}),
  passwords: passwords.prefault({}),
  totp: totp.prefault({}),
  push: push.prefault({}),
  webauthn: webauthn.prefault({}),
  lifetimes: lifetimes.prefault({}),
  protocol: protocol.prefault({}),
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
