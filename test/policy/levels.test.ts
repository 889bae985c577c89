import assert from 'node:assert/strict'
import fc from 'fast-check'
import { levelOf, levelProvenBy, spidLadder } from '../../src/policy/acr.ts'
import { type Decision, decide, type Facts } from '../../src/policy/policy.ts'
import { anyAcr, anyAcrs, anyFacts } from './any-facts.ts'
import { atLeast, both, facts, keyAlone, mfa, phr, phrh, sfa, withHardware, withKey } from './facts.ts'

const unreachable: Decision = { kind: 'refused', because: 'unreachable' }
const allowed = (acr: string): Decision => ({ kind: 'allowed', acr })
const asked = (kind: 'step-up' | 'enrol', acr: string, ...factors: string[]): Decision => ({
  kind,
  acr,
  factors,
})
const nobody = { factors: [], proven: { acr: sfa, amr: ['pwd'] } }

describe('the least level', () => {
  it('is asked for by the key that reaches it, or by setting one up', () => {
    for (const [change, decision] of [
      [{ minimums: atLeast(phr) }, asked('step-up', phr, 'webauthn')],
      [{ minimums: atLeast(phr), proven: both }, asked('step-up', phr, 'webauthn')],
      [{ minimums: atLeast(phr), proven: undefined }, asked('step-up', phr, 'webauthn')],
      [{ minimums: atLeast(phr), ...nobody }, asked('enrol', phr, 'webauthn')],
      [{ minimums: atLeast(phr), proven: withKey }, allowed(phr)],
      [{ minimums: atLeast(phr), proven: keyAlone }, allowed(phr)],
      [{ minimums: atLeast(mfa) }, asked('step-up', mfa)],
      [{ minimums: atLeast(mfa), proven: both }, allowed(mfa)],
      [{ minimums: atLeast(mfa), ...nobody }, asked('enrol', mfa)],
      [{ minimums: atLeast(sfa), mode: 'off' }, allowed(sfa)],
      [{ minimums: atLeast(mfa), mode: 'off' }, asked('step-up', mfa)],
      [{ minimums: atLeast(phr), mode: 'off' }, asked('step-up', phr, 'webauthn')],
      [{ minimums: atLeast(phr), mode: 'optional', ...nobody }, asked('enrol', phr, 'webauthn')],
    ] as [Partial<Facts>, Decision][])
      assert.deepEqual(decide(facts(change)), decision, JSON.stringify(change))
  })
  it('is the strictest of several, in whatever order', () => {
    for (const minimums of [atLeast(sfa, phr), atLeast(phr, mfa), atLeast(mfa, phr, sfa)]) {
      assert.deepEqual(decide(facts({ minimums, proven: both })), asked('step-up', phr, 'webauthn'))
      assert.deepEqual(decide(facts({ minimums, proven: withKey })), allowed(phr))
    }
    assert.deepEqual(
      decide(facts({ minimums: atLeast(mfa), essentialAcr: [phr], proven: both })),
      asked('step-up', phr, 'webauthn'),
    )
    assert.deepEqual(
      decide(facts({ minimums: atLeast(mfa), acrValues: [phr], proven: both })),
      asked('step-up', phr, 'webauthn'),
    )
  })
  it('makes nothing less of two factors that are required', () => {
    assert.deepEqual(decide(facts({ minimums: atLeast(sfa) })), asked('step-up', mfa))
    assert.deepEqual(
      decide(facts({ minimums: atLeast(sfa), mode: 'off', clientDemands: true })).kind,
      'step-up',
    )
  })
  it('is met by nobody where no ladder knows it, whatever is proven or asked for', () => {
    for (const minimums of [['prh'], [''], ['PHR'], [sfa, 'constructor'], ['prh', phr]])
      for (const proven of [undefined, both, withKey, withHardware])
        for (const more of [{}, { mode: 'off' }, { essentialAcr: [sfa] }, { acrValues: ['prh'] }] as const)
          assert.deepEqual(
            decide(facts({ minimums: atLeast(...minimums), proven, attested: true, ...more })),
            unreachable,
          )
  })
  it('believes the lesser of acr and amr', () => {
    for (const proven of [
      { acr: mfa, amr: withKey.amr },
      { acr: phr, amr: both.amr },
      { acr: phrh, amr: both.amr },
      { acr: undefined, amr: withKey.amr },
      { acr: 'made-up', amr: withKey.amr },
      { acr: phr, amr: ['pwd', 'pop', 'user', 'mca', 'mfa'] },
    ])
      assert.deepEqual(decide(facts({ minimums: atLeast(phr), proven })), asked('step-up', phr, 'webauthn'))
    const claimed = { acr: phrh, amr: withKey.amr }
    assert.equal(decide(facts({ minimums: atLeast(phrh), attested: true, proven: claimed })).kind, 'step-up')
    assert.deepEqual(decide(facts({ minimums: atLeast(phr), attested: true, proven: claimed })), allowed(phr))
  })
  it('counts no key where keys are forbidden', () => {
    const here = { rules: { required: [], forbidden: ['webauthn'] }, factors: ['webauthn', 'totp'] }
    assert.deepEqual(
      decide(facts({ ...here, minimums: atLeast(phr), proven: { ...withKey, factors: ['webauthn'] } })),
      unreachable,
    )
    const proven = { acr: phr, amr: ['pwd', 'otp', 'pop', 'user', 'mfa'], factors: ['totp', 'webauthn'] }
    assert.deepEqual(decide(facts({ ...here, proven })), allowed(mfa))
  })
  it('is no way past a locked second factor', () => {
    for (const minimums of [atLeast(mfa), atLeast(phr)])
      for (const proven of [undefined, both, withKey])
        assert.deepEqual(decide(facts({ minimums, proven, locked: true, mode: 'off' })), {
          kind: 'refused',
          because: 'locked',
        })
  })
})

