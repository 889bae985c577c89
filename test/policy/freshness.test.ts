import assert from 'node:assert/strict'
import fc from 'fast-check'
import { type Ladder, levelOf, oneFactor, refedsLadder, twoFactors } from '../../src/policy/acr.ts'
import { type Decision, decide, explain, type Facts } from '../../src/policy/policy.ts'
import { anyFacts, anyLadder, seconds } from './any-facts.ts'
import { atLeast, both, facts, mfa, phr, phrh, sfa, withHardware, withKey } from './facts.ts'

const allowed = (acr: string): Decision => ({ kind: 'allowed', acr })
const stepUp = (acr: string, ...factors: string[]): Decision => ({ kind: 'step-up', acr, factors })

/** The published levels, good for so many seconds each. */
const ladderWith = (ages: Record<string, number>): Ladder =>
  refedsLadder.map((level) => ({ ...level, maxAge: ages[level.acr] }))

/** Of somebody whose second factor is so old; without an age nobody asks how old it is. */
const aged = (age: number | undefined, change: Partial<Facts> = {}): Decision => {
  const { proven = both, ...rest } = change
  return decide(facts({ factors: ['totp', 'webauthn'], ...rest, proven: { ...proven, age } }))
}

describe('the age of a second factor', () => {
  it('does not matter where nobody limits it', () => {
    for (const age of [undefined, 0, 1e9, Number.POSITIVE_INFINITY]) {
      assert.deepEqual(aged(age), allowed(mfa))
      assert.deepEqual(aged(age, { proven: withHardware, attested: true }), allowed(phrh))
    }
  })

  const cases: [what: string, change: Partial<Facts>, limit: number, late: Decision][] = [
    ['of a relying party', { maxAge: 900 }, 900, stepUp(mfa)],
    [
      'of a relying party, and of the level',
      { maxAge: 60, ladder: ladderWith({ [mfa]: 900 }) },
      60,
      stepUp(mfa),
    ],
    [
      'of the level, and of a relying party',
      { maxAge: 900, ladder: ladderWith({ [mfa]: 60 }) },
      60,
      stepUp(mfa),
    ],
    ['of none at all', { maxAge: 0 }, 0, stepUp(mfa)],
    ['of two factors', { ladder: ladderWith({ [mfa]: 300 }) }, 300, stepUp(mfa)],
    [
      'of a key that is demanded',
      { ladder: ladderWith({ [phr]: 300 }), proven: withKey, essentialAcr: [phr] },
      300,
      stepUp(phr, 'webauthn'),
    ],
    [
      'of a key that is demanded at least',
      { ladder: ladderWith({ [phr]: 300 }), proven: withKey, minimums: atLeast(phr) },
      300,
      stepUp(phr, 'webauthn'),
    ],
    [
      'of a key that is wished for',
      { ladder: ladderWith({ [phr]: 300 }), proven: withKey, acrValues: [phr] },
      300,
      stepUp(phr, 'webauthn'),
    ],
    [
      'of two factors, which holds for keys as well',
      { ladder: ladderWith({ [mfa]: 60, [phr]: 900 }), proven: withKey, minimums: atLeast(phr) },
      60,
      stepUp(phr, 'webauthn'),
    ],
    [
      'of keys, which holds for hardware as well',
      {
        ladder: ladderWith({ [phr]: 60, [phrh]: 900 }),
        proven: withHardware,
        attested: true,
        minimums: atLeast(phrh),
      },
      60,
      stepUp(phrh, 'webauthn'),
    ],
  ]
  for (const [what, change, limit, late] of cases)
    it(`has the limit ${what}: ${limit} seconds are good, and one more is not`, () => {
      for (const age of [0, Math.max(0, limit - 1), limit])
        assert.equal(aged(age, change).kind, 'allowed', `${age}`)
      for (const age of [limit + 1, 1e9, Number.POSITIVE_INFINITY])
        assert.deepEqual(aged(age, change), late, `${age}`)
    })

  it('lowers what is said, step by step, where no more is asked for', () => {
    const ladder = ladderWith({ [mfa]: 900, [phr]: 300, [phrh]: 60 })
    const here = { ladder, attested: true, proven: withHardware }
    for (const [age, acr] of [
      [0, phrh],
      [60, phrh],
      [61, phr],
      [300, phr],
      [301, mfa],
      [900, mfa],
    ] as const)
      assert.deepEqual(aged(age, here), allowed(acr), `${age}`)
    assert.deepEqual(aged(901, here), stepUp(mfa))
    assert.deepEqual(aged(901, { ...here, mode: 'off' }), allowed(sfa))
  })
  it('says no more of a level by a limit of those above', () => {
    const ladder = ladderWith({ [phr]: 60 })
    assert.deepEqual(aged(1e9, { ladder }), allowed(mfa))
    assert.deepEqual(aged(1e9, { ladder, proven: withKey }), allowed(mfa))
  })
  it('holds between the levels of a ladder that leaves some out', () => {
    const [one, two] = refedsLadder as readonly [Ladder[number], Ladder[number]]
    const short: Ladder = [one, { ...two, maxAge: 900 }, { acr: phrh, asks: 'hardware', maxAge: 60 }]
    const here = { ladder: short, attested: true, proven: withHardware }
    assert.deepEqual(aged(60, here), allowed(phrh))
    assert.deepEqual(aged(61, here), allowed(mfa))
    assert.deepEqual(aged(900, { ...here, proven: { ...withKey, acr: mfa } }), allowed(mfa))
    assert.deepEqual(aged(901, here), stepUp(mfa))
  })
  it('is not asked for at the token endpoint, where the level still is', () => {
    const ladder = ladderWith({ [mfa]: 60, [phr]: 30 })
    assert.deepEqual(aged(undefined, { ladder, proven: withKey }), allowed(phr))
    assert.deepEqual(aged(undefined, { ladder, proven: withKey, maxAge: 1 }), allowed(phr))
  })
  it('is not that of a password', () => {
    const proven = { acr: sfa, amr: ['pwd'] }
    assert.deepEqual(aged(1e9, { mode: 'off', proven, ladder: ladderWith({ [mfa]: 1 }) }), allowed(sfa))
  })
  it('makes a relying party demand one, whatever the mode', () => {
    const proven = { acr: sfa, amr: ['pwd'] }
    for (const mode of ['off', 'optional'] as const) {
      assert.deepEqual(aged(0, { mode, proven, maxAge: 900 }), stepUp(mfa))
      assert.deepEqual(aged(0, { mode, proven, maxAge: 900, factors: [] }), {
        kind: 'enrol',
        acr: mfa,
        factors: [],
      })
    }
    assert.equal(explain(facts({ mode: 'off', maxAge: 900 })).rule, 'client:second_factor_max_age')
  })
  it('opens no locked second factor', () => {
    const locked = { kind: 'refused', because: 'locked' }
    assert.deepEqual(aged(0, { locked: true, maxAge: 900 }), locked)
    assert.deepEqual(aged(901, { locked: true, maxAge: 900 }), locked)
    // Too old to count, and still what was locked.
    assert.deepEqual(aged(61, { locked: true, mode: 'off', ladder: ladderWith({ [mfa]: 60 }) }), locked)
  })
})

