import { equal, throws } from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { newCode, readCode } from '../../../src/factors/message-code/code.ts'

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

describe('a code that is sent', () => {
  it('has six digits, with the zeros in front', () => {
    equal(newCode(draws(0)), '000000')
    equal(newCode(draws(42)), '000042')
    equal(newCode(draws(999_999)), '999999')
    equal(newCode(draws(7_000_123)), '000123')
  })

  it('is as likely as any other: what is above the last whole million is drawn again', () => {
    // 4294 millions fit into 32 bits; the 967 296 numbers above would make the codes below 967 296 likelier.
    equal(newCode(draws(4_293_999_999)), '999999')
    equal(newCode(draws(4_294_000_000, 5)), '000005')
    equal(newCode(draws(2 ** 32 - 1, 4_294_967_000, 17)), '000017')
  })

  it('is not made of a generator that is none', () => {
    throws(() => newCode((size) => Buffer.alloc(size, 255)), /no random bytes/)
  })

  it('comes from all over the range', () => {
    const counts = new Array<number>(10).fill(0)
    const last = new Array<number>(10).fill(0)
    const total = 20_000
    for (let draw = 0; draw < total; draw++) {
      const code = newCode(randomBytes)
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

describe('a code as it is typed', () => {
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
    it(`is read: ${JSON.stringify(typed)}`, () => equal(readCode(typed), '012345'))

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
    it(`is no code: ${JSON.stringify(typed.slice(0, 20))}`, () => equal(readCode(typed), undefined))

  it('may be in the digits of any script that the platform can write', () => {
    let scripts = 0
    for (const numberingSystem of Intl.supportedValuesOf('numberingSystem')) {
      const format = new Intl.NumberFormat('en', { numberingSystem, useGrouping: false })
      if (format.resolvedOptions().numberingSystem !== numberingSystem) continue
      if (!/^\p{Nd}+$/u.test(format.format(1_234_567_890))) continue
      scripts += 1
      equal(readCode(format.format(123_456)), '123456', numberingSystem)
      equal(readCode(format.format(987_650)), '987650', numberingSystem)
    }
    equal(scripts > 40, true, `${scripts} scripts`)
  })

  it('never throws, and is six digits or nothing', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 80 }), (typed) => {
        const read = readCode(typed)
        equal(read === undefined || /^[0-9]{6}$/.test(read), true)
      }),
    )
  })
})