describe('what can be reached', () => {
  const noKeys: Partial<Facts>[] = [
    { enrollable: ['totp'] },
    { rules: { required: [], forbidden: ['webauthn'] } },
  ]
  const cases: [what: string, here: Partial<Facts>, reached: string[], not: string[]][] = [
    ['with keys', {}, [sfa, mfa, phr], [phrh]],
    ['with keys that are attested', { attested: true }, [sfa, mfa, phr, phrh], []],
    ['without keys', noKeys[0] as object, [sfa, mfa], [phr, phrh]],
    ['where keys are forbidden', noKeys[1] as object, [sfa, mfa], [phr, phrh]],
    ['where attested keys are forbidden', { ...noKeys[1], attested: true }, [sfa, mfa], [phr, phrh]],
    ['without keys, whatever is attested', { ...noKeys[0], attested: true }, [sfa, mfa], [phr, phrh]],
  ]
  for (const [what, here, reached, not] of cases)
    it(`${what} is ${reached.at(-1)}`, () => {
      for (const acr of reached)
        for (const change of [{ minimums: atLeast(acr) }, { essentialAcr: [acr] }])
          assert.notEqual(decide(facts({ ...here, ...change })).kind, 'refused', acr)
      for (const acr of not) {
        for (const change of [
          { minimums: atLeast(acr) },
          { essentialAcr: [acr] },
          { essentialAcr: [acr, 'x'] },
        ])
          assert.deepEqual(decide(facts({ ...here, ...change })), unreachable, acr)
        // A wish is none.
        assert.deepEqual(decide(facts({ ...here, acrValues: [acr] })), asked('step-up', mfa))
        assert.deepEqual(decide(facts({ ...here, essentialAcr: [acr, mfa] })), asked('step-up', mfa))
      }
    })
  it('by hardware asks for the key', () => {
    const here = { attested: true, minimums: atLeast(phrh) }
    assert.deepEqual(decide(facts({ ...here, proven: withKey })), asked('step-up', phrh, 'webauthn'))
    assert.deepEqual(decide(facts({ ...here, ...nobody })), asked('enrol', phrh, 'webauthn'))
    assert.deepEqual(decide(facts({ ...here, proven: withHardware })), allowed(phrh))
  })
  it('of other ladders is what they ask for', () => {
    const [one, two, three] = spidLadder.map(({ acr }) => acr) as [string, string, string]
    const here = (change: Partial<Facts>) => decide(facts({ ladder: spidLadder, ...change }))
    assert.deepEqual(here({ proven: { acr: two, amr: withKey.amr } }), allowed(two))
    assert.deepEqual(here({ minimums: atLeast(three), proven: undefined }), unreachable)
    const attested = { minimums: atLeast(three), attested: true }
    assert.deepEqual(
      here({ ...attested, proven: { acr: two, amr: withKey.amr } }),
      asked('step-up', three, 'webauthn'),
    )
    assert.deepEqual(here({ ...attested, proven: { acr: three, amr: withHardware.amr } }), allowed(three))
    assert.deepEqual(
      here({ minimums: atLeast(phr), attested: true }),
      unreachable,
      'a value of another ladder',
    )
    assert.deepEqual(
      here({ mode: 'off', minimums: atLeast(one), proven: { acr: one, amr: ['pwd'] } }),
      allowed(one),
    )
  })
})

