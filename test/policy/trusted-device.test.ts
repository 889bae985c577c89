import assert from 'node:assert/strict'
import fc from 'fast-check'
import { levelOf, levelProvenBy, oneFactor, twoFactors } from '../../src/policy/acr.ts'
import { isTrustNamed, trustedDevice, withoutFactors } from '../../src/policy/amr.ts'
import { noRules } from '../../src/policy/factor-rules.ts'
import { type Decision, decide, explain, type Facts } from '../../src/policy/policy.ts'
import { anyFacts, anyTrustedFacts, ownFactors } from './any-facts.ts'
import {
  atLeast,
  byCookie,
  byDeviceKey,
  deviceKey,
  facts,
  mfa,
  phr,
  phrh,
  sfa,
  withHardware,
  withKey,
} from './facts.ts'

const allowed = (acr: string): Decision => ({ kind: 'allowed', acr })
const stepUp: Decision = { kind: 'step-up', acr: mfa, factors: [] }

const signal = (reaction: 'record' | 'step-up' | 'refuse') => ({ signal: 'new-country' as const, reaction })

/** By what has to hold for it: what a device vouches for no more. The decision is that without the device. */
const conditions: Array<[what: string, change: Partial<Facts>, ending?: Decision]> = [
  ['the request wants it anew', { fresh: true }],
  ['the relying party demands a second factor', { clientDemands: true }],
  ['the relying party wants it of late', { maxAge: 900 }],
  ['the second factor is locked', { locked: true }, { kind: 'refused', because: 'locked' }],
  ['the account has no factor any more', { factors: [] }, { kind: 'enrol', acr: mfa, factors: [] }],
  ['something is unusual', { signals: [signal('record'), signal('step-up')] }],
  ['a factor is required', { rules: { ...noRules, required: ['totp'] } }],
  [
    'what it was trusted for is forbidden',
    { rules: { ...noRules, forbidden: ['totp'] }, factors: ['totp', 'webauthn'] },
  ],
]

