import assert from 'node:assert/strict'
import fc from 'fast-check'
import { acrOf, levelOf, refedsLadder } from '../../src/policy/acr.ts'
import { amrClaim, provesAnything, provesTwoFactors } from '../../src/policy/amr.ts'
import { decide, type Facts } from '../../src/policy/policy.ts'

const [sfa, mfa] = refedsLadder
const phr = 'https://refeds.org/profile/phr'
const facts = (change: Partial<Facts> = {}): Facts => ({
  ladder: refedsLadder,
  mode: 'required',
  clientDemands: false,
  acrValues: [],
  essentialAcr: undefined,
  factors: ['totp'],
  locked: false,
  proven: { acr: sfa, amr: ['pwd'] },
  ...change,
})
const both = { acr: mfa, amr: ['pwd', 'otp', 'mfa'] }

describe('acr', () => {
  it('has a level for what is on the ladder, and never answers more than there is', () => {
    assert.deepEqual(
      [levelOf(refedsLadder, sfa), levelOf(refedsLadder, mfa), levelOf(refedsLadder, phr)],
      [0, 1, undefined],
    )
    assert.deepEqual(
      [acrOf(refedsLadder, 1), acrOf(refedsLadder, 0), acrOf(refedsLadder, 7)],
      [mfa, sfa, sfa],
    )
  })
})

describe('amr', () => {
  it('counts two factors only for things of two kinds', () => {
    const names = [
      'pwd',
      'pin',
      'kba',
      'otp',
      'hwk',
      'swk',
      'sc',
      'sms',
      'tel',
      'face',
      'fpt',
      'iris',
      'retina',
      'vbm',
    ]
    const kind = (name: string) =>
      ['pwd', 'pin', 'kba'].includes(name)
        ? 'k'
        : ['face', 'fpt', 'iris', 'retina', 'vbm'].includes(name)
          ? 'i'
          : 'p'
    for (const one of names)
      for (const two of names)
        assert.equal(provesTwoFactors([one, two]), kind(one) !== kind(two), `${one} + ${two}`)
  })
  it('believes no conclusion, and no name it does not know', () => {
    assert.equal(provesTwoFactors(['pwd', 'mfa']), false)
    assert.equal(provesTwoFactors(['pwd', 'toString', '__proto__', 'constructor']), false)
    assert.equal(provesAnything(['mfa', 'user']), false)
    assert.equal(provesAnything(['pwd']), true)
  })
  it('adds mfa exactly when two factors were used, each name once', () => {
    assert.deepEqual(amrClaim(['pwd'], ['otp']), ['pwd', 'otp', 'mfa'])
    assert.deepEqual(amrClaim(['pwd', 'mfa'], []), ['pwd'])
    assert.deepEqual(amrClaim(['pwd', 'otp', 'mfa'], ['otp']), ['pwd', 'otp', 'mfa'])
  })
})

describe('policy', () => {
  it('asks for the second factor, or for setting one up, where it is required', () => {
    assert.deepEqual(decide(facts()), { kind: 'step-up', acr: mfa })
    assert.deepEqual(decide(facts({ factors: [] })), { kind: 'enrol', acr: mfa })
    assert.deepEqual(decide(facts({ proven: both })), { kind: 'allowed', acr: mfa })
    assert.deepEqual(decide(facts({ proven: undefined })), { kind: 'step-up', acr: mfa })
  })
  it('asks those who have one where it is optional, and says the lower level of the others', () => {
    assert.deepEqual(decide(facts({ mode: 'optional' })), { kind: 'step-up', acr: mfa })
    assert.deepEqual(decide(facts({ mode: 'optional', factors: [] })), { kind: 'allowed', acr: sfa })
  })
  it('asks nobody where it is off, unless a relying party demands it', () => {
    assert.deepEqual(decide(facts({ mode: 'off' })), { kind: 'allowed', acr: sfa })
    assert.deepEqual(decide(facts({ mode: 'off', clientDemands: true })), { kind: 'step-up', acr: mfa })
    assert.deepEqual(decide(facts({ mode: 'off', acrValues: [mfa] })), { kind: 'step-up', acr: mfa })
    assert.deepEqual(decide(facts({ mode: 'off', essentialAcr: [mfa] })), { kind: 'step-up', acr: mfa })
    assert.deepEqual(decide(facts({ mode: 'off', essentialAcr: [mfa], factors: [] })), {
      kind: 'enrol',
      acr: mfa,
    })
  })
  it('lets acr_values weaken neither an essential acr nor the client', () => {
    assert.equal(decide(facts({ mode: 'off', acrValues: [sfa], essentialAcr: [mfa] })).kind, 'step-up')
    assert.equal(decide(facts({ mode: 'off', acrValues: [sfa], clientDemands: true })).kind, 'step-up')
  })
  it('ignores a wish that cannot be reached, and refuses a demand that cannot', () => {
    assert.deepEqual(decide(facts({ proven: both, acrValues: [phr] })), { kind: 'allowed', acr: mfa })
    assert.deepEqual(decide(facts({ mode: 'off', acrValues: [phr, mfa] })), { kind: 'step-up', acr: mfa })
    assert.deepEqual(decide(facts({ proven: both, essentialAcr: [phr] })), {
      kind: 'refused',
      because: 'unreachable',
    })
    assert.deepEqual(decide(facts({ proven: both, essentialAcr: [phr, mfa] })), { kind: 'allowed', acr: mfa })
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
    const acr = fc.constantFrom(sfa, mfa, phr, 'made-up')
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
})
