import assert from 'node:assert/strict'
import fc from 'fast-check'
import {
  hardware,
  levelOf,
  nothing,
  oneFactor,
  phishingResistant,
  strengths,
  twoFactors,
} from '../../src/policy/acr.ts'
import { noRules } from '../../src/policy/factor-rules.ts'
import { decide, explain, type Facts } from '../../src/policy/policy.ts'
import { anyFacts, anyTrustedFacts } from './any-facts.ts'
import { both, byCookie, byDeviceKey, facts, mfa, phr, phrh, sfa, withHardware, withKey } from './facts.ts'

/** More than anybody can prove. */
const beyond = strengths.length

/** Everything that asks for more than one factor. */
const asked = (given: Facts) =>
  explain(given)
    .demands.filter(({ level }) => level > oneFactor)
    .map(({ rule, level }) => [rule, level])

const off = { mode: 'off' as const }
const minimum = (rule: string, acr: string) => ({ minimums: [{ rule, acr }] })

describe('what a decision rests on', () => {
  const cases: [
    what: string,
    change: Partial<Facts>,
    rule: string,
    demands: [rule: string, level: number][],
  ][] = [
    ['that all need two factors', {}, 'mode', [['mode', twoFactors]]],
    ['that nobody needs two', off, 'mode', []],
    ['that those with a factor need it', { mode: 'optional' }, 'mode', [['mode', twoFactors]]],
    ['that those without one need none', { mode: 'optional', factors: [] }, 'mode', []],
    [
      'the relying party',
      { ...off, clientDemands: true },
      'client:require_second_factor',
      [['client:require_second_factor', twoFactors]],
    ],
    [
      'the age that the relying party takes',
      { ...off, maxAge: 900 },
      'client:second_factor_max_age',
      [['client:second_factor_max_age', twoFactors]],
    ],
    [
      'a factor that is required',
      { ...off, rules: { ...noRules, required: ['totp'] } },
      'factor-rules',
      [['factor-rules', twoFactors]],
    ],
    [
      'a factor that is forbidden, which asks for none',
      { ...off, rules: { ...noRules, forbidden: ['totp'] } },
      'mode',
      [],
    ],
    ['the account', { ...off, ...minimum('account', phr) }, 'account', [['account', phishingResistant]]],
    ['a group', { ...off, ...minimum('group:staff', mfa) }, 'group:staff', [['group:staff', twoFactors]]],
    [
      'the least acr of the relying party',
      { ...off, attested: true, ...minimum('client:minimum_acr', phrh) },
      'client:minimum_acr',
      [['client:minimum_acr', hardware]],
    ],
    [
      'a minimum that no ladder knows',
      { ...off, ...minimum('group:staff', 'prh') },
      'group:staff',
      [['group:staff', beyond]],
    ],
    [
      'something unusual',
      { ...off, signals: [{ signal: 'new-country', reaction: 'step-up' }] },
      'signal:new-country',
      [['signal:new-country', twoFactors]],
    ],
    [
      'something unusual that is recorded',
      { ...off, signals: [{ signal: 'new-country', reaction: 'record' }] },
      'mode',
      [],
    ],
    [
      'an essential acr',
      { ...off, essentialAcr: [phr] },
      'request:claims',
      [['request:claims', phishingResistant]],
    ],
    [
      'the least of the essential ones',
      { ...off, essentialAcr: [phr, mfa] },
      'request:claims',
      [['request:claims', twoFactors]],
    ],
    [
      'an essential acr out of reach',
      { ...off, essentialAcr: [phrh] },
      'request:claims',
      [['request:claims', beyond]],
    ],
    ['a wish', { ...off, acrValues: [mfa, phr] }, 'request:acr_values', [['request:acr_values', twoFactors]]],
    ['a wish that cannot be reached', { ...off, acrValues: [phrh] }, 'mode', []],
    [
      'a wish that is not the first',
      { ...off, acrValues: [phrh, phr] },
      'request:acr_values',
      [['request:acr_values', phishingResistant]],
    ],
    ['a device that is trusted', { proven: byCookie }, 'trusted-device', []],
    ['a device that is trusted, by its key', { proven: byDeviceKey }, 'trusted-device', []],
    ['a device that is trusted where nobody is asked', { ...off, proven: byCookie }, 'mode', []],
  ]
  for (const [what, change, rule, demands] of cases)
    it(`is ${what}`, () => {
      const given = facts(change)
      assert.equal(explain(given).rule, rule)
      assert.deepEqual(asked(given), demands)
    })

  it('has everything that was asked for, the strictest first, and of equals what is said of everybody', () => {
    const everything: Partial<Facts> = {
      clientDemands: true,
      maxAge: 900,
      rules: { ...noRules, required: ['totp'] },
      minimums: [
        { acr: mfa, rule: 'account' },
        { acr: phr, rule: 'group:staff' },
        { acr: sfa, rule: 'group:guests' },
        { acr: phr, rule: 'client:minimum_acr' },
      ],
      signals: [
        { signal: 'new-device', reaction: 'record' },
        { signal: 'new-country', reaction: 'step-up' },
      ],
      essentialAcr: [phr],
      acrValues: [mfa],
    }
    const strict = explain(facts(everything))
    assert.equal(strict.rule, 'group:staff')
    assert.deepEqual(
      strict.demands.map(({ rule, level }) => [rule, level]),
      [
        ['group:staff', phishingResistant],
        ['client:minimum_acr', phishingResistant],
        ['request:claims', phishingResistant],
        ['mode', twoFactors],
        ['client:require_second_factor', twoFactors],
        ['client:second_factor_max_age', twoFactors],
        ['factor-rules', twoFactors],
        ['account', twoFactors],
        ['signal:new-country', twoFactors],
        ['request:acr_values', twoFactors],
        ['group:guests', oneFactor],
      ],
    )
  })
  it('is the lock, contradictory rules, or where it comes from, where those refuse', () => {
    for (const [change, because, rule] of [
      [{ locked: true }, 'locked', 'lock'],
      [{ locked: true, ...off, proven: both }, 'locked', 'lock'],
      [{ rules: { required: ['totp'], forbidden: ['totp'] } }, 'unreachable', 'factor-rules'],
      [{ rules: { required: [], forbidden: ['totp', 'webauthn'] } }, 'unreachable', 'factor-rules'],
      [minimum('account', 'prh'), 'unreachable', 'account'],
      [{ essentialAcr: ['urn:x'] }, 'unreachable', 'request:claims'],
      [
        { signals: [{ signal: 'many-failures', reaction: 'refuse' }], locked: true },
        'context',
        'signal:many-failures',
      ],
    ] as [Partial<Facts>, string, string][]) {
      const explained = explain(facts(change))
      assert.deepEqual(explained.decision, { kind: 'refused', because })
      assert.equal(explained.rule, rule)
    }
  })
  it('says what counts of what was proven', () => {
    const cases: [change: Partial<Facts>, level: number][] = [
      [{ proven: undefined }, nothing],
      [{}, oneFactor],
      [{ proven: both }, twoFactors],
      [{ proven: withKey }, phishingResistant],
      [{ proven: withHardware }, hardware],
      [{ proven: { ...withHardware, acr: mfa } }, twoFactors],
      [{ proven: { ...withKey, factors: ['webauthn'] } }, oneFactor],
      [{ proven: { ...withKey, factors: ['webauthn'] }, factors: ['webauthn'] }, phishingResistant],
      [{ proven: { ...both, age: 901 }, maxAge: 900 }, oneFactor],
      [{ proven: byCookie }, oneFactor],
      [{ proven: byDeviceKey }, twoFactors],
      [{ proven: byDeviceKey, fresh: true }, oneFactor],
      // Locked is not unproven.
      [{ proven: both, locked: true }, twoFactors],
    ]
    for (const [change, level] of cases)
      assert.equal(explain(facts(change)).proven, level, JSON.stringify(change))
  })
})

