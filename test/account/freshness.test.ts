import assert from 'node:assert/strict'
import { isFresh } from '../../src/account/freshness.ts'

const authTime = 1_800_000_000
const [one, two] = ['https://refeds.org/profile/sfa', 'https://refeds.org/profile/mfa']

describe('a proof', () => {
  for (const [seconds, hasFactors, acr, fresh] of [
    [0, true, two, true],
    [299, true, two, true],
    [300, true, two, true],
    [300.999, true, two, true],
    [301, true, two, false],
    [299, true, one, false],
    [299, true, null, false],
    [299, true, 'https://elsewhere.example/mfa', false],
    [0, true, one, false],
    [299, false, one, true],
    [300, false, null, true],
    [301, false, one, false],
    [301, false, two, false],
    [86_400, true, two, false],
  ] as const)
    it(`of ${acr}, ${seconds} s ago, is ${fresh ? '' : 'not '}enough for an account ${hasFactors ? 'with' : 'without'} a factor`, () => {
      const now = (authTime + seconds) * 1000
      assert.equal(
        isFresh({ authTime, acr, amr: ['pwd', 'otp'] }, now, { hasFactors, strongAcrs: [two] }),
        fresh,
      )
    })

  it('is not what a device remembers, however it proved that it is there', () => {
    const remembered = { authTime, acr: two, amr: ['pwd', 'pop', 'swk', 'mfa'] }
    const asked = { hasFactors: true, strongAcrs: [two] }
    assert.equal(isFresh(remembered, authTime * 1000, asked), false)
    assert.equal(isFresh({ ...remembered, amr: ['pwd', 'otp', 'mfa'] }, authTime * 1000, asked), true)
  })
})
