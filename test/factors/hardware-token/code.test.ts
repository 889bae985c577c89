import assert from 'node:assert/strict'
import { codeOf, positionsOf, readAnswer } from '../../../src/factors/hardware-token/code.ts'
import { program } from '../../support/machine.ts'
import { hotpToken, oathtool, seedOf, yubikey } from './samples.ts'

describe('what a person types from a token', () => {
  const codes = (...read: string[]) => ({ kind: 'codes', codes: read })
  const cases: [string, ReturnType<typeof readAnswer>][] = [
    ['123456', { kind: 'codes', codes: ['123456'] }],
    [' 123 456 ', { kind: 'codes', codes: ['123456'] }],
    ['123-456', { kind: 'codes', codes: ['123456'] }],
    ['１２３４５６', { kind: 'codes', codes: ['123456'] }],
    ['1234 5678', { kind: 'codes', codes: ['12345678'] }],
    ['123456 654321', { kind: 'codes', codes: ['123456', '654321'] }],
    ['123456654321', { kind: 'codes', codes: ['123456', '654321'] }],
    ['123 456\t654 321', { kind: 'codes', codes: ['123456', '654321'] }],
    ['1234567887654321', { kind: 'codes', codes: ['12345678', '87654321'] }],
    [yubikey.otp, { kind: 'otp', otp: yubikey.otp }],
    [` ${yubikey.otp.toUpperCase()}\n`, { kind: 'otp', otp: yubikey.otp }],
    [yubikey.otp.slice(-32), { kind: 'otp', otp: yubikey.otp.slice(-32) }],
    ['c'.repeat(64), { kind: 'otp', otp: 'c'.repeat(64) }],
  ]
  for (const [typed, expected] of cases)
    it(`is read: ${JSON.stringify(typed)}`, () => assert.deepEqual(readAnswer(typed), expected))

  it('is nothing else', () => {
    assert.deepEqual(readAnswer('000000'), codes('000000'))
    for (const typed of [
      '',
      ' ',
      '12345',
      '1234567',
      '123456789',
      '12345678901',
      '12345678901234',
      '12345678901234567',
      '12345a',
      '123456\0',
      '0x1234',
      'c'.repeat(30),
      'c'.repeat(33),
      'c'.repeat(66),
      `${'c'.repeat(31)}a`,
      `${'c'.repeat(31)}1`,
    ])
      assert.equal(readAnswer(typed), undefined, typed)
  })
})

describe('codes of a token', () => {
  const key = (length: number) => seedOf(length).toString('base64')

  it('are those of RFC 4226 Appendix D', () => {
    const expected = '755224 287082 359152 969429 338314 254676 287922 162583 399871 520489'.split(' ')
    for (const [counter, code] of expected.entries()) assert.equal(codeOf(hotpToken(), counter), code)
  })

  const vectors: [number, string, string, string][] = [
    [59, '94287082', '46119246', '90693936'],
    [1111111109, '07081804', '68084774', '25091201'],
    [1111111111, '14050471', '67062674', '99943326'],
    [1234567890, '89005924', '91819424', '93441116'],
    [2000000000, '69279037', '90698825', '38618901'],
    [20000000000, '65353130', '77737706', '47863826'],
  ]
  for (const [time, sha1, sha256, sha512] of vectors)
    it(`are those of RFC 6238 Appendix B at ${time}`, () => {
      const step = Math.floor(time / 30)
      const digits = 8
      assert.equal(codeOf({ key: key(20), digits, algorithm: 'sha1' }, step), sha1)
      assert.equal(codeOf({ key: key(32), digits, algorithm: 'sha256' }, step), sha256)
      assert.equal(codeOf({ key: key(64), digits, algorithm: 'sha512' }, step), sha512)
    })

  describe('agree with oathtool', () => {
    before(async function () {
      this.timeout(180_000)
      await program('oathtool')
    })

    for (const digits of [6, 8] as const) {
      for (const length of [10, 16, 20, 32, 64])
        it(`by counter, ${digits} digits, a seed of ${length} bytes`, async () => {
          const expected = await oathtool(40, ['--hotp', '-d', `${digits}`, '-c', '990'], seedOf(length))
          const token = hotpToken({ digits, key: key(length) })
          assert.deepEqual(
            expected.map((_, index) => codeOf(token, 990 + index)),
            expected,
          )
        })
      for (const algorithm of ['sha1', 'sha256', 'sha512'] as const)
        for (const period of [30, 60])
          it(`by time, ${digits} digits, ${algorithm}, ${period} s`, async () => {
            const options = [
              `--totp=${algorithm}`,
              '-d',
              `${digits}`,
              '-s',
              `${period}s`,
              '-N',
              '@1900000010',
            ]
            for (const length of [10, 32, 64]) {
              const expected = await oathtool(10, options, seedOf(length))
              const token = { digits, algorithm, key: key(length) }
              const first = Math.floor(1_900_000_010 / period)
              assert.deepEqual(
                expected.map((_, index) => codeOf(token, first + index)),
                expected,
              )
            }
          })
    }
  })
})

describe('positions of codes', () => {
  const token = hotpToken()
  const at = (counter: number) => codeOf(token, counter)

  it('are found between the first and the last, both included', () => {
    for (const [counter, found] of [
      [4, []],
      [5, [5]],
      [9, [9]],
      [10, []],
    ] as const)
      assert.deepEqual(positionsOf([at(counter)], token, 5, 9), found)
    assert.deepEqual(positionsOf([at(9), at(10)], token, 5, 9), [9])
    assert.deepEqual(positionsOf([at(10), at(11)], token, 5, 9), [])
  })

  it('are those of codes that follow one another', () => {
    for (const codes of [
      [at(6), at(6)],
      [at(7), at(6)],
      [at(6), at(8)],
    ] as const)
      assert.deepEqual(positionsOf(codes, token, 5, 9), [])
  })

  it('are none before 0, in an empty range, or of another length', () => {
    assert.deepEqual(positionsOf([at(0)], token, -5, 3), [0])
    assert.deepEqual(positionsOf([at(0)], token, -5, -1), [])
    assert.deepEqual(positionsOf([at(3)], token, 5, 3), [])
    assert.deepEqual(positionsOf([codeOf(hotpToken({ digits: 8 }), 3)], token, 0, 5), [])
  })

  it('are all that there are, lowest first', () => {
    // RFC 4226 codes of six digits collide; these two counters are the first of this seed that do so within 5000.
    const counters = Array.from({ length: 5_000 }, (_, counter) => counter)
    const seen = new Map<string, number>()
    const second = counters.find((counter) => {
      const code = at(counter)
      if (seen.has(code)) return true
      seen.set(code, counter)
      return false
    })
    assert.ok(second)
    assert.deepEqual(positionsOf([at(second)], token, 0, second), [seen.get(at(second)), second])
  })
})