describe('a trusted device', () => {
  // As fresh as may be, so that nothing here is its age.
  const kinds = { 'by its cookie': byCookie, 'by its key': { ...byDeviceKey, age: 0 } }

  it('is enough by its cookie where everybody is asked, and makes no second factor of the password', () => {
    assert.deepEqual(decide(facts({ proven: byCookie })), allowed(sfa))
    assert.deepEqual(decide(facts({ proven: byCookie, mode: 'optional' })), allowed(sfa))
    assert.deepEqual(decide(facts({ proven: byCookie, mode: 'off' })), allowed(sfa))
    for (const proven of [
      { ...byCookie, acr: mfa },
      { ...byCookie, acr: phrh },
    ])
      assert.deepEqual(decide(facts({ proven })), allowed(sfa), 'the names say one factor')
  })
  it('is two factors by its key, beside a password', () => {
    assert.deepEqual(decide(facts({ proven: byDeviceKey })), allowed(mfa))
    assert.deepEqual(decide(facts({ proven: byDeviceKey, mode: 'off' })), allowed(mfa))
    assert.deepEqual(decide(facts({ proven: { ...byDeviceKey, acr: sfa } })), allowed(sfa))
    // Nobody was asked for a signature: no key alone is two factors, as one is that was unlocked.
    assert.deepEqual(decide(facts({ proven: { ...byDeviceKey, amr: deviceKey } })), allowed(sfa))
  })
  it('is never phishing-resistant, whatever a session claims', () => {
    for (const acr of [phr, phrh])
      assert.deepEqual(decide(facts({ attested: true, proven: { ...byDeviceKey, acr } })), allowed(mfa))
  })

  for (const [kind, proven] of Object.entries(kinds))
    for (const [what, change, ending = stepUp] of conditions)
      it(`${kind} counts for nothing where ${what}`, () => {
        const given = facts({ ...change, proven })
        assert.deepEqual(decide(given), ending)
        assert.ok(explain(given).proven <= oneFactor)
      })
  it('counts for nothing once it is trusted no more, or was for nothing', () => {
    for (const proven of Object.values(kinds)) {
      const { trust: _, ...gone } = proven
      assert.deepEqual(decide(facts({ proven: gone })), stepUp)
      assert.deepEqual(decide(facts({ proven: { ...proven, trust: undefined } })), stepUp)
      assert.deepEqual(decide(facts({ proven: { ...proven, trust: { factors: [] } } })), stepUp)
    }
  })
  it('counts where something is to be recorded only, and where another factor is forbidden', () => {
    for (const change of [
      { signals: [signal('record')] },
      { rules: { ...noRules, forbidden: ['recovery-code'] } },
    ]) {
      assert.deepEqual(decide(facts({ ...change, proven: byCookie })), allowed(sfa))
      assert.deepEqual(decide(facts({ ...change, proven: byDeviceKey })), allowed(mfa))
    }
    const rules = { ...noRules, forbidden: ['totp'] }
    const proven = { ...byDeviceKey, trust: { factors: ['totp', 'webauthn'] } }
    assert.deepEqual(decide(facts({ rules, factors: ['totp', 'webauthn'], proven })), allowed(mfa))
  })
  it('is good for no level above its own', () => {
    const cases: [proven: NonNullable<Facts['proven']>, acr: string, decision: Decision][] = [
      [byCookie, sfa, allowed(sfa)],
      [byCookie, mfa, stepUp],
      [byCookie, phr, { kind: 'step-up', acr: phr, factors: ['webauthn'] }],
      [byDeviceKey, sfa, allowed(sfa)],
      [byDeviceKey, mfa, allowed(mfa)],
      [byDeviceKey, phr, { kind: 'step-up', acr: phr, factors: ['webauthn'] }],
    ]
    for (const [proven, acr, decision] of cases) {
      for (const change of [{ essentialAcr: [acr] }, { acrValues: [acr] }])
        assert.deepEqual(decide(facts({ ...change, proven })), decision, `${proven.amr} for ${acr}`)
      // What is demanded at least is demanded at least; what is proven is said.
      const said = acr === sfa && proven === byDeviceKey ? allowed(mfa) : decision
      assert.deepEqual(decide(facts({ minimums: atLeast(acr), proven })), said, `${proven.amr} for ${acr}`)
    }
  })
  it('leaves what was proven besides, when it counts for nothing any more', () => {
    const factors = ['totp', 'webauthn']
    const before = { factors: [trustedDevice, ...factors], acr: phr }
    const both = { ...before, amr: ['pwd', 'otp', 'pop', 'user', 'swk', 'mfa'] }
    assert.deepEqual(decide(facts({ factors, proven: both })), allowed(phr))
    const appOnly = { ...before, factors: [trustedDevice, 'totp'], amr: ['pwd', 'otp', ...deviceKey] }
    assert.deepEqual(decide(facts({ factors, proven: appOnly })), allowed(mfa))
    // Of these names the key of the device earned one at least, and nobody knows what the others are of.
    const forgotten = { acr: phr, amr: ['pwd', 'pop', 'user', 'swk', 'mfa'] }
    assert.deepEqual(decide(facts({ factors, proven: forgotten })), stepUp)
    const keyless = { acr: phr, amr: [...deviceKey, 'user'], factors: [trustedDevice] }
    assert.deepEqual(decide(facts({ proven: keyless })), stepUp)
  })
})

