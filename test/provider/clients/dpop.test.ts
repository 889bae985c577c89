import assert from 'node:assert/strict'
import type { Config } from '../../../src/config/schema.ts'
import { dPoP } from '../../../src/provider/clients/dpop.ts'

const secretOf = (...keys: string[]): Buffer | undefined =>
  dPoP({ keys: { sealing: keys.map((key, at) => ({ id: `k${at}`, key })) } } as unknown as Config)
    .nonceSecret as Buffer | undefined

describe('the secret of DPoP nonces', () => {
  const [one, other] = ['A', 'B'].map((letter) => Buffer.from(letter.repeat(32)).toString('base64')) as [
    string,
    string,
  ]

  it('is the same for all nodes, and another with another key', () => {
    assert.equal(secretOf(one)?.length, 32)
    assert.deepEqual(secretOf(one), secretOf(one, other))
    assert.notDeepEqual(secretOf(one), secretOf(other))
  })
  it('is not the sealing key itself', () => {
    assert.notDeepEqual(secretOf(one), Buffer.from(one, 'base64'))
  })
})