describe('the acr that is answered', () => {
  const hw = { attested: true, proven: withHardware }
  for (const [change, acr] of [
    [{}, phr],
    [{ essentialAcr: [mfa] }, mfa],
    [{ essentialAcr: [phr] }, phr],
    [{ essentialAcr: [phrh, mfa] }, mfa],
    [{ essentialAcr: [mfa, phr] }, mfa],
    [{ essentialAcr: [phr, mfa] }, phr],
    [{ acrValues: [mfa] }, mfa],
    [{ acrValues: [phr, mfa] }, phr],
    [{ acrValues: [phrh] }, phr],
    [{ acrValues: [phrh, mfa] }, mfa],
    [{ acrValues: ['x'] }, phr],
    // Never less than is needed.
    [{ essentialAcr: [sfa] }, phr],
    [{ essentialAcr: [sfa, mfa] }, mfa],
    [{ acrValues: [sfa] }, phr],
    [{ minimums: atLeast(phr), essentialAcr: [mfa] }, phr],
    [{ minimums: atLeast(phr), acrValues: [mfa, sfa] }, phr],
    [{ acrValues: [phr], essentialAcr: [mfa] }, phr],
    [{ acrValues: [mfa], essentialAcr: [phr] }, phr],
    [{ rules: { required: ['webauthn'], forbidden: [] }, essentialAcr: [sfa] }, phr],
    [{ mode: 'off', essentialAcr: [sfa] }, sfa],
    [{ mode: 'off', acrValues: [sfa, phr] }, sfa],
    [{ mode: 'off' }, phr],
    [{ mode: 'off', clientDemands: true, acrValues: [sfa] }, phr],
    [{ ...hw }, phrh],
    [{ ...hw, essentialAcr: [phr] }, phr],
    [{ ...hw, essentialAcr: [mfa, phrh] }, mfa],
    [{ ...hw, minimums: atLeast(phr), essentialAcr: [mfa, phr] }, phr],
    [{ ...hw, minimums: atLeast(phr), acrValues: [mfa] }, phrh],
    [{ ...hw, minimums: atLeast(phrh), essentialAcr: [sfa] }, phrh],
  ] as [Partial<Facts>, string][]) {
    const { proven: _, ...shown } = change
    it(`of a ${change.proven ? 'hardware key' : 'key'} is ${acr} with ${JSON.stringify(shown)}`, () => {
      const proven = { ...(change.proven ?? withKey), factors: ['webauthn'] }
      assert.deepEqual(decide(facts({ factors: ['webauthn'], ...change, proven })), allowed(acr))
    })
  }
})

