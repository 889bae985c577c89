import assert from 'node:assert/strict'
import fc from 'fast-check'
import { trustOf } from '../../src/cli/proven.ts'
import { trustBarriers } from '../../src/cli/trust-barriers.ts'
import { refedsLadder } from '../../src/policy/acr.ts'
import { trustedDevice } from '../../src/policy/amr.ts'
import { explain } from '../../src/policy/policy.ts'
import { anyFacts, ownFactors } from '../policy/any-facts.ts'

describe('trustBarriers', () => {
  it('names none exactly where the policy takes the trusted browser for the second factor', () => {
    fc.assert(
      fc.property(anyFacts, fc.subarray(ownFactors), (given, factors) => {
        const settings = { ladder: refedsLadder, trustedDevices: { kind: 'cookie', days: 30 } as const }
        // Required of everybody, so that the trust is asked for at all.
        const facts = { ...given, mode: 'required' as const, proven: trustOf(settings, { factors }) }
        const counts = explain(facts).demands.some(({ rule }) => rule === trustedDevice)
        const barriers = trustBarriers(facts, { factors }, { kind: 'cookie', group: undefined })
        assert.equal(barriers.length === 0, counts, barriers.join(', '))
      }),
      { numRuns: 500 },
    )
  })

  it('names what the configuration says', () => {
    const facts = fc.sample(anyFacts, 1)[0]
    assert.ok(facts)
    const barriers = trustBarriers(facts, { factors: ['totp'] }, { kind: 'off', group: 'admins' })
    assert.deepEqual(barriers.slice(0, 2), ['policy.trustedDevices', 'group:admins'])
  })
})
