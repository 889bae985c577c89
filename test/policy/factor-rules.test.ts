import assert from 'node:assert/strict'
import fc from 'fast-check'
import {
  areAny,
  combineRules,
  type FactorRuleSet,
  type FactorRules,
  factorRules,
  mayBeLeftWith,
  meetsRules,
  noRules,
  stillRequired,
} from '../../src/policy/factor-rules.ts'

const all = ['webauthn', 'totp', 'recovery-code']
const rules = (change: Partial<FactorRules> = {}): FactorRules => ({ ...noRules, ...change })
const subset = fc.subarray(all)
const anyRules: fc.Arbitrary<FactorRules> = fc.record({ required: subset, forbidden: subset })
const anySet: fc.Arbitrary<FactorRuleSet> = fc.dictionary(
  fc.constantFrom(...all),
  fc.constantFrom(...factorRules),
)
const sorted = ({ required, forbidden }: FactorRules) => [required.toSorted(), forbidden.toSorted()]

describe('combining rules', () => {
  it('finds what any of them requires or forbids, each once', () => {
    const sets: Array<FactorRuleSet | undefined> = [
      { webauthn: 'require', totp: 'allow' },
      undefined,
      { webauthn: 'require', 'recovery-code': 'forbid' },
      { 'recovery-code': 'forbid' },
      {},
    ]
    assert.deepEqual(combineRules(...sets), { required: ['webauthn'], forbidden: ['recovery-code'] })
  })
  it('says nothing where nothing is said', () => {
    assert.deepEqual(combineRules(), noRules)
    assert.deepEqual(combineRules(undefined, {}, { totp: 'allow' }), noRules)
    assert.equal(areAny(noRules), false)
    assert.equal(areAny(rules({ required: ['totp'] })), true)
    assert.equal(areAny(rules({ forbidden: ['totp'] })), true)
  })
  it('lets no `allow` weaken the word of another, and keeps a contradiction, which nobody meets', () => {
    assert.deepEqual(combineRules({ totp: 'forbid' }, { totp: 'allow' }), rules({ forbidden: ['totp'] }))
    assert.deepEqual(combineRules({ totp: 'allow' }, { totp: 'require' }), rules({ required: ['totp'] }))
    const both = combineRules({ totp: 'require' }, { totp: 'forbid' })
    assert.deepEqual(both, { required: ['totp'], forbidden: ['totp'] })
    assert.equal(meetsRules(both, all), false)
  })
  it('is the same in any order, and one set more never says less', () => {
    fc.assert(
      fc.property(fc.array(anySet, { maxLength: 4 }), anySet, (sets, more) => {
        const before = combineRules(...sets)
        const after = combineRules(more, ...sets)
        assert.deepEqual(sorted(after), sorted(combineRules(...sets, more)))
        for (const kind of ['required', 'forbidden'] as const)
          for (const factor of before[kind]) assert.ok(after[kind].includes(factor), `${kind} ${factor}`)
      }),
    )
  })
})

