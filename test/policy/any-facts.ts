import fc from 'fast-check'
import { type Ladder, refedsLadder } from '../../src/policy/acr.ts'
import { trustedDevice } from '../../src/policy/amr.ts'
import { noRules } from '../../src/policy/factor-rules.ts'
import type { Facts, ProvenFacts } from '../../src/policy/policy.ts'
import { reactions, signalNames } from '../../src/policy/signals.ts'
import { atLeast, both, deviceKey, keyAlone, mfa, phr, phrh, sfa, withHardware, withKey } from './facts.ts'

export const ownFactors = ['webauthn', 'totp', 'recovery-code']

/** Every value of the ladders here, and one of none. */
export const anyAcr = fc.constantFrom(sfa, mfa, phr, phrh, 'made-up')
export const anyAcrs = fc.array(anyAcr, { maxLength: 3 })

/** Few, so that ages and their limits meet. */
export const seconds = fc.constantFrom(0, 1, 59, 60, 61, 900)

/** Mostly nothing: what keeps people out would leave nobody to look at. */
const rarely = <Kind>(arbitrary: fc.Arbitrary<Kind>): fc.Arbitrary<Kind | undefined> =>
  fc.oneof({ weight: 6, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary })

const withAges = (ladder: Ladder): fc.Arbitrary<Ladder> =>
  fc
    .array(rarely(seconds), { minLength: 4, maxLength: 4 })
    .map((ages) =>
      ladder.map((level, index) => (index === 0 ? level : { ...level, maxAge: ages[index] || undefined })),
    )

export const anyLadder = fc
  .constantFrom<Ladder>(refedsLadder, refedsLadder.slice(0, 2), refedsLadder.slice(0, 3), [
    ...refedsLadder.slice(0, 2),
    { acr: phrh, asks: 'hardware' },
  ])
  .chain((ladder) => fc.oneof(fc.constant(ladder), withAges(ladder)))

export const anySignals: fc.Arbitrary<Facts['signals']> = fc
  .uniqueArray(fc.constantFrom(...signalNames), { maxLength: 2 })
  .chain((names) =>
    fc.tuple(
      ...names.map((signal) =>
        fc.constantFrom('record' as const, ...reactions).map((reaction) => ({ signal, reaction })),
      ),
    ),
  )

/** Of everybody with no trusted device. */
export const anyProven: fc.Arbitrary<ProvenFacts> = fc.record(
  {
    acr: fc.option(anyAcr, { nil: undefined }),
    amr: fc.oneof(
      fc.constantFrom(both.amr, withKey.amr, keyAlone.amr, withHardware.amr),
      fc.subarray(['pwd', 'otp', 'pop', 'user', 'hwk', 'mca', 'mfa', 'nonsense']),
    ),
    factors: fc.option(fc.subarray(ownFactors), { nil: undefined }),
    age: rarely(seconds),
  },
  { requiredKeys: ['acr', 'amr', 'factors'] },
)

export const anyRules = fc.oneof(
  fc.constant(noRules),
  fc.record({ required: fc.subarray(['webauthn', 'totp']), forbidden: fc.subarray(ownFactors) }),
)

/** Whatever may be the case where no device is trusted. */
export const anyFacts: fc.Arbitrary<Facts> = fc.record({
  ladder: anyLadder,
  mode: fc.constantFrom('required' as const, 'optional' as const, 'off' as const),
  clientDemands: fc.boolean(),
  minimums: fc
    .array(fc.constantFrom(sfa, mfa, phr, phrh, phr, mfa, 'made-up'), { maxLength: 2 })
    .map((acrs) => atLeast(...acrs)),
  acrValues: anyAcrs,
  essentialAcr: fc.option(fc.array(anyAcr, { minLength: 1, maxLength: 3 }), { nil: undefined }),
  fresh: fc.boolean(),
  maxAge: rarely(seconds),
  signals: rarely(anySignals).map((given = []) => given),
  rules: anyRules,
  enrollable: fc.subarray(['webauthn', 'totp'], { minLength: 1 }),
  attested: fc.boolean(),
  factors: fc.subarray(ownFactors),
  locked: fc.boolean(),
  proven: fc.option(anyProven, { nil: undefined }),
})

/** What a session may be of that a device vouches for, or did: by a cookie, by its key, and with factors of one's own besides. */
const anyTrustedProven: fc.Arbitrary<ProvenFacts> = fc.record(
  {
    acr: fc.constantFrom(mfa, mfa, sfa, phr, phrh, undefined),
    amr: fc.oneof(
      fc.constantFrom(['pwd'], ['pwd', ...deviceKey], ['pwd', 'otp', ...deviceKey]),
      fc.constantFrom([...withKey.amr, 'swk'], [...withHardware.amr, 'swk'], deviceKey),
    ),
    factors: fc.option(
      fc.subarray(ownFactors).map((own) => [trustedDevice, ...own]),
      { nil: undefined },
    ),
    age: fc.option(fc.oneof(seconds, fc.constant(Number.POSITIVE_INFINITY)), { nil: undefined }),
    trust: fc.option(fc.record({ factors: fc.subarray(ownFactors) }), { nil: undefined, freq: 10 }),
  },
  { requiredKeys: ['acr', 'amr', 'factors'] },
)

/** Whatever may be the case where a device is trusted; mostly nothing that keeps it from counting. */
export const anyTrustedFacts: fc.Arbitrary<Facts> = fc
  .tuple(anyFacts, anyTrustedProven, fc.array(fc.nat(7), { maxLength: 2 }))
  .map(([given, proven, kept]) => {
    const calm: Array<Partial<Facts>> = [
      { fresh: false },
      { clientDemands: false },
      { maxAge: undefined },
      { locked: false },
      { factors: ['totp', 'webauthn'] },
      { signals: given.signals.filter(({ reaction }) => reaction === 'record') },
      { rules: { ...given.rules, required: [] } },
      { minimums: [], essentialAcr: undefined },
    ]
    return Object.assign({}, given, { proven }, ...calm.filter((_, index) => !kept.includes(index))) as Facts
  })