describe('minimums', () => {
  const sources = ['account', 'group:staff', 'client:minimum_acr']
  for (const rule of sources) {
    it(`of ${rule} ask for the factor that reaches them, whatever the mode`, () => {
      for (const mode of ['required', 'optional', 'off'] as const)
        for (const [acr, factors] of [
          [mfa, []],
          [phr, ['webauthn']],
        ] as const) {
          const given = { mode, ...minimum(rule, acr) }
          assert.deepEqual(decide(facts(given)), { kind: 'step-up', acr, factors })
          assert.deepEqual(decide(facts({ ...given, factors: [] })), { kind: 'enrol', acr, factors })
          assert.deepEqual(decide(facts({ ...given, proven: withKey })), { kind: 'allowed', acr: phr })
        }
    })
    it(`of ${rule} are lowered by no parameter, and by no trusted device`, () => {
      const given = { ...off, ...minimum(rule, mfa) }
      for (const change of [{ acrValues: [sfa] }, { essentialAcr: [sfa] }, { proven: byCookie }])
        assert.equal(decide(facts({ ...given, ...change })).kind, 'step-up')
      const key = { ...off, ...minimum(rule, phr) }
      assert.equal(decide(facts({ ...key, proven: byDeviceKey })).kind, 'step-up')
    })
  }
  it('are the same whoever says them', () => {
    const source = fc.constantFrom(...sources)
    fc.assert(
      fc.property(fc.oneof(anyFacts, anyTrustedFacts), source, source, (given, one, other) => {
        const said = (rule: string) =>
          decide({ ...given, minimums: given.minimums.map(({ acr }) => ({ acr, rule })) })
        assert.deepEqual(said(one), said(other))
      }),
    )
  })
})

