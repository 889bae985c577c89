import { detailTypesUsable } from './detail-rules.ts'
import { type Breach, type KeyPath, placeOf } from './fault.ts'
import { issuerFits } from './issuer-rule.ts'
import {
  allSecretsRandom,
  es256Present,
  noDemoSealing,
  noDemoSigning,
  publishedBeforeDue,
  sealingPresent,
  signersUsable,
  signingKeysUsable,
} from './key-rules.ts'
import { codesCanBeMailed, oneWayOfTexting } from './message-rules.ts'
import { certificatesComeFromProxy } from './mtls-rules.ts'
import { knownModels, usableRpId } from './passkey-rules.ts'
import {
  agesOnLadder,
  factorsCanBeMet,
  factorsConfigured,
  ladderRises,
  levelsIdleBeforeTheyEnd,
  lifetimesOnLadder,
  minimumsOnLadder,
  placesKnown,
} from './policy-rules.ts'
import { presetHolds } from './preset.ts'
import { waysOfTellingAreWhole } from './push-rules.ts'
import type { Config } from './schema.ts'

interface Rule {
  /** What the rule looks at. It is not asked while one of these is at fault already. */
  reads: readonly KeyPath[]
  check(config: Config): Breach[]
}

const notAbove =
  (lower: KeyPath, upper: KeyPath, pick: (config: Config) => readonly [number, number]) =>
  (config: Config): Breach[] => {
    const [less, more] = pick(config)
    if (less <= more) return []
    return [
      {
        path: lower,
        message: `is above \`${placeOf(upper)}\` (${less} > ${more}).`,
        fix: `Lower it, or raise \`${placeOf(upper)}\`.`,
      },
    ]
  }

const ordered = (
  section: string,
  lower: string,
  upper: string,
  pick: (config: Config) => readonly [number, number],
): Rule => ({
  reads: [
    [section, lower],
    [section, upper],
  ],
  check: notAbove([section, lower], [section, upper], pick),
})

const oneKindOfRedis = ({ redis }: Config): Breach[] => {
  if (!redis) return []
  const breaches: Breach[] = []
  const kinds = [
    redis.url && '`url`',
    (redis.sentinels || redis.master) && '`sentinels` with `master`',
    redis.cluster && '`cluster`',
  ].filter(Boolean)
  if (kinds.length !== 1) {
    breaches.push({
      path: ['redis'],
      message:
        kinds.length === 0
          ? 'names no server.'
          : `names servers in ${kinds.length} ways: ${kinds.join(', ')}.`,
      fix: 'Set exactly one of `url`, `sentinels` with `master`, `cluster`; without Redis, remove the section.',
    })
  }
  if (redis.sentinels?.length === 0 || (redis.master && !redis.sentinels)) {
    breaches.push({
      path: ['redis', 'sentinels'],
      message: 'names no sentinel.',
      fix: 'List host and port of each sentinel.',
    })
  }
  if (redis.sentinels && !redis.master) {
    breaches.push({
      path: ['redis', 'master'],
      message: 'is missing.',
      fix: 'Name the master group that the sentinels watch.',
    })
  }
  if (redis.cluster?.length === 0) {
    breaches.push({
      path: ['redis', 'cluster'],
      message: 'names no node.',
      fix: 'List host and port of some nodes.',
    })
  }
  if (redis.url && kinds.length === 1 && (redis.username || redis.password || redis.tls)) {
    breaches.push({
      path: ['redis', redis.username ? 'username' : redis.password ? 'password' : 'tls'],
      message: 'has no effect beside `redis.url`.',
      fix: 'Write it into the URL: `rediss://user:password@host:6379`.',
    })
  }
  return breaches
}

const senderForMail = ({ mail }: Config): Breach[] =>
  mail.url && !mail.from
    ? [
        {
          path: ['mail', 'from'],
          message: 'is missing.',
          fix: 'Set the sender of the mails; `mail.url` needs it.',
        },
      ]
    : []

const metricsApart = ({ listen, metrics }: Config): Breach[] =>
  metrics.port !== null && metrics.port !== 0 && metrics.port === listen.port
    ? [
        {
          path: ['metrics', 'port'],
          message: `is the port of \`listen\` (${listen.port}).`,
          fix: 'Choose another: the metrics are not for the public.',
        },
      ]
    : []

const behindProxy = ({ mode, proxy }: Config): Breach[] =>
  mode === 'production' && !proxy
    ? [
        {
          path: ['proxy'],
          message: 'must be true in production.',
          fix: 'Duepassi speaks plain http: put a TLS proxy before it that sets X-Forwarded-Proto, -Host and -For.',
        },
      ]
    : []

