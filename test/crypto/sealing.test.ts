import assert from 'node:assert/strict'
import { createDecipheriv, randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { systemRandom } from '../../src/crypto/random.ts'
import { createSealer, type SealingKey } from '../../src/crypto/sealing.ts'

const newKey = (id: string): SealingKey => ({ id, key: randomBytes(32).toString('base64') })
const [old, current] = [newKey('2026-01'), newKey('2026_02')]
const sealer = createSealer([current, old], systemRandom)

const refused = (message: RegExp) => (error: Error & { code?: string }) => {
  assert.equal(error.code, 'sealed_badly')
  assert.match(error.message, message)
  return true
}

describe('sealing', () => {
  it('opens what it sealed, whatever it was', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }), (plain, binding) => {
        assert.equal(sealer.open(sealer.seal(plain, binding), binding), plain)
      }),
      { numRuns: 200 },
    )
  })

  it('writes v1.<key id>.<iv>.<ciphertext and tag> in AES-256-GCM, bound to version, key id and place', () => {
    const [version, id, iv = '', body = ''] = sealer.seal('JBSWY3DP', 'credential:a:b').split('.')
    assert.deepEqual([version, id], ['v1', current.id])
    const bytes = Buffer.from(body, 'base64url')
    const key = Buffer.from(current.key, 'base64')
    const decipher = createDecipheriv('aes-256-gcm', key, Buffer.from(iv, 'base64url'))
    decipher.setAAD(Buffer.from(`v1.${current.id}.credential:a:b`)).setAuthTag(bytes.subarray(-16))
    assert.equal(
      decipher.update(bytes.subarray(0, -16), undefined, 'utf8') + decipher.final('utf8'),
      'JBSWY3DP',
    )
    assert.equal(Buffer.from(iv, 'base64url').length, 12)
  })

  it('never seals the same text to the same record', () => {
    const records = Array.from({ length: 100 }, () => sealer.seal('same', 'place'))
    assert.equal(new Set(records.map((record) => record.split('.')[2])).size, 100)
    assert.equal(new Set(records.map((record) => record.split('.')[3])).size, 100)
  })

  it('takes its randomness from the parameter', () => {
    const fixed = createSealer([current], (size) => Buffer.alloc(size, 7))
    assert.equal(fixed.seal('a', 'b').split('.')[2], Buffer.alloc(12, 7).toString('base64url'))
  })

  it('does not open elsewhere', () => {
    const sealed = sealer.seal('seed', 'credential:maria:1')
    for (const binding of ['credential:anna:1', 'credential:maria:2', 'client:maria', '']) {
      assert.throws(() => sealer.open(sealed, binding), refused(/altered or belongs elsewhere/))
    }
  })

  it('does not open when any character was changed, added or taken away', () => {
    const sealed = sealer.seal('a secret of some length', 'place')
    for (let index = 0; index < sealed.length - 1; index += 1) {
      const other = sealed[index] === 'A' ? 'B' : 'A'
      const altered = sealed.slice(0, index) + other + sealed.slice(index + 1)
      assert.throws(() => sealer.open(altered, 'place'), { code: 'sealed_badly' }, `character ${index}`)
    }
    const [version, id, iv, body = ''] = sealed.split('.')
    for (const altered of [
      `${sealed}AAAA`,
      [version, id, iv, body.slice(0, -4)].join('.'),
      [version, id, iv, body.slice(0, 16)].join('.'),
      [version, id, iv, ''].join('.'),
      [version, id, iv].join('.'),
    ]) {
      assert.throws(() => sealer.open(altered, 'place'), { code: 'sealed_badly' })
    }
  })

  it('does not open a record renamed to another of its keys', () => {
    const renamed = sealer.seal('seed', 'place').replace(current.id, old.id)
    assert.throws(() => sealer.open(renamed, 'place'), refused(/altered/))
  })

  it('does not take plain text for sealed', () => {
    for (const plain of [
      '',
      'JBSWY3DPEHPK3PXP',
      'v1.a.b',
      'v2.2026_02.AAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAA',
    ]) {
      assert.throws(() => sealer.open(plain, 'place'), refused(/is not/))
      assert.throws(() => sealer.reseal(plain, 'place'), refused(/is not/))
    }
  })

  it('says which key is missing', () => {
    const sealed = createSealer([old], systemRandom).seal('seed', 'place')
    const without = createSealer([current], systemRandom)
    assert.throws(() => without.open(sealed, 'place'), refused(/key 2026-01 is missing/))
    assert.throws(() => without.reseal(sealed, 'place'), refused(/key 2026-01 is missing/))
  })

  it('never says the content, nor a key', () => {
    const sealed = sealer.seal('hunter2', 'place')
    const body = sealed.split('.')[3] ?? ''
    for (const attempt of [() => sealer.open(sealed, 'x'), () => sealer.open('hunter2', 'place')]) {
      assert.throws(attempt, (error: Error) => {
        for (const secret of ['hunter2', body, current.key]) assert.ok(!error.stack?.includes(secret))
        return true
      })
    }
  })

  it('rotates: the first key seals, all open, reseal moves to the first', () => {
    const before = createSealer([old], systemRandom).seal('seed', 'place')
    assert.equal(sealer.open(before, 'place'), 'seed')
    const after = sealer.reseal(before, 'place')
    assert.equal(after.split('.')[1], current.id)
    assert.equal(createSealer([current], systemRandom).open(after, 'place'), 'seed')
    assert.equal(sealer.reseal(after, 'place'), after)
    assert.throws(() => sealer.reseal(before, 'elsewhere'), refused(/altered/))
  })

  it('refuses to start without good keys, and does not quote them', () => {
    const short = Buffer.from('hunter2').toString('base64')
    for (const keys of [
      [],
      [current, current],
      [{ id: 'a', key: short }],
      [{ id: 'a', key: '' }],
      [{ ...current, id: '' }],
      [{ ...current, id: 'a.b' }],
      [{ ...current, id: 'a'.repeat(17) }],
    ]) {
      assert.throws(
        () => createSealer(keys, systemRandom),
        (error: Error & { code?: string }) => {
          assert.equal(error.code, 'not_configured')
          assert.ok(!error.message.includes(short))
          return true
        },
      )
    }
  })
})
