import { z } from 'zod'

const base64Key = z
  .base64()
  .refine(
    (text) => Buffer.from(text, 'base64').length === 32,
    'must be 32 random bytes in base64: `openssl rand -base64 32`',
  )

const sealingKey = z.strictObject({
  id: z.string().regex(/^[A-Za-z0-9_-]{1,16}$/, '1 to 16 letters, digits, `-`, `_`'),
  key: base64Key,
})

const isVapidKey = ({ kty, crv, x, y, d }: Record<string, string>): boolean =>
  kty === 'EC' && crv === 'P-256' && [x, y, d].every((one) => /^[\w-]{43}$/.test(one ?? ''))

const algorithm = z.enum(['ES256', 'EdDSA', 'PS256', 'RS256'])

/** What every key has that signs elsewhere. */
const elsewhere = {
  kid: z.string().min(1).max(128).describe('Its `kid` in tokens.'),
  signs: z
    .boolean()
    .default(true)
    .describe('False publishes the key only, so that everybody knows it by the day it signs.'),
}

const httpSigner = z.strictObject({
  kind: z.literal('http'),
  ...elsewhere,
  alg: algorithm,
  publicKey: z.looseObject({ kty: z.string() }).describe('Public JWK; every signature is verified with it.'),
  url: z.url().describe('Where it is asked: https, or http on this very machine.'),
  secret: z.string().min(16).describe('Signs the requests, 16 characters at least.'),
})

const pkcs11Signer = z.strictObject({
  kind: z.literal('pkcs11'),
  ...elsewhere,
  alg: z.enum(['ES256', 'PS256', 'RS256']),
  module: z.string().min(1).describe('The PKCS#11 library, such as `/usr/lib/softhsm/libsofthsm2.so`.'),
  token: z.string().min(1).max(32).describe('Label of the token.'),
  pin: z.string().min(1).describe('PIN of its user.'),
  key: z.string().min(1).describe('Label of the private key, and of its public key.'),
})

const rotation = z.strictObject({
  everyDays: z
    .number()
    .positive()
    .nullable()
    .default(90)
    .describe('Days for which a key made here signs; null: until `duepassi keys rotate`.'),
  publishHours: z
    .number()
    .min(0)
    .default(24)
    .describe('Hours for which a new key is published before it signs; a minute at least.'),
  keepDays: z
    .number()
    .min(0)
    .default(30)
    .describe(
      'Days for which a key still verifies after its successor signs; never less than what it signed is good for.',
    ),
})

/** Section `keys`. */
export const keys = z.strictObject({
  signing: z
    .array(z.looseObject({ kty: z.string() }))
    .min(1)
    .optional()
    .describe(
      'Private JWKs for tokens, of your own: the first of each algorithm signs until Duepassi made a newer one, all are published. Without them Duepassi makes its keys.',
    ),
  algorithms: z
    .array(algorithm)
    .min(1)
    .optional()
    .describe(
      'Algorithms of the keys for tokens that Duepassi makes and keeps in the database, sealed. Without this and without keys of your own: ES256 and RS256.',
    ),
  signers: z
    .array(z.discriminatedUnion('kind', [httpSigner, pkcs11Signer]))
    .min(1)
    .optional()
    .describe(
      'Keys for tokens that never leave another machine: `kind: http` with `url`, `secret` and `publicKey`, or `kind: pkcs11` with `module`, `token`, `pin` and `key`; each with `kid` and `alg`. They sign before all others of their algorithm.',
    ),
  rotation: rotation.prefault({}),
  cookies: z
    .array(base64Key)
    .min(1)
    .optional()
    .describe(
      'Keys for signed cookies, of your own, 32 bytes base64: the first signs until Duepassi made a newer one, all verify.',
    ),
  sealing: z
    .array(sealingKey)
    .min(1)
    .optional()
    .describe('Keys for secrets at rest, with an id each: the first seals, all open.'),
  pairwise: base64Key
    .optional()
    .describe(
      'Key of the subjects of clients with `subject_type: pairwise`, 32 bytes base64. It must never change: with another one everybody is somebody else to them. Without it there are public subjects only.',
    ),
  push: z
    .record(z.string(), z.string())
    .refine(isVapidKey, 'must be a private EC key on P-256: `duepassi keys generate` makes one')
    .optional()
    .describe(
      'Private JWK (EC, P-256) by which push services know this provider (VAPID, RFC 8292). With another one every phone has to subscribe anew, which it does when its app is opened.',
    ),
})