describe('whatever is how old', () => {
  const withAge = (given: Facts, age: number | undefined): Facts => ({
    ...given,
    proven: given.proven && { ...given.proven, age },
  })
  const someProven = fc.constantFrom(both, withKey, withHardware)

  it('more seconds never prove more, and none at all as much as no age', () => {
    fc.assert(
      fc.property(anyFacts, seconds, seconds, (given, one, more) => {
        const younger = explain(withAge(given, one))
        const older = explain(withAge(given, one + more))
        assert.ok(older.proven <= younger.proven)
        assert.deepEqual(older.demands, younger.demands)
        if (younger.decision.kind !== 'allowed') assert.notEqual(older.decision.kind, 'allowed')
        assert.deepEqual(
          explain(withAge({ ...given, maxAge: given.maxAge && Math.max(1, given.maxAge) }, 0)).proven,
          explain(withAge(given, undefined)).proven,
        )
      }),
      { numRuns: 5000 },
    )
  })
  it('no level is said for which a limit of it, or of one below, has passed', () => {
    let limited = 0
    fc.assert(
      fc.property(
        anyLadder,
        anyFacts,
        someProven,
        fc.oneof(seconds, fc.nat(1000)),
        (ladder, other, by, age) => {
          const { maxAge, acrValues, mode } = other
          const here = { ladder, maxAge, acrValues, mode, attested: true, proven: by }
          const given = withAge(facts({ ...here, factors: ['totp', 'webauthn'] }), age)
          const { decision } = explain(given)
          if (decision.kind !== 'allowed') return
          const level = levelOf(given.ladder, decision.acr) ?? 9
          if (level < twoFactors) return
          limited += 1
          if (given.maxAge !== undefined) assert.ok(age <= given.maxAge, 'the relying party’s own')
          for (const { acr, maxAge } of given.ladder)
            if (maxAge !== undefined && (levelOf(given.ladder, acr) ?? oneFactor) <= level)
              assert.ok(age <= maxAge, acr)
        },
      ),
      { numRuns: 5000 },
    )
    assert.ok(limited > 500, `hardly anything was allowed: ${limited}`)
  })
})
