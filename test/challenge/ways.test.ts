import assert from 'node:assert/strict'
import fc from 'fast-check'
import { askableFactors, enrollableFactors, firstOf, servingFactors } from '../../src/challenge/ways.ts'
import { recoveryCodes } from '../../src/factors/recovery-code/recovery-code.ts'
import { registerFactors } from '../../src/factors/registry.ts'
import { totp } from '../../src/factors/totp/totp.ts'
import { webauthn } from '../../src/factors/webauthn/webauthn.ts'
import { type FactorRules, noRules } from '../../src/policy/factor-rules.ts'
import { cheapHasher } from '../support/provider.ts'

const factors = registerFactors([
  webauthn({ rpId: 'id.example.org', origins: ['https://id.example.org'] }),
  totp(),
  recoveryCodes({ hasher: cheapHasher() }),
])
const all = factors.all.map(({ name }): string => name)
const standing = (rules: Partial<FactorRules> = {}, proven: string[] = []) => ({
  rules: { ...noRules, ...rules },
  factors: proven,
})
const names = (found: ReadonlyArray<{ name: string }>) => found.map(({ name }) => name)
const asked = (own: string[], rules: Partial<FactorRules> = {}, proven: string[] = []) =>
  names(askableFactors(factors, own, standing(rules, proven)))
const offered = (rules: Partial<FactorRules> = {}, proven: string[] = []) =>
  names(enrollableFactors(factors, standing(rules, proven)))

describe('what a person is asked', () => {
  it('is what they have, best first, whatever order it came in', () => {
    assert.deepEqual(asked(['recovery-code', 'totp', 'webauthn']), ['webauthn', 'totp', 'recovery-code'])
    assert.deepEqual(asked(['totp']), ['totp'])
    assert.deepEqual(asked([]), [])
    assert.deepEqual(asked(['carrier-pigeon']), [])
  })
  it('is the required one, and recovery codes for the day it is lost', () => {
    assert.deepEqual(asked(all, { required: ['totp'] }), ['totp', 'recovery-code'])
    assert.deepEqual(asked(all, { required: ['webauthn'] }), ['webauthn', 'recovery-code'])
    assert.deepEqual(asked(all, { required: ['webauthn'], forbidden: ['recovery-code'] }), ['webauthn'])
  })
  it('is one required factor after the other', () => {
    const both = { required: ['totp', 'webauthn'] }
    assert.deepEqual(asked(all, both), ['webauthn', 'totp', 'recovery-code'])
    assert.deepEqual(asked(all, both, ['webauthn']), ['totp', 'recovery-code'])
    assert.deepEqual(asked(all, both, ['totp']), ['webauthn', 'recovery-code'])
  })
  it('is what they have, where they lack the required one', () => {
    assert.deepEqual(asked(['totp', 'recovery-code'], { required: ['webauthn'] }), ['totp', 'recovery-code'])
  })
  it('is never a forbidden one, except of whoever has nothing else', () => {
    assert.deepEqual(asked(all, { forbidden: ['totp'] }), ['webauthn', 'recovery-code'])
    assert.deepEqual(asked(all, { forbidden: ['recovery-code'] }), ['webauthn', 'totp'])
    assert.deepEqual(asked(['totp', 'recovery-code'], { forbidden: ['totp'] }), ['totp', 'recovery-code'])
    assert.deepEqual(asked(['totp'], { forbidden: ['totp'], required: ['webauthn'] }), ['totp'])
    assert.deepEqual(asked(['recovery-code'], { forbidden: ['recovery-code'] }), ['recovery-code'])
    // They lack what is required, and yet a forbidden recovery code is not how to come by it.
    assert.deepEqual(
      asked(['totp', 'recovery-code'], { required: ['webauthn'], forbidden: ['recovery-code'] }),
      ['totp'],
    )
  })
  it('is something, whatever the rules, of whoever has anything, and nothing that they do not have', () => {
    const subset = fc.subarray(all)
    fc.assert(
      fc.property(subset, subset, subset, subset, (own, required, forbidden, proven) => {
        const rules = { required, forbidden }
        const found = asked(own, rules, proven)
        assert.equal(found.length > 0, own.length > 0)
        assert.ok(found.every((name) => own.includes(name)))
        assert.deepEqual(
          found,
          all.filter((name) => found.includes(name)),
        )
        const serving = names(servingFactors(factors, own, standing(rules, proven)))
        for (const name of serving) assert.ok(found.includes(name) && !forbidden.includes(name))
        if (own.some((name) => name !== 'recovery-code' && !forbidden.includes(name)))
          assert.ok(found.every((name) => !forbidden.includes(name)))
      }),
      { numRuns: 1000 },
    )
  })
})

describe('what serves', () => {
  const serving = (own: string[], rules: Partial<FactorRules> = {}, proven: string[] = []) =>
    names(servingFactors(factors, own, standing(rules, proven)))
  it('is what is required and missing, or anything that counts; never recovery codes', () => {
    assert.deepEqual(serving(all), ['webauthn', 'totp'])
    assert.deepEqual(serving(all, { required: ['totp'] }), ['totp'])
    assert.deepEqual(serving(['totp'], { required: ['webauthn'] }), [])
    assert.deepEqual(serving(all, { forbidden: ['webauthn'] }), ['totp'])
    assert.deepEqual(serving(['recovery-code']), [])
  })
})

describe('what a person may set up', () => {
  it('is every factor of their own, best first, and no recovery codes', () => {
    assert.deepEqual(offered(), ['webauthn', 'totp'])
  })
  it('is what is required and missing, where anything is', () => {
    assert.deepEqual(offered({ required: ['totp'] }), ['totp'])
    assert.deepEqual(offered({ required: ['totp', 'webauthn'] }), ['webauthn', 'totp'])
    assert.deepEqual(offered({ required: ['totp', 'webauthn'] }, ['webauthn']), ['totp'])
    assert.deepEqual(offered({ required: ['totp'] }, ['totp']), ['webauthn', 'totp'])
  })
  it('is nothing that is forbidden', () => {
    assert.deepEqual(offered({ forbidden: ['webauthn'] }), ['totp'])
    assert.deepEqual(offered({ forbidden: ['webauthn', 'totp'] }), [])
    assert.deepEqual(offered({ required: ['totp'], forbidden: ['totp'] }), [])
  })
})

describe('the one to ask first', () => {
  const ways = factors.all
  it('is what worked last in this browser, if it may be asked now', () => {
    assert.equal(firstOf(ways, 'totp')?.name, 'totp')
    assert.equal(firstOf(ways, undefined)?.name, 'webauthn')
    assert.equal(firstOf(ways.slice(1), 'webauthn')?.name, 'totp')
  })
  it('is never a recovery code by habit, nor a name that is none', () => {
    assert.equal(firstOf(ways, 'recovery-code')?.name, 'webauthn')
    assert.equal(firstOf(ways, 'carrier-pigeon')?.name, 'webauthn')
    assert.equal(firstOf(ways.slice(2), undefined)?.name, 'recovery-code')
    assert.equal(firstOf([], 'totp'), undefined)
  })
})
