import { z } from 'zod'
import { isNetwork } from '../context/networks.ts'
import { isGroupName } from '../directory/group-name.ts'
import { factorNames } from '../factors/factor.ts'
import { strengths } from '../policy/acr.ts'
import { reactions, signalNames } from '../policy/signals.ts'

/** What is asked of whom: section `policy`. */
const seconds = z.int().positive()

const factorRules = z.partialRecord(z.enum(factorNames), z.enum(['require', 'allow', 'forbid']))

const group = z.strictObject({
  factors: factorRules.default({}),
  minimum: z.string().optional(),
  trustedDevices: z.boolean().optional(),
})

const trustedDevices = z.strictObject({
  kind: z
    .enum(['off', 'cookie', 'bound'])
    .default('off')
    .describe(
      'Whether people may say “do not ask here again”. `cookie`: a secret in the browser; tokens then say one factor. `bound`: a key that the browser cannot give away, which counts as possession. Neither serves a relying party that demands a second factor, `prompt=login`, `max_age`, or a level above its own.',
    ),
  days: z
    .int()
    .min(1)
    .max(365)
    .default(30)
    .describe('Days after which they are asked again; fewer count for trust that was given before, too.'),
})

const context = z.strictObject({
  reactions: z
    .partialRecord(z.enum(signalNames), z.enum(reactions))
    .default({})
    .describe(
      'What is made of a sign-in from somewhere unusual, by signal (`new-device`, `new-country`, `impossible-travel`, `many-failures`, `forbidden-network`): `record` (the default), `step-up` (two factors, and no trusted device), `refuse`.',
    ),
  networks: z
    .array(
      z.string().refine(isNetwork, 'must be a network (`203.0.113.0/24`, `2001:db8::/32`) or an address'),
    )
    .default([])
    .describe('Networks whose requests have the signal `forbidden-network`.'),
  failures: z
    .int()
    .min(1)
    .max(100)
    .default(5)
    .describe('Wrong passwords in a row from which on the right one has the signal `many-failures`.'),
  kilometresPerHour: z
    .int()
    .min(100)
    .max(100_000)
    .default(1_000)
    .describe('Between two sign-ins nobody is faster: `impossible-travel`. Needs `places.file`.'),
})

export const policy = z.strictObject({
  secondFactor: z
    .enum(['required', 'optional', 'off'])
    .default('required')
    .describe(
      '`required`: whoever has no factor enrols one at the first sign-in, before any token. `optional`: asked of those who have one. `off`: asked only where a relying party demands it.',
    ),
  offer: z
    .boolean()
    .default(true)
    .describe(
      'With `optional` and `push.enabled`: whoever signs in without a second factor is offered one. "Not now" holds for 90 days.',
    ),
  factors: factorRules
    .default({})
    .describe(
      'By factor (`webauthn`, `push`, `totp`, `hardware-token`, `sms`, `email`, `recovery-code`): `require` (must be proven at every sign-in), `allow` (the default), `forbid` (counts for nothing and is not offered). A relying party adds its own as client metadata `second_factors`; the strictest word counts.',
    ),
  ladder: z
    .union([
      z.enum(['refeds', 'spid', 'eidas']),
      z.array(z.strictObject({ acr: z.string().min(1), asks: z.enum(strengths) })).min(2),
    ])
    .default('refeds')
    .describe(
      '`acr` values: `refeds` (sfa, mfa, and `phr`, `phrh` for keys), `spid`, `eidas`, or your own, weakest first: `[{ acr, asks }]` with `asks` one of `one-factor`, `two-factors`, `phishing-resistant`, `hardware`.',
    ),
  groups: z
    .record(z.string().refine(isGroupName, '1 to 40 letters, digits, `-`, `_`, `.`'), group)
    .default({})
    .describe(
      'The same for the members of a group, the least `acr` for them, and whether browsers may remember them: `{ administrators: { factors: { webauthn: require }, minimum: phr, trustedDevices: false } }`. Membership: `duepassi account groups`.',
    ),
  maxAge: z
    .record(z.string(), seconds)
    .default({})
    .describe(
      'By `acr` value: seconds for which a second factor is good for that level and those above, such as `{ phr: 900 }`. An authorization request after that asks for it again.',
    ),
  trustedDevices: trustedDevices.prefault({}),
  context: context.prefault({}),
})
