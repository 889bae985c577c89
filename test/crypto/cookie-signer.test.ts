import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { createCookieSigner } from '../../src/crypto/cookie-signer.ts'

describe('the cookie signer', () => {
  const old = randomBytes(32)
  const fresh = randomBytes(32)
  it('signs with the first key and accepts all', () => {
    const before = createCookieSigner(() => [old])
    const after = createCookieSigner(() => [fresh, old])
    const digest = before.sign('session=abc')
    assert.equal(after.verify('session=abc', digest), true)
    assert.equal(after.index('session=abc', digest), 1)
    assert.equal(after.index('session=abc', after.sign('session=abc')), 0)
    assert.equal(before.verify('session=abc', after.sign('session=abc')), false)
  })
  it('refuses what was altered, cut, emptied or made up', () => {
    const signer = createCookieSigner(() => [old])
    const digest = signer.sign('session=abc')
    for (const [data, given] of [
      ['session=abd', digest],
      ['session=abc', digest.slice(0, -2)],
      ['session=abc', ''],
      ['session=abc', `${digest}AA`],
      ['session=abc', '%%%'],
    ] as const)
      assert.equal(signer.verify(data, given), false, given)
  })
  it('takes the keys of the moment', () => {
    let keys = [old]
    const signer = createCookieSigner(() => keys)
    const digest = signer.sign('session=abc')
    keys = [fresh, old]
    assert.equal(signer.index('session=abc', digest), 1)
    const renewed = signer.sign('session=abc')
    assert.equal(signer.index('session=abc', renewed), 0)
    keys = [fresh]
    assert.equal(signer.verify('session=abc', digest), false)
    assert.equal(signer.verify('session=abc', renewed), true)
    keys = []
    assert.throws(() => signer.sign('session=abc'), TypeError)
    assert.equal(signer.verify('session=abc', renewed), false)
  })
  it('does not work without a key', () => {
    assert.throws(() => createCookieSigner(() => []), TypeError)
  })
})
