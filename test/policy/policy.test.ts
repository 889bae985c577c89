import assert from 'node:assert/strict'
import fc from 'fast-check'
import { levelOf, refedsLadder } from '../../src/policy/acr.ts'
import { provesTwoFactors } from '../../src/policy/amr.ts'
import { type FactorRules, noRules } from '../../src/policy/factor-rules.ts'
import { decide, type Facts } from '../../src/policy/policy.ts'
import { both, facts, mfa, sfa } from './facts.ts'

/** On no ladder here. */
const elsewhere = 'https://refeds.org/profile/phr'

describe('policy', () => {
  it('asks for the second factor, or for setting one up, where it is required', () => {
    assert.deepEqual(decide(facts()), { kind: 'step-up', acr: mfa, factors: [] })
    assert.deepEqual(decide(facts({ factors: [] })), { kind: 'enrol', acr: mfa, factors: [] })
    assert.deepEqual(decide(facts({ proven: both })), { kind: 'allowed', acr: mfa })
    assert.deepEqual(decide(facts({ proven: undefined })), { kind: 'step-up', acr: mfa, factors: [] })
  })
  it('asks those who have one where it is optional, and says the lower level of the others', () => {
    assert.deepEqual(decide(facts({ mode: 'optional' })), { kind: 'step-up', acr: mfa, factors: [] })
    assert.deepEqual(decide(facts({ mode: 'optional', factors: [] })), { kind: 'allowed', acr: sfa })
  })
  it('asks nobody where it is off, unless a relying party demands it', () => {
    assert.deepEqual(decide(facts({ mode: 'off' })), { kind: 'allowed', acr: sfa })
    assert.deepEqual(decide(facts({ mode: 'off', clientDemands: true })), {
      kind: 'step-up',
      acr: mfa,
      factors: [],
    })
    assert.deepEqual(decide(facts({ mode: 'off', acrValues: [mfa] })), {
      kind: 'step-up',
      acr: mfa,
      factors: [],
    })
    assert.deepEqual(decide(facts({ mode: 'off', essentialAcr: [mfa] })), {
      kind: 'step-up',
      acr: mfa,
      factors: [],
    })
    assert.deepEqual(decide(facts({ mode: 'off', essentialAcr: [mfa], factors: [] })), {
      kind: 'enrol',
      acr: mfa,
      factors: [],
    })
  })
  it('lets acr_values weaken neither an essential acr nor the client', () => {
    assert.equal(decide(facts({ mode: 'off', acrValues: [sfa], essentialAcr: [mfa] })).kind, 'step-up')
    assert.equal(decide(facts({ mode: 'off', acrValues: [sfa], clientDemands: true })).kind, 'step-up')
  })
  it('ignores a wish that cannot be reached, and refuses a demand that cannot', () => {
    assert.deepEqual(decide(facts({ proven: both, acrValues: [elsewhere] })), { kind: 'allowed', acr: mfa })
    assert.deepEqual(decide(facts({ mode: 'off', acrValues: [elsewhere, mfa] })), {
      kind: 'step-up',
      acr: mfa,
      factors: [],
    })
    assert.deepEqual(decide(facts({ proven: both, essentialAcr: [elsewhere] })), {
      kind: 'refused',
      because: 'unreachable',
    })
    assert.deepEqual(decide(facts({ proven: both, essentialAcr: [elsewhere, mfa] })), {
      kind: 'allowed',
      acr: mfa,
    })
  })
  it('believes the lesser of acr and amr', () => {
    assert.equal(decide(facts({ proven: { acr: mfa, amr: ['pwd', 'mfa'] } })).kind, 'step-up')
    assert.equal(decide(facts({ proven: { acr: sfa, amr: ['pwd', 'otp'] } })).kind, 'step-up')
    assert.equal(decide(facts({ proven: { acr: undefined, amr: ['pwd', 'otp'] } })).kind, 'step-up')
    assert.equal(decide(facts({ proven: { acr: 'made-up', amr: ['pwd', 'otp'] } })).kind, 'step-up')
  })
  it('refuses a locked second factor wherever one is needed or was used', () => {
    const locked = { kind: 'refused', because: 'locked' }
    assert.deepEqual(decide(facts({ locked: true })), locked)
    assert.deepEqual(decide(facts({ locked: true, proven: both })), locked)
    assert.deepEqual(decide(facts({ locked: true, mode: 'off', proven: both })), locked)
    assert.deepEqual(decide(facts({ locked: true, mode: 'off' })), { kind: 'allowed', acr: sfa })
  })
  it('never allows less than was demanded, whatever is asked', () => {
    const acr = fc.constantFrom(sfa, mfa, elsewhere, 'made-up')
    const anything = fc.record({
      mode: fc.constantFrom('required' as const, 'optional' as const, 'off' as const),
      clientDemands: fc.boolean(),
      acrValues: fc.array(acr, { maxLength: 3 }),
      essentialAcr: fc.option(fc.array(acr, { minLength: 1, maxLength: 3 }), { nil: undefined }),
      factors: fc.subarray(['totp']),
      locked: fc.boolean(),
      proven: fc.option(
        fc.record({
          acr: fc.option(acr, { nil: undefined }),
          amr: fc.subarray(['pwd', 'pin', 'otp', 'mfa', 'nonsense']),
        }),
        { nil: undefined },
      ),
    })
    fc.assert(
      fc.property(anything, (change) => {
        const given = facts(change)
        const decision = decide(given)
        if (decision.kind !== 'allowed') return
        const level = levelOf(refedsLadder, decision.acr) ?? -1
        assert.ok(given.proven)
        assert.ok(level <= (provesTwoFactors(given.proven.amr) ? 1 : 0), 'above what was proven')
        if (given.mode === 'required' || given.clientDemands) assert.equal(level, 1)
        if (given.mode === 'optional' && given.factors.length > 0) assert.equal(level, 1)
        if (given.essentialAcr && !given.essentialAcr.includes(sfa)) assert.equal(level, 1)
        if (given.essentialAcr)
          assert.ok(given.essentialAcr.includes(sfa) || given.essentialAcr.includes(mfa))
        assert.ok(!(given.locked && level === 1))
      }),
      { numRuns: 2000 },
    )
  })

  describe('with rules', () => {
    const ruled = (
      given: Partial<FactorRules>,
      by: readonly string[] | undefined,
      change: Partial<Facts> = {},
    ) =>
      decide(
        facts({
          rules: { ...noRules, ...given },
          factors: ['webauthn', 'totp', 'recovery-code'],
          proven: { ...both, factors: by },
          ...change,
        }),
      )
    const allowed = { kind: 'allowed', acr: mfa }
    const stepUp = { kind: 'step-up', acr: mfa, factors: [] }
    const unreachable = { kind: 'refused', because: 'unreachable' }

    it('believes two factors only by what is required, and by nothing that is forbidden', () => {
      assert.deepEqual(ruled({ required: ['webauthn'] }, ['webauthn']), allowed)
      assert.deepEqual(ruled({ required: ['webauthn'] }, ['totp']), stepUp)
      assert.deepEqual(ruled({ required: ['webauthn', 'totp'] }, ['totp']), stepUp)
      assert.deepEqual(ruled({ required: ['webauthn', 'totp'] }, ['totp', 'webauthn']), allowed)
      assert.deepEqual(ruled({ forbidden: ['recovery-code'] }, ['recovery-code']), stepUp)
      assert.deepEqual(ruled({ forbidden: ['recovery-code'] }, ['totp']), allowed)
      assert.deepEqual(ruled({ forbidden: ['recovery-code'] }, ['recovery-code', 'totp']), allowed)
    })
    it('takes what nobody remembers for nothing, where there are rules', () => {
      for (const by of [undefined, []]) {
        assert.deepEqual(ruled({ required: ['totp'] }, by), stepUp)
        assert.deepEqual(ruled({ forbidden: ['webauthn'] }, by), stepUp)
        assert.deepEqual(ruled({}, by), allowed)
      }
    })
    const keyAndApp = { acr: mfa, amr: ['pop', 'user', 'otp', 'mfa'] }
    it('counts no name that a forbidden key earned, though a factor that counts was proven besides', () => {
      const noKeys = { required: [], forbidden: ['webauthn'] }
      for (const factors of [
        ['webauthn', 'totp'],
        // By whom the session was begun is remembered no more, and its names are there.
        ['totp'],
      ]) {
        const proven = { ...keyAndApp, factors }
        assert.deepEqual(ruled({}, factors, { proven }), allowed)
        assert.deepEqual(ruled(noKeys, factors, { proven }), stepUp)
        const withPassword = { acr: mfa, amr: ['pwd', ...keyAndApp.amr], factors }
        assert.deepEqual(ruled(noKeys, factors, { proven: withPassword }), allowed)
        assert.deepEqual(ruled(noKeys, factors, { mode: 'off', proven }), { kind: 'allowed', acr: sfa })
      }
    })
    it('refuses what is required of people who cannot set it up', () => {
      assert.deepEqual(ruled({ required: ['recovery-code'] }, ['recovery-code']), unreachable)
      assert.deepEqual(ruled({ required: ['recovery-code', 'totp'] }, ['recovery-code', 'totp']), unreachable)
      assert.deepEqual(ruled({ required: ['webauthn'] }, ['webauthn'], { enrollable: ['totp'] }), unreachable)
      assert.deepEqual(ruled({ forbidden: ['webauthn', 'totp'] }, ['recovery-code']), unreachable)
    })
    it('believes neither acr nor factors alone', () => {
      for (const proven of [
        { acr: sfa, amr: both.amr, factors: ['totp'] },
        { acr: mfa, amr: ['pwd'], factors: ['totp'] },
      ])
        assert.deepEqual(decide(facts({ rules: { ...noRules, required: ['totp'] }, proven })), stepUp)
    })
    it('demands a second factor where one is required, whatever the mode, and not where one is forbidden', () => {
      for (const mode of ['off', 'optional'] as const) {
        const fresh = { mode, factors: [], proven: { acr: sfa, amr: ['pwd'], factors: [] } }
        assert.deepEqual(ruled({ required: ['totp'] }, [], fresh), { kind: 'enrol', acr: mfa, factors: [] })
        assert.deepEqual(ruled({ forbidden: ['totp'] }, [], fresh), { kind: 'allowed', acr: sfa })
      }
    })
    it('refuses rules that contradict one another, or that nobody could meet', () => {
      assert.deepEqual(ruled({ required: ['totp'], forbidden: ['totp'] }, ['totp']), unreachable)
      assert.deepEqual(ruled({ required: ['carrier-pigeon'] }, ['totp']), unreachable)
      assert.deepEqual(
        ruled({ forbidden: ['webauthn', 'totp', 'recovery-code'] }, ['totp'], { mode: 'off' }),
        unreachable,
      )
    })
    it('refuses a locked second factor that was used, although its rules say that it counts for nothing', () => {
      const locked = { kind: 'refused', because: 'locked' }
      assert.deepEqual(ruled({ forbidden: ['totp'] }, ['totp'], { locked: true, mode: 'off' }), locked)
      assert.deepEqual(ruled({ required: ['totp'] }, ['totp'], { locked: true }), locked)
    })

    const names = ['webauthn', 'totp', 'recovery-code']
    const rules = fc.record({ required: fc.subarray(names), forbidden: fc.subarray(names) })
    const anything = fc.record({
      mode: fc.constantFrom('required' as const, 'optional' as const, 'off' as const),
      clientDemands: fc.boolean(),
      acrValues: fc.array(fc.constantFrom(sfa, mfa, elsewhere), { maxLength: 2 }),
      essentialAcr: fc.option(
        fc.array(fc.constantFrom(sfa, mfa, elsewhere), { minLength: 1, maxLength: 2 }),
        {
          nil: undefined,
        },
      ),
      factors: fc.subarray(names),
      locked: fc.boolean(),
      proven: fc.option(
        fc.record({
          acr: fc.constantFrom(mfa, mfa, sfa, undefined),
          amr: fc.constantFrom(
            ['pwd'],
            ['pwd', 'otp'],
            ['pop', 'user'],
            ['pop', 'user', 'mfa'],
            ['otp', 'mfa'],
          ),
          factors: fc.option(fc.subarray(names), { nil: undefined }),
        }),
        { nil: undefined },
      ),
    })
    it('never allows less than all that is required, nor two factors by forbidden ones alone', () => {
      fc.assert(
        fc.property(anything, rules, (change, own) => {
          const given = facts({ ...change, rules: own })
          const decision = decide(given)
          if (decision.kind !== 'allowed') return
          const by = given.proven?.factors ?? []
          for (const factor of own.required) {
            assert.ok(by.includes(factor), `${factor} is required, and was not proven`)
            assert.ok(!own.forbidden.includes(factor), `${factor} is forbidden as well`)
          }
          if (own.required.length > 0) assert.equal(decision.acr, mfa)
          if (decision.acr === mfa && own.forbidden.length > 0)
            assert.ok(by.some((factor) => !own.forbidden.includes(factor)))
        }),
        { numRuns: 3000 },
      )
    })
    it('allows nothing by a rule more that it refused or asked for without it', () => {
      fc.assert(
        fc.property(anything, rules, rules, (change, own, more) => {
          const before = decide(facts({ ...change, rules: own }))
          const together = {
            required: [...own.required, ...more.required],
            forbidden: [...own.forbidden, ...more.forbidden],
          }
          const after = decide(facts({ ...change, rules: together }))
          if (before.kind !== 'allowed') assert.notEqual(after.kind, 'allowed')
          if (before.kind === 'allowed' && after.kind === 'allowed')
            assert.ok((levelOf(refedsLadder, after.acr) ?? 9) <= (levelOf(refedsLadder, before.acr) ?? -1))
        }),
        { numRuns: 3000 },
      )
    })
  })
})