describe('whatever is asked', () => {
  const unasked = { acrValues: [], essentialAcr: undefined }
  const height = (given: Facts, value: string): number => levelOf(given.ladder, value) ?? 9

  it('the level of a token is never above what was proven, nor below what is needed', () => {
    let seen = 0
    fc.assert(
      fc.property(anyFacts, (given) => {
        const decision = decide(given)
        if (decision.kind !== 'allowed') return
        seen += 1
        const level = height(given, decision.acr)
        assert.ok(given.proven)
        assert.ok(level <= levelProvenBy(given.proven.amr), 'above the names')
        assert.ok(level <= (levelOf(given.ladder, given.proven.acr) ?? 0), 'above the recorded acr')
        for (const { acr } of given.minimums) assert.ok(level >= height(given, acr), 'below a minimum')
        const twoNeeded =
          given.clientDemands ||
          given.mode === 'required' ||
          given.rules.required.length > 0 ||
          given.maxAge !== undefined ||
          given.signals.some(({ reaction }) => reaction !== 'record') ||
          (given.mode === 'optional' && given.factors.length > 0)
        if (twoNeeded) assert.ok(level >= 1, 'below what holds for everybody')
        if (given.essentialAcr)
          assert.ok(
            level >= Math.min(...given.essentialAcr.map((one) => height(given, one))),
            'below essential',
          )
        assert.ok(!(given.locked && level >= 1), 'locked')
        assert.ok(!given.signals.some(({ reaction }) => reaction === 'refuse'), 'refused by where it is')
      }),
      { numRuns: 10_000 },
    )
    assert.ok(seen > 200, `hardly anything was allowed: ${seen}`)
  })
  it('no parameter lets anybody in who is kept out without it', () => {
    fc.assert(
      fc.property(anyFacts, anyAcrs, (given, more) => {
        const bare = decide({ ...given, ...unasked })
        if (bare.kind === 'allowed') return
        const { essentialAcr } = given
        for (const change of [
          {},
          { acrValues: [] },
          { essentialAcr: undefined },
          { acrValues: more },
          { acrValues: [...more, ...given.acrValues] },
          { acrValues: more, essentialAcr: undefined },
          ...(essentialAcr ? [{ essentialAcr: [...essentialAcr, ...more] }] : []),
        ] as Partial<Facts>[])
          assert.notEqual(decide({ ...given, ...change }).kind, 'allowed', JSON.stringify(change))
      }),
      { numRuns: 5000 },
    )
  })
  it('acr_values let nobody in whom an essential acr keeps out', () => {
    fc.assert(
      fc.property(anyFacts, anyAcrs, (given, more) => {
        if (decide({ ...given, acrValues: [] }).kind === 'allowed') return
        assert.notEqual(decide({ ...given, acrValues: more }).kind, 'allowed')
      }),
      { numRuns: 5000 },
    )
  })
  it('one minimum more lets nobody in, and a lower acr is answered to nobody for it', () => {
    fc.assert(
      fc.property(anyFacts, anyAcr, (given, minimum) => {
        const before = decide(given)
        const after = decide({ ...given, minimums: [...given.minimums, ...atLeast(minimum)] })
        if (before.kind !== 'allowed') assert.notEqual(after.kind, 'allowed')
        else if (after.kind === 'allowed')
          assert.ok(height(given, after.acr) >= height(given, before.acr), `${before.acr} → ${after.acr}`)
      }),
      { numRuns: 5000 },
    )
  })
  it('asks for factors only where only those will do, and where they can be had', () => {
    fc.assert(
      fc.property(anyFacts, (given) => {
        const decision = decide(given)
        if (decision.kind !== 'step-up' && decision.kind !== 'enrol') return
        assert.equal(decision.kind === 'step-up', given.factors.length > 0)
        assert.deepEqual(decision.factors, height(given, decision.acr) >= 2 ? ['webauthn'] : [])
        for (const factor of decision.factors) {
          assert.ok(given.enrollable.includes(factor))
          assert.ok(!given.rules.forbidden.includes(factor))
        }
        for (const minimum of given.minimums)
          assert.ok(height(given, decision.acr) >= height(given, minimum.acr))
      }),
      { numRuns: 5000 },
    )
  })
})
