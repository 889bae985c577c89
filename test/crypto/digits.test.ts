import { equal, throws } from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { randomDigits, readDigits } from '../../src/crypto/digits.ts'

/** Gives these numbers of 32 bits, one after the other. */
const draws = (...numbers: number[]) => {
  const given = numbers.values()
  return (size: number): Buffer => {
    equal(size, 4)
    const { value } = given.next()
    if (value === undefined) throw new Error('one draw too many')
    const bytes = Buffer.alloc(4)
    bytes.writeUInt32BE(value)
    return bytes
  }
}

describe('random digits', () => {
  it('are as many as asked for, with the zeros in front', () => {
    equal(randomDigits(draws(0), 6), '000000')
    equal(randomDigits(draws(42), 6), '000042')
    equal(randomDigits(draws(999_999), 6), '999999')
    equal(randomDigits(draws(7_000_123), 6), '000123')
    equal(randomDigits(draws(107), 2), '07')
    equal(randomDigits(draws(4_817), 4), '4817')
    equal(randomDigits(draws(3_999_999_999), 9), '999999999')
  })

  it('are as likely as any others: what is above the last whole round is drawn again', () => {
    // 4294 millions fit into 32 bits; the 967 296 numbers above would make the codes below 967 296 likelier.
    equal(randomDigits(draws(4_293_999_999), 6), '999999')
    equal(randomDigits(draws(4_294_000_000, 5), 6), '000005')
    equal(randomDigits(draws(2 ** 32 - 1, 4_294_967_000, 17), 6), '000017')
    equal(randomDigits(draws(2 ** 32 - 1, 17), 2), '17')
  })

  it('are not made of a generator that is none', () => {
    throws(() => randomDigits((size) => Buffer.alloc(size, 255), 6), /no random bytes/)
  })

  it('come from all over the range', () => {
    const counts = new Array<number>(10).fill(0)
    const last = new Array<number>(10).fill(0)
    const total = 20_000
    for (let draw = 0; draw < total; draw++) {
      const code = randomDigits(randomBytes, 6)
      counts[Number(code[0])] = (counts[Number(code[0])] ?? 0) + 1
      last[Number(code[5])] = (last[Number(code[5])] ?? 0) + 1
    }
    const squares = (seen: number[]) =>
      seen.reduce((sum, count) => sum + (count - total / 10) ** 2 / (total / 10), 0)
    // Chi-squared with 9 degrees of freedom is above 45 once in a million times.
    equal(squares(counts) < 45, true, `first digits: ${counts}`)
    equal(squares(last) < 45, true, `last digits: ${last}`)
  })
})

describe('digits as they are typed', () => {
  for (const typed of [
    '012345',
    ' 012 345 ',
    '012-345',
    '012–345',
    '0 1 2 3 4 5',
    '０１２３４５',
    '٠١٢٣٤٥',
    '०१२३४५',
    '𝟎𝟏𝟐𝟑𝟒𝟓',
    '\u202a012345\u202c',
    '012\u200b345\n',
  ])
    it(`are read: ${JSON.stringify(typed)}`, () => equal(readDigits(typed, 6), '012345'))

  it('are as many as they have to be', () => {
    equal(readDigits('48 17', 4), '4817')
    for (const typed of ['481', '48171', '']) equal(readDigits(typed, 4), undefined)
    equal(readDigits('', 0), undefined)
  })

  for (const typed of [
    '',
    '12345',
    '1234567',
    '12345a',
    '1234.5',
    '12345½',
    '-',
    'OI2345',
    '²²²²²',
    `012345${' '.repeat(60)}`,
  ])
    it(`are none: ${JSON.stringify(typed.slice(0, 20))}`, () => equal(readDigits(typed, 6), undefined))

  it('may be in the digits of any script that the platform can write', () => {
    let scripts = 0
    for (const numberingSystem of Intl.supportedValuesOf('numberingSystem')) {
      const format = new Intl.NumberFormat('en', { numberingSystem, useGrouping: false })
      if (format.resolvedOptions().numberingSystem !== numberingSystem) continue
      if (!/^\p{Nd}+$/u.test(format.format(1_234_567_890))) continue
      scripts += 1
      equal(readDigits(format.format(123_456), 6), '123456', numberingSystem)
      equal(readDigits(format.format(987_650), 6), '987650', numberingSystem)
    }
    equal(scripts > 40, true, `${scripts} scripts`)
  })

  it('never throw, and are that many or nothing', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 80 }), (typed) => {
        const read = readDigits(typed, 6)
        equal(read === undefined || /^[0-9]{6}$/.test(read), true)
      }),
    )
  })
})