describe('whatever a device is trusted for', () => {
  const without = (given: Facts): Facts => {
    if (!given.proven) return given
    const { trust: _, ...proven } = given.proven
    return { ...given, proven }
  }
  const trust = fc.record({ factors: fc.subarray(ownFactors) })

  it('no level is above what the names are worth, nor above the recorded acr', () => {
    fc.assert(
      fc.property(anyTrustedFacts, (given) => {
        const { proven } = given
        assert.ok(proven)
        const ceiling = Math.min(levelProvenBy(proven.amr), levelOf(given.ladder, proven.acr) ?? oneFactor)
        const explained = explain(given)
        assert.ok(explained.proven <= ceiling)
        const { decision } = explained
        if (decision.kind === 'allowed') assert.ok((levelOf(given.ladder, decision.acr) ?? 9) <= ceiling)
      }),
      { numRuns: 10_000 },
    )
  })
  it('no level is above that without it, but for what the key of the device is worth', () => {
    fc.assert(
      fc.property(anyTrustedFacts, (given) => {
        const [plain, trusted] = [explain(without(given)), explain(given)]
        assert.ok(trusted.proven >= plain.proven)
        if (!isTrustNamed(given.proven?.amr ?? [])) assert.equal(trusted.proven, plain.proven)
      }),
      { numRuns: 10_000 },
    )
  })
  it('it lowers what is asked of everybody, and nothing that somebody asks for', () => {
    let lowered = 0
    fc.assert(
      fc.property(anyTrustedFacts, (given) => {
        const [plain, trusted] = [explain(without(given)), explain(given)]
        const others = ({ demands }: typeof plain) =>
          demands.filter(({ rule }) => rule !== 'mode' && rule !== trustedDevice)
        assert.deepEqual(others(trusted), others(plain))
        assert.equal(trusted.demands.length, plain.demands.length)
        const own = trusted.demands.find(({ rule }) => rule === trustedDevice)
        if (!own) return
        lowered += 1
        assert.equal(own.level, oneFactor)
        assert.deepEqual(
          plain.demands.find(({ rule }) => rule === 'mode'),
          { rule: 'mode', level: twoFactors },
        )
      }),
      { numRuns: 5000 },
    )
    assert.ok(lowered > 200, `hardly anything was vouched for: ${lowered}`)
  })
  it('it keeps nobody out who is let in without it', () => {
    fc.assert(
      fc.property(anyTrustedFacts, (given) => {
        if (decide(without(given)).kind === 'allowed') assert.equal(decide(given).kind, 'allowed')
      }),
      { numRuns: 5000 },
    )
  })
  it('it changes nothing where it must not count', () => {
    let met = 0
    fc.assert(
      fc.property(anyFacts, anyTrustedFacts, trust, (given, { proven }, trusted) => {
        const mustNot =
          given.fresh ||
          given.clientDemands ||
          given.maxAge !== undefined ||
          given.locked ||
          given.factors.length === 0 ||
          given.signals.some(({ reaction }) => reaction !== 'record') ||
          given.rules.required.length > 0 ||
          trusted.factors.every((factor) => given.rules.forbidden.includes(factor))
        if (!mustNot || !proven) return
        met += 1
        const plain = without({ ...given, proven })
        assert.deepEqual(explain({ ...given, proven: { ...proven, trust: trusted } }), explain(plain))
      }),
      { numRuns: 5000 },
    )
    assert.ok(met > 1000, `${met}`)
  })
})

