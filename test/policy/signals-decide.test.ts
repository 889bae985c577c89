import assert from 'node:assert/strict'
import fc from 'fast-check'
import { levelOf, oneFactor, twoFactors } from '../../src/policy/acr.ts'
import { noRules } from '../../src/policy/factor-rules.ts'
import { type Decision, decide, explain, type Facts } from '../../src/policy/policy.ts'
import { type Reaction, type Signal, signalNames } from '../../src/policy/signals.ts'
import { anyFacts, anySignals, anyTrustedFacts } from './any-facts.ts'
import { atLeast, both, facts, mfa, phr, sfa, withHardware, withKey } from './facts.ts'

const signals = (...given: [Signal, Reaction][]): Facts['signals'] =>
  given.map(([signal, reaction]) => ({ signal, reaction }))
const allowed = (acr: string): Decision => ({ kind: 'allowed', acr })
const context: Decision = { kind: 'refused', because: 'context' }
const password = { acr: sfa, amr: ['pwd'] }

describe('what is unusual about a sign-in', () => {
  for (const signal of signalNames) {
    it(`${signal}: changes nothing where it is recorded only`, () => {
      for (const change of [
        {},
        { mode: 'off' as const },
        { proven: both },
        { proven: undefined },
        { factors: [] },
      ])
        assert.deepEqual(
          explain(facts({ ...change, signals: signals([signal, 'record']) })),
          explain(facts(change)),
        )
    })
    it(`${signal}: demands two factors where it steps up, of everybody`, () => {
      const here = (change: Partial<Facts>) =>
        explain(facts({ mode: 'off', ...change, signals: signals([signal, 'step-up']) }))
      const asked = here({ proven: password })
      assert.deepEqual(asked.decision, { kind: 'step-up', acr: mfa, factors: [] })
      assert.equal(asked.rule, `signal:${signal}`)
      assert.deepEqual(here({ proven: both }).decision, allowed(mfa))
      assert.deepEqual(here({ proven: withKey }).decision, allowed(phr))
      assert.deepEqual(here({ acrValues: [sfa], proven: withKey }).decision, allowed(phr), 'and says so')
      assert.deepEqual(here({ factors: [] }).decision, { kind: 'enrol', acr: mfa, factors: [] })
      assert.deepEqual(here({ mode: 'optional', factors: [] }).decision.kind, 'enrol')
      assert.deepEqual(here({ locked: true }).decision, { kind: 'refused', because: 'locked' })
    })
    it(`${signal}: lets nobody in where it refuses, whatever was proven`, () => {
      for (const proven of [undefined, password, both, withKey, withHardware])
        for (const change of [{}, { mode: 'off' }, { factors: [] }, { attested: true }] as Partial<Facts>[]) {
          const { decision, rule, demands } = explain(
            facts({ ...change, proven, signals: signals([signal, 'refuse']) }),
          )
          assert.deepEqual([decision, rule], [context, `signal:${signal}`])
          assert.ok(
            demands.some((one) => one.rule === rule && one.level === twoFactors),
            'and is listed',
          )
        }
    })
  }
  it('refuses before anything else is looked at', () => {
    const here = signals(['new-country', 'refuse'])
    for (const change of [
      { locked: true },
      { rules: { required: ['totp'], forbidden: ['totp'] } },
      { essentialAcr: ['urn:out-of-reach'] },
      { minimums: atLeast('urn:unknown') },
    ])
      assert.deepEqual(decide(facts({ ...change, signals: here })), context)
  })
  it('is decided by the strictest of several, and of equals by the first', () => {
    const by = (...given: [Signal, Reaction][]) => {
      const { decision, rule } = explain(facts({ mode: 'off', proven: both, signals: signals(...given) }))
      return [decision.kind, rule]
    }
    const [network, country, device] = ['forbidden-network', 'new-country', 'new-device'] as const
    assert.deepEqual(by([network, 'record'], [country, 'step-up'], [device, 'refuse']), [
      'refused',
      'signal:new-device',
    ])
    assert.deepEqual(by([network, 'refuse'], [country, 'step-up'], [device, 'refuse']), [
      'refused',
      'signal:forbidden-network',
    ])
    assert.deepEqual(by([network, 'record'], [country, 'step-up'], [device, 'step-up']), [
      'allowed',
      'signal:new-country',
    ])
    assert.deepEqual(by([network, 'record'], [country, 'record']), ['allowed', 'mode'])
  })
  it('adds to what is asked for besides', () => {
    const here = { mode: 'off' as const, signals: signals(['many-failures', 'step-up']) }
    assert.deepEqual(decide(facts({ ...here, minimums: atLeast(phr), proven: both })), {
      kind: 'step-up',
      acr: phr,
      factors: ['webauthn'],
    })
    const rules = { ...noRules, required: ['webauthn'] }
    const proven = { ...both, factors: ['totp'] }
    assert.equal(decide(facts({ ...here, rules, proven })).kind, 'step-up')
  })

  it('never makes anything easier, nor allows one factor where it steps up', () => {
    fc.assert(
      fc.property(fc.oneof(anyFacts, anyTrustedFacts), anySignals, (plain, more) => {
        const known = plain.signals.map(({ signal }) => signal)
        const given = {
          ...plain,
          signals: [...plain.signals, ...more.filter(({ signal }) => !known.includes(signal))],
        }
        const [before, after] = [explain(plain), explain(given)]
        const isAny = (reaction: Reaction) => given.signals.some((one) => one.reaction === reaction)
        if (before.decision.kind !== 'allowed') assert.notEqual(after.decision.kind, 'allowed')
        assert.ok(after.proven <= before.proven)
        assert.equal(
          isAny('refuse'),
          after.decision.kind === 'refused' && after.decision.because === 'context',
        )
        if (after.decision.kind !== 'allowed') return
        const level = levelOf(given.ladder, after.decision.acr) ?? oneFactor
        if (isAny('step-up')) assert.ok(level >= twoFactors)
        assert.ok(level >= (after.demands[0]?.level ?? 9))
      }),
      { numRuns: 5000 },
    )
  })
})
