import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { decodeBase32, decodeBase64, decodeHex, isModhex } from '../../src/tokens/encodings.ts'
import { program } from '../support/machine.ts'

const run = promisify(execFile)

describe('the encodings of keys', () => {
  it('base32: RFC 4648 §10, with and without padding, in either case', () => {
    for (const [text, encoded] of [
      ['f', 'MY======'],
      ['fo', 'MZXQ===='],
      ['foo', 'MZXW6==='],
      ['foob', 'MZXW6YQ='],
      ['fooba', 'MZXW6YTB'],
      ['foobar', 'MZXW6YTBOI======'],
    ] as const)
      for (const spelling of [encoded, encoded.replaceAll('=', ''), encoded.toLowerCase()])
        assert.equal(decodeBase32(spelling)?.toString(), text)
  })

  it('base32: oathtool agrees, also where bits are left over', async function () {
    this.timeout(240_000)
    const oathtool = await program('oathtool')
    for (const base32 of ['GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ', '2234567ABCDEF2234567ABCDEF']) {
      const { stdout } = await run(oathtool, ['--verbose', '--base32', '--totp', base32])
      assert.equal(decodeBase32(base32)?.toString('hex'), /Hex secret: (\w+)/.exec(stdout)?.[1])
    }
  })

  it('refuse what is none', () => {
    for (const wrong of [
      '',
      '=',
      'A',
      'ABC',
      'ABCDEF',
      'AB=',
      'AB==========',
      'A1',
      'AB CD',
      'ÀB',
      'MY======A',
    ])
      assert.equal(decodeBase32(wrong), undefined, wrong)
    for (const wrong of ['', '0', '0g', '0x12', '12 34', '１２'])
      assert.equal(decodeHex(wrong), undefined, wrong)
    for (const wrong of ['', 'A', 'AA', 'AAA', 'AA=A', 'AAAAA===', 'A-_A', '===='])
      assert.equal(decodeBase64(wrong), undefined, wrong)
  })

  it('take what is some', () => {
    assert.deepEqual(decodeHex('00fF'), Buffer.from([0, 255]))
    assert.deepEqual(decodeBase64(' AP8=\n'), Buffer.from([0, 255]))
    assert.ok(isModhex('cccccccccccb'))
    assert.ok(!isModhex('ccc') && !isModhex('') && !isModhex('ab') && !isModhex('cb'.repeat(17)))
  })
})