describe('meeting rules', () => {
  const cases: [what: string, given: Partial<FactorRules>, proven: string[], met: boolean][] = [
    ['nothing, where there are no rules', {}, [], false],
    ['anything, where there are no rules', {}, ['recovery-code'], true],
    ['what is required', { required: ['webauthn'] }, ['webauthn'], true],
    ['something else than what is required', { required: ['webauthn'] }, ['totp'], false],
    ['one of two that are required', { required: ['webauthn', 'totp'] }, ['totp'], false],
    ['both that are required', { required: ['webauthn', 'totp'] }, ['totp', 'webauthn'], true],
    ['nothing but what is forbidden', { forbidden: ['totp'] }, ['totp'], false],
    ['something besides what is forbidden', { forbidden: ['totp'] }, ['totp', 'webauthn'], true],
    [
      'what is required and forbidden',
      { required: ['totp'], forbidden: ['totp'] },
      ['totp', 'webauthn'],
      false,
    ],
    [
      'what is required, while something else is forbidden',
      { required: ['webauthn'], forbidden: ['totp'] },
      ['webauthn'],
      true,
    ],
  ]
  for (const [what, given, proven, met] of cases)
    it(`is ${met ? 'done' : 'not done'} by ${what}`, () => {
      assert.equal(meetsRules(rules(given), proven), met)
    })
  it('needs every required factor, and one that counts; proving more never spoils it', () => {
    fc.assert(
      fc.property(anyRules, subset, fc.constantFrom(...all), (given, proven, more) => {
        const met = meetsRules(given, proven)
        if (met) {
          assert.deepEqual(stillRequired(given, proven), [])
          assert.ok(proven.some((factor) => !given.forbidden.includes(factor)))
          assert.ok(meetsRules(given, [...proven, more]))
        }
        if (given.required.some((factor) => given.forbidden.includes(factor))) assert.equal(met, false)
      }),
      { numRuns: 500 },
    )
  })
  it('is not made easier by a rule more', () => {
    fc.assert(
      fc.property(anyRules, anyRules, subset, (given, more, proven) => {
        const together = {
          required: [...given.required, ...more.required],
          forbidden: [...given.forbidden, ...more.forbidden],
        }
        if (!meetsRules(given, proven)) assert.equal(meetsRules(together, proven), false)
      }),
      { numRuns: 500 },
    )
  })
  it('knows what is still required', () => {
    const two = rules({ required: ['webauthn', 'totp'] })
    assert.deepEqual(stillRequired(two, []), ['webauthn', 'totp'])
    assert.deepEqual(stillRequired(two, ['totp', 'recovery-code']), ['webauthn'])
    assert.deepEqual(stillRequired(noRules, []), [])
  })
})

describe('being left with', () => {
  const cases: [
    what: string,
    left: string[],
    before: string[],
    given: Partial<FactorRules>,
    demanded: boolean,
    may: boolean,
  ][] = [
    ['nothing, where nothing is demanded', [], ['totp'], {}, false, true],
    ['nothing, where a second factor is demanded', [], ['totp'], {}, true, false],
    ['one, where a second factor is demanded', ['totp'], ['totp', 'webauthn'], {}, true, true],
    ['another of the same', ['totp'], ['totp', 'totp'], {}, true, true],
    ['a forbidden one alone', ['totp'], ['totp', 'webauthn'], { forbidden: ['totp'] }, true, false],
    [
      'a forbidden one, where nothing is demanded',
      ['totp'],
      ['totp', 'webauthn'],
      { forbidden: ['totp'] },
      false,
      true,
    ],
    [
      'no required one, having had it',
      ['totp'],
      ['totp', 'webauthn'],
      { required: ['webauthn'] },
      false,
      false,
    ],
    [
      'no required one, never having had it',
      ['totp'],
      ['totp', 'totp'],
      { required: ['webauthn'] },
      false,
      true,
    ],
    ['the required one', ['webauthn'], ['totp', 'webauthn'], { required: ['webauthn'] }, true, true],
    [
      'one of two required ones',
      ['webauthn'],
      ['totp', 'webauthn'],
      { required: ['webauthn', 'totp'] },
      false,
      false,
    ],
  ]
  for (const [what, left, before, given, demanded, may] of cases)
    it(`${what}: ${may ? 'yes' : 'no'}`, () => {
      assert.equal(mayBeLeftWith(left, before, rules(given), demanded), may)
    })
  it('never loses the last of a required factor, nor the last that counts where one is demanded', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...all), { maxLength: 5 }),
        fc.nat(4),
        anyRules,
        fc.boolean(),
        (before, index, given, demanded) => {
          const left = before.filter((_, at) => at !== index)
          if (!mayBeLeftWith(left, before, given, demanded)) return
          for (const factor of given.required)
            assert.equal(before.includes(factor), left.includes(factor), factor)
          if (demanded) assert.ok(left.some((factor) => !given.forbidden.includes(factor)))
        },
      ),
      { numRuns: 1000 },
    )
  })
})
