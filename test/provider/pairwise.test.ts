import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { pairwiseSubject } from '../../src/provider/pairwise.ts'

const key = Buffer.alloc(32, 7)

describe('a pairwise subject', () => {
  it('is a keyed hash of sector and account, each with its length before it', () => {
    const bytes = Buffer.concat([
      Buffer.from([0, 0, 0, 4]),
      Buffer.from('a.eu'),
      Buffer.from([0, 0, 0, 2]),
      Buffer.from('42'),
    ])
    const expected = createHmac('sha256', key).update(bytes).digest('base64url')
    assert.equal(pairwiseSubject(key, 'a.eu', '42'), expected)
    assert.match(expected, /^[\w-]{43}$/)
  })

  it('differs by sector, account and key, wherever one ends and the other begins', () => {
    const all = [
      pairwiseSubject(key, 'a.eu', '42'),
      pairwiseSubject(key, 'a.e', 'u42'),
      pairwiseSubject(key, 'a.eu4', '2'),
      pairwiseSubject(key, '', 'a.eu42'),
      pairwiseSubject(key, '42', 'a.eu'),
      pairwiseSubject(Buffer.alloc(32, 8), 'a.eu', '42'),
    ]
    assert.equal(new Set(all).size, all.length)
  })
})
