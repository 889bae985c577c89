import assert from 'node:assert/strict'
import { randomId, systemRandom } from '../../src/crypto/random.ts'

describe('a random identifier', () => {
  it('is never taken for an option of a command', () => {
    assert.equal(
      randomId((size) => Buffer.alloc(size, 0xfb)),
      '__v7-_v7-_v7-_v7-_v7-w',
    )
    for (let count = 0; count < 500; count++) assert.match(randomId(systemRandom), /^\w[\w-]{21}$/)
  })
})