/** Browsers take cookies with `SameSite=None` over https only; with less, a request by POST comes without its session. */
const postsNeedHttps = ({ issuer, protocol }: Config): Breach[] =>
  protocol.postAuthorization && !issuer.startsWith('https:')
    ? [
        {
          path: ['protocol', 'postAuthorization'],
          message: 'is true, and the issuer is not https.',
          fix: 'Leave it out, or give the issuer https.',
        },
      ]
    : []

/** What goes together, beyond what the schema says of each key alone. */
const rules: readonly Rule[] = [
  { reads: [['mode'], ['issuer']], check: issuerFits },
  { reads: [['mode'], ['proxy']], check: behindProxy },
  { reads: [['issuer'], ['protocol', 'postAuthorization']], check: postsNeedHttps },
  { reads: [['mode'], ['keys', 'sealing']], check: sealingPresent },
  { reads: [['keys', 'signing']], check: signingKeysUsable },
  {
    reads: [
      ['keys', 'signing'],
      ['keys', 'algorithms'],
      ['keys', 'signers'],
    ],
    check: es256Present,
  },
  {
    reads: [
      ['keys', 'signing'],
      ['keys', 'signers'],
    ],
    check: signersUsable,
  },
  { reads: [['keys', 'rotation']], check: publishedBeforeDue },
  {
    reads: [
      ['keys', 'cookies'],
      ['keys', 'sealing'],
      ['keys', 'pairwise'],
    ],
    check: allSecretsRandom,
  },
  { reads: [['protocol', 'authorizationDetails'], ['resources']], check: detailTypesUsable },
  { reads: [['mode'], ['keys', 'signing']], check: noDemoSigning },
  { reads: [['mode'], ['keys', 'sealing']], check: noDemoSealing },
  { reads: [['redis']], check: oneKindOfRedis },
  { reads: [['issuer'], ['mode'], ['policy'], ['webauthn', 'rpId']], check: usableRpId },
  { reads: [['webauthn']], check: knownModels },
  { reads: [['policy'], ['push'], ['sms'], ['mail'], ['tokens']], check: factorsCanBeMet },
  { reads: [['policy'], ['push'], ['sms'], ['mail'], ['tokens']], check: factorsConfigured },
  { reads: [['push']], check: waysOfTellingAreWhole },
  { reads: [['sms']], check: oneWayOfTexting },
  { reads: [['proxy'], ['protocol', 'mtls']], check: certificatesComeFromProxy },
  { reads: [['mail'], ['mode']], check: codesCanBeMailed },
  { reads: [['policy']], check: ladderRises },
  { reads: [['policy'], ['webauthn', 'authenticators']], check: minimumsOnLadder },
  { reads: [['policy']], check: agesOnLadder },
  { reads: [['policy'], ['lifetimes', 'levels']], check: lifetimesOnLadder },
  { reads: [['lifetimes']], check: levelsIdleBeforeTheyEnd },
  { reads: [['policy'], ['places']], check: placesKnown },
  {
    reads: [['preset'], ['policy'], ['push', 'digits'], ['totp', 'window'], ['webauthn', 'userVerification']],
    check: presetHolds,
  },
  { reads: [['mail']], check: senderForMail },
  {
    reads: [
      ['listen', 'port'],
      ['metrics', 'port'],
    ],
    check: metricsApart,
  },
  ordered('lifetimes', 'sessionIdle', 'session', ({ lifetimes }) => [
    lifetimes.sessionIdle,
    lifetimes.session,
  ]),
  ordered('lifetimes', 'accessToken', 'refreshToken', ({ lifetimes }) => [
    lifetimes.accessToken,
    lifetimes.refreshToken,
  ]),
  ordered('passwords', 'minLength', 'maxLength', ({ passwords }) => [
    passwords.minLength,
    passwords.maxLength,
  ]),
  ordered('passwords', 'firstWait', 'longestWait', ({ passwords }) => [
    passwords.firstWait,
    passwords.longestWait,
  ]),
  ordered('attempts', 'firstWait', 'longestWait', ({ attempts }) => [
    attempts.firstWait,
    attempts.longestWait,
  ]),
]

const touches = (one: string, other: string): boolean =>
  one === other ||
  [`${one}.`, `${one}[`].some((start) => other.startsWith(start)) ||
  [`${other}.`, `${other}[`].some((start) => one.startsWith(start))

/** @param faulty places that are known to be at fault; rules that would read them are not asked */
export const brokenRules = (config: Config, faulty: readonly string[]): Breach[] =>
  rules
    .filter(({ reads }) => !reads.some((path) => faulty.some((place) => touches(placeOf(path), place))))
    .flatMap(({ check }) => check(config))