describe('whatever is explained', () => {
  const anything = fc.oneof(anyFacts, anyTrustedFacts)
  it('is what is decided, by a rule that asked for it', () => {
    fc.assert(
      fc.property(anything, (given) => {
        const { decision, rule, demands, proven } = explain(given)
        assert.deepEqual(decide(given), decision)
        const levels = demands.map(({ level }) => level)
        assert.deepEqual(
          levels,
          levels.toSorted((a, b) => b - a),
        )
        const strictest = demands[0]
        assert.ok(strictest)
        if (decision.kind === 'refused') {
          if (decision.because === 'locked') assert.equal(rule, 'lock')
          if (decision.because === 'context') assert.match(rule, /^signal:/)
          if (decision.because === 'unreachable') assert.ok([strictest.rule, 'factor-rules'].includes(rule))
          return
        }
        assert.equal(rule, strictest.rule)
        if (decision.kind === 'allowed') assert.ok(proven >= strictest.level)
        else assert.ok(proven < strictest.level)
      }),
      { numRuns: 5000 },
    )
  })
  it('allows no acr above what counts as proven, nor below what was asked for', () => {
    let seen = 0
    fc.assert(
      fc.property(anything, (given) => {
        const { decision, demands, proven } = explain(given)
        if (decision.kind !== 'allowed') return
        seen += 1
        const level = levelOf(given.ladder, decision.acr) ?? 9
        assert.ok(level <= proven, `${decision.acr} by ${proven}`)
        for (const demand of demands) assert.ok(level >= demand.level, demand.rule)
      }),
      { numRuns: 10_000 },
    )
    assert.ok(seen > 1000, `hardly anything was allowed: ${seen}`)
  })
  it('is nothing but the facts', () => {
    fc.assert(
      fc.property(anything, (given) => {
        assert.deepEqual(explain(structuredClone(given)), explain(given))
      }),
    )
  })
})
