import assert from 'node:assert/strict'
import fc from 'fast-check'
import { amrClaim, provesAnything, provesTwoFactors, withoutFactors } from '../../src/policy/amr.ts'

describe('amr', () => {
  it('counts two factors only for things of two kinds', () => {
    const names = [
      'pwd',
      'pin',
      'kba',
      'otp',
      'pop',
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
  it('counts a key that was unlocked as two factors, and no part of that as more than one', () => {
    assert.equal(provesTwoFactors(['pop', 'user', 'mfa']), true)
    for (const names of [['pop', 'user'], ['pop', 'mfa'], ['user', 'mfa'], ['mfa'], ['otp', 'user', 'mfa']])
      assert.equal(provesTwoFactors(names), false, names.join())
    assert.equal(provesTwoFactors(['pop', 'otp']), false)
    assert.equal(provesTwoFactors(['pwd', 'pop']), true)
    assert.deepEqual(
      [['pop'], ['user'], ['mfa'], ['user', 'mfa']].map((names) => provesAnything(names)),
      [true, false, false, false],
    )
  })
  it('says mfa of an unlocked key, and not of two that were merely touched', () => {
    assert.deepEqual(amrClaim([], ['pop', 'user', 'mfa']), ['pop', 'user', 'mfa'])
    assert.deepEqual(amrClaim([], ['pop', 'user', 'mfa', 'otp']), ['pop', 'user', 'otp', 'mfa'])
    assert.deepEqual(amrClaim(['pwd'], ['pop', 'user']), ['pwd', 'pop', 'user', 'mfa'])
    assert.deepEqual(amrClaim([], ['pop', 'user', 'otp']), ['pop', 'user', 'otp'])
    // Nobody's `mfa` makes somebody else's key an unlocked one.
    assert.deepEqual(amrClaim(['otp', 'mfa'], ['pop', 'user']), ['otp', 'pop', 'user'])
    assert.deepEqual(amrClaim(['user', 'mfa'], ['pop']), ['user', 'pop'])
    assert.deepEqual(amrClaim(['mca', 'mfa'], ['pop']), ['mca', 'pop'])
  })
  it('says mfa of a key on another device that was unlocked there', () => {
    assert.deepEqual(amrClaim([], ['pop', 'mca', 'mfa']), ['pop', 'mca', 'mfa'])
    assert.deepEqual(amrClaim([], ['pop', 'mca']), ['pop', 'mca'])
  })
  it('says of what was approved elsewhere only where nothing stronger was used here', () => {
    assert.deepEqual(amrClaim(['pwd', 'pop', 'mca', 'mfa'], ['pop', 'user', 'mfa']), [
      'pwd',
      'pop',
      'user',
      'mfa',
    ])
    assert.deepEqual(amrClaim(['pwd', 'pop', 'user', 'mfa'], ['pop', 'mca', 'mfa']), [
      'pwd',
      'pop',
      'user',
      'mfa',
    ])
    // Where it cannot be told apart, it counts for the lesser.
    assert.deepEqual(amrClaim(['pop', 'user', 'mca', 'mfa'], ['otp']), ['pop', 'user', 'mca', 'otp', 'mfa'])
  })
  it('adds mfa exactly when two factors were used, each name once', () => {
    assert.deepEqual(amrClaim(['pwd'], ['otp']), ['pwd', 'otp', 'mfa'])
    assert.deepEqual(amrClaim(['pwd', 'mfa'], []), ['pwd'])
    assert.deepEqual(amrClaim(['pwd', 'otp', 'mfa'], ['otp']), ['pwd', 'otp', 'mfa'])
  })
})

describe('amr without what forbidden factors earned', () => {
  const cases: [what: string, amr: string[], forbidden: string[], others: string[], left: string[]][] = [
    ['a key beside a password', ['pwd', 'pop', 'user', 'hwk', 'mfa'], ['webauthn'], [], ['pwd']],
    ['a key alone', ['pop', 'user', 'mfa'], ['webauthn'], [], []],
    ['a key beside an app', ['pop', 'user', 'otp', 'mfa'], ['webauthn'], ['totp'], ['otp']],
    ['an app beside a key', ['pop', 'user', 'otp', 'mfa'], ['totp'], ['webauthn'], ['pop', 'user', 'mfa']],
    ['an app', ['pwd', 'otp', 'mfa'], ['totp'], [], ['pwd', 'mfa']],
    // Both earn the same name: what one of them earned stays.
    ['a recovery code beside an app', ['pwd', 'otp'], ['recovery-code'], ['totp'], ['pwd', 'otp']],
    ['a recovery code', ['pwd', 'otp'], ['recovery-code'], [], ['pwd']],
    ['nothing', ['pwd', 'otp', 'mfa'], [], ['totp'], ['pwd', 'otp', 'mfa']],
    // Nobody knows what those earn.
    ['an unknown factor', ['pwd', 'sms', 'face', 'mfa'], ['carrier-pigeon'], [], ['pwd']],
    ['an unknown factor beside an app', ['pwd', 'sms', 'otp'], ['carrier-pigeon'], ['totp'], ['pwd', 'otp']],
    ['an app beside an unknown factor', ['pwd', 'sms', 'otp'], ['totp'], ['carrier-pigeon'], ['pwd', 'sms']],
  ]
  for (const [what, amr, forbidden, others, left] of cases)
    it(`of ${what} is ${left.join(', ') || 'nothing'}`, () => {
      assert.deepEqual(withoutFactors(amr, forbidden, others), left)
    })
  it('is never more than before, nor two factors by a forbidden key', () => {
    const names = ['webauthn', 'totp', 'recovery-code', 'carrier-pigeon']
    const amrs = fc.subarray(['pwd', 'otp', 'pop', 'user', 'hwk', 'mfa', 'sms', 'face'])
    fc.assert(
      fc.property(amrs, fc.subarray(names), fc.subarray(names), (amr, forbidden, others) => {
        const left = withoutFactors(amr, forbidden, others)
        assert.deepEqual(
          left,
          amr.filter((name) => left.includes(name)),
        )
        assert.equal(left.includes('pwd'), amr.includes('pwd'))
        if (forbidden.includes('webauthn') && !others.includes('webauthn'))
          for (const name of ['pop', 'user', 'hwk', 'mfa']) assert.ok(!left.includes(name), name)
      }),
    )
  })
})
