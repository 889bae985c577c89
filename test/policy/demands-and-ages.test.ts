import assert from 'node:assert/strict'
import { refedsLadder } from '../../src/policy/acr.ts'
import { decide, explain } from '../../src/policy/policy.ts'
import { both, facts, mfa, phr, sfa, withKey } from './facts.ts'

describe('a proof that was remembered once, and is not any more', () => {
  const forgotten = { forgotten: true }

  it('counts for what the account has still', () => {
    const proven = { ...both, ...forgotten }
    assert.deepEqual(decide(facts({ proven })), { kind: 'allowed', acr: mfa })
    assert.equal(decide(facts({ proven, factors: [] })).kind, 'enrol')
    assert.equal(decide(facts({ proven, factors: ['recovery-code'] })).kind, 'step-up')
    assert.equal(decide(facts({ proven: { ...withKey, ...forgotten } })).kind, 'step-up')
  })

  it('is the word of a host where nobody ever knew', () => {
    assert.equal(decide(facts({ proven: both, factors: [] })).kind, 'allowed')
  })
})

describe('the age of a key', () => {
  const ladder = refedsLadder.map((level) => (level.acr === phr ? { ...level, maxAge: 900 } : level))
  const asked = { ladder, factors: ['webauthn', 'totp'], acrValues: [phr] }
  const proven = { ...withKey, factors: ['webauthn', 'totp'] }

  it('is not that of a code that was typed since', () => {
    const since = (keyAge: number) => decide(facts({ ...asked, proven: { ...proven, age: 10, keyAge } })).kind
    assert.equal(since(900), 'allowed')
    assert.equal(since(901), 'step-up')
  })

  it('is that of the second factor where nobody knows', () => {
    const since = (age: number) => decide(facts({ ...asked, proven: { ...proven, age } })).kind
    assert.equal(since(900), 'allowed')
    assert.equal(since(901), 'step-up')
  })
})

describe('somebody with nothing but codes by mail', () => {
  it('has to set up a second factor where one is needed', () => {
    assert.equal(decide(facts({ factors: ['email'] })).kind, 'enrol')
    assert.equal(decide(facts({ factors: ['email', 'totp'] })).kind, 'step-up')
  })
})

describe('a request for a second factor', () => {
  it('is a demand for two, also where nobody else has one', () => {
    const off = { mode: 'off', proven: { acr: sfa, amr: ['pwd'] } } as const
    assert.equal(decide(facts(off)).kind, 'allowed')
    assert.equal(decide(facts({ ...off, prompted: true })).kind, 'step-up')
    assert.equal(decide(facts({ ...off, prompted: true, factors: [] })).kind, 'enrol')
    assert.equal(decide(facts({ mode: 'off', proven: both, prompted: true })).kind, 'allowed')
    assert.equal(explain(facts({ ...off, prompted: true })).rule, 'request:prompt')
  })
})
