import assert from 'node:assert/strict'
import fc from 'fast-check'
import { oneFactor, twoFactors } from '../../src/policy/acr.ts'
import { noRules } from '../../src/policy/factor-rules.ts'
import { decide, explain, type Facts } from '../../src/policy/policy.ts'
import { both, facts, mfa, sfa } from './facts.ts'

/** Where codes by mail may be set up, and this person has. */
const here = (change: Partial<Facts> = {}): Facts =>
  facts({ enrollable: ['webauthn', 'totp', 'email'], factors: ['totp', 'email'], ...change })

const mailed = { acr: sfa, amr: ['pwd'], factors: ['email'] }
const required = { rules: { ...noRules, required: ['email'] } }

describe('codes by mail', () => {
  it('are no second factor, whatever the mode and whoever asks', () => {
    for (const change of [{}, { mode: 'optional' }, { mode: 'off', clientDemands: true }] as Partial<Facts>[])
      assert.deepEqual(decide(here({ ...change, proven: mailed })), {
        kind: 'step-up',
        acr: mfa,
        factors: [],
      })
    assert.equal(explain(here({ proven: mailed })).proven, oneFactor)
    assert.equal(explain(here({ proven: { ...mailed, acr: mfa } })).proven, oneFactor)
  })
  it('are no factor of those who have nothing else, where two are optional', () => {
    const only = { mode: 'optional' as const, factors: ['email'] }
    assert.deepEqual(decide(here(only)), { kind: 'allowed', acr: sfa })
    assert.equal(decide(here({ mode: 'optional' })).kind, 'step-up')
  })
  it('are asked for besides where a rule requires them, and raise no level', () => {
    const off = { ...required, mode: 'off' as const }
    assert.deepEqual(decide(here(off)), { kind: 'step-up', acr: sfa, factors: [] })
    assert.deepEqual(decide(here({ ...off, proven: mailed })), { kind: 'allowed', acr: sfa })
    const app = { ...both, factors: ['totp'] }
    assert.equal(decide(here({ ...required, proven: app })).kind, 'step-up')
    const appAndMail = { ...both, factors: ['totp', 'email'] }
    assert.deepEqual(decide(here({ ...required, proven: appAndMail })), { kind: 'allowed', acr: mfa })
    assert.deepEqual(decide(here({ ...required, proven: mailed })), {
      kind: 'step-up',
      acr: mfa,
      factors: [],
    })
  })
  it('ask for two factors by no rule, unless another is required with them', () => {
    const level = (...factors: string[]) =>
      explain(here({ mode: 'off', rules: { ...noRules, required: factors } })).demands.find(
        ({ rule }) => rule === 'factor-rules',
      )?.level
    assert.equal(level('email'), oneFactor)
    assert.equal(level('email', 'totp'), twoFactors)
    assert.equal(level('totp'), twoFactors)
  })
  it('prove nothing more beside anything', () => {
    const amr = fc.subarray(['pwd', 'otp', 'pop', 'user', 'mfa'])
    fc.assert(
      fc.property(amr, fc.subarray(['totp', 'webauthn']), (names, factors) => {
        const proven = (more: string[]) =>
          explain(here({ proven: { acr: mfa, amr: names, factors: [...factors, ...more] } })).proven
        assert.equal(proven(['email']), proven([]))
      }),
    )
  })
})