describe('factors that an account has no more', () => {
  const cases: [what: string, proven: NonNullable<Facts['proven']>, factors: string[], decision: Decision][] =
    [
      ['its key', { ...withKey, factors: ['webauthn'] }, ['totp'], stepUp],
      [
        'its key, and it has none at all',
        { ...withKey, factors: ['webauthn'] },
        [],
        { ...stepUp, kind: 'enrol' },
      ],
      ['its key, hardware', { ...withHardware, factors: ['webauthn'] }, ['totp'], stepUp],
      ['its app', { acr: mfa, amr: ['pwd', 'otp', 'mfa'], factors: ['totp'] }, ['webauthn'], stepUp],
      [
        'its key, and the app that was proven besides',
        { acr: phr, amr: ['pwd', 'pop', 'user', 'otp', 'mfa'], factors: ['webauthn', 'totp'] },
        ['totp'],
        allowed(mfa),
      ],
      [
        'its app, and the key that was proven besides',
        { acr: phr, amr: ['pwd', 'pop', 'user', 'otp', 'mfa'], factors: ['webauthn', 'totp'] },
        ['webauthn'],
        allowed(phr),
      ],
      // Nobody sets up recovery codes: those that were used are gone by that.
      [
        'a recovery code',
        { acr: mfa, amr: ['pwd', 'otp', 'mfa'], factors: ['recovery-code'] },
        ['totp'],
        allowed(mfa),
      ],
    ]
  for (const [what, proven, factors, decision] of cases)
    it(`count no more: ${what}`, () => {
      assert.deepEqual(decide(facts({ factors, proven, attested: true })), decision)
    })
  it('take with them what they earned, where nothing is demanded too', () => {
    const proven = { ...withKey, factors: ['webauthn'] }
    assert.deepEqual(decide(facts({ mode: 'off', proven })), allowed(sfa))
    assert.deepEqual(decide(facts({ mode: 'off', proven, factors: ['webauthn'] })), allowed(phr))
  })
  it('are those that were replaced by another of their kind, too', () => {
    const has = { factors: ['totp', 'webauthn'] }
    const app = { acr: mfa, amr: ['pwd', 'otp', 'mfa'], factors: ['totp'] }
    assert.deepEqual(decide(facts({ ...has, proven: { ...app, gone: [] } })), allowed(mfa))
    assert.deepEqual(decide(facts({ ...has, proven: { ...app, gone: ['webauthn'] } })), allowed(mfa))
    assert.deepEqual(decide(facts({ ...has, proven: { ...app, gone: ['totp'] } })), stepUp)
    const key = { ...withKey, factors: ['webauthn'], gone: ['webauthn'] }
    assert.deepEqual(decide(facts({ ...has, proven: key })), stepUp)
    assert.deepEqual(decide(facts({ ...has, mode: 'off', proven: key })), allowed(sfa))
    // Those that nobody sets up as well: their record is told apart from its successor.
    const codes = { ...app, factors: ['recovery-code'], gone: ['recovery-code'] }
    assert.deepEqual(decide(facts({ ...has, proven: codes })), stepUp)
    const both = { acr: phr, amr: ['pwd', 'pop', 'user', 'otp', 'mfa'], factors: ['webauthn', 'totp'] }
    assert.deepEqual(decide(facts({ ...has, proven: { ...both, gone: ['webauthn'] } })), allowed(mfa))
    assert.deepEqual(decide(facts({ ...has, proven: { ...both, gone: ['totp'] } })), allowed(phr))
    const rules = { ...noRules, required: ['totp'] }
    assert.deepEqual(decide(facts({ ...has, rules, proven: { ...both, gone: ['totp'] } })), stepUp)
  })
  it('meet no rule', () => {
    const rules = { ...noRules, required: ['webauthn'] }
    const proven = { ...withKey, factors: ['webauthn'] }
    assert.deepEqual(decide(facts({ rules, proven, factors: ['totp', 'webauthn'] })), allowed(phr))
    assert.deepEqual(decide(facts({ rules, proven })), stepUp)
  })
  it('are none where nobody knows what was proven, and no rule is there', () => {
    assert.deepEqual(decide(facts({ proven: withKey })), allowed(phr))
  })
  it('never leave more than was proven by those that are left', () => {
    fc.assert(
      fc.property(anyFacts, fc.subarray(ownFactors), fc.subarray(ownFactors), (given, left, replaced) => {
        const all = { ...given, factors: ownFactors }
        const fewer = { ...given, factors: ownFactors.filter((one) => left.includes(one)) }
        assert.ok(explain(fewer).proven <= explain(all).proven)
        const { factors: by, amr = [] } = given.proven ?? {}
        if (!by) return
        const isLost = (one: string) => given.enrollable.includes(one) && !left.includes(one)
        const check = (facts: Facts, gone: string[]) => {
          const kept = by.filter((one) => !gone.includes(one))
          assert.ok(explain(facts).proven <= levelProvenBy(withoutFactors(amr, gone, kept)))
        }
        check(fewer, by.filter(isLost))
        const later = { ...fewer, proven: given.proven && { ...given.proven, gone: replaced } }
        check(
          later,
          by.filter((one) => isLost(one) || replaced.includes(one)),
        )
        assert.ok(explain(later).proven <= explain(fewer).proven)
      }),
      { numRuns: 5000 },
    )
  })
})
