import { deepEqual, equal, ok, throws } from 'node:assert/strict'
import fc from 'fast-check'
import { encodeText } from '../../src/delivery/smpp/encoding.ts'

const encode = (text: string, unicode = false) => encodeText(text, { unicode, reference: 0xab })
const hexOf = (text: string, unicode = false) => {
  const { dataCoding, parts } = encode(text, unicode)
  return `${dataCoding} ${parts.map(({ message }) => message.toString('hex')).join(' ')}`
}

describe('encodeText', () => {
  it('writes GSM 03.38 as TS 23.038 §6.2.1 has it', () => {
    equal(hexOf('@£$¥èéùìòÇ'), '0 00010203040506070809')
    equal(hexOf('ÄÖÑÜ§¿äöñüà'), '0 5b5c5d5e5f607b7c7d7e7f')
    equal(hexOf('a1 #\n'), '0 613120230a')
    equal(hexOf('€^{}\\[~]|'), '0 1b651b141b281b291b2f1b3c1b3d1b3e1b40')
  })

  it('writes UCS-2 when a character is not in it, or when it is told to', () => {
    equal(hexOf('ç'), '8 00e7')
    equal(hexOf('è🔑'), '8 00e8d83ddd11')
    equal(hexOf('a', true), '8 0061')
    equal(hexOf('a\x1be'), '8 0061001b0065')
  })

  it('sends whole what fits in one message', () => {
    deepEqual(
      ['a'.repeat(160), `${'a'.repeat(158)}€`, 'ç'.repeat(70), '🔑'.repeat(35)].map((text) => {
        const { parts } = encode(text)
        return [parts.length, parts[0]?.message.length, parts[0]?.udh]
      }),
      [
        [1, 160, undefined],
        [1, 160, undefined],
        [1, 140, undefined],
        [1, 140, undefined],
      ],
    )
  })

  it('cuts what does not, with a header on each part, and never inside a character', () => {
    const sizes = (text: string) => encode(text).parts.map(({ message }) => message.length)
    deepEqual(sizes('a'.repeat(161)), [153, 8])
    deepEqual(sizes('a'.repeat(307)), [153, 153, 1])
    deepEqual(sizes(`${'a'.repeat(152)}€${'a'.repeat(20)}`), [152, 22])
    deepEqual(sizes('ç'.repeat(71)), [134, 8])
    deepEqual(sizes(`${'ç'.repeat(66)}🔑ççççç`), [132, 14])
    deepEqual(
      encode('a'.repeat(161)).parts.map(({ udh }) => udh?.toString('hex')),
      ['050003ab0201', '050003ab0202'],
    )
  })

  it('refuses what is empty or too long', () => {
    throws(() => encode(''), /without a text/)
    equal(encode('a'.repeat(1530)).parts.length, 10)
    throws(() => encode('a'.repeat(1531)), /too long/)
  })

  it('loses nothing of any text', () => {
    const characters = fc.string({
      unit: fc.constantFrom('a', 'è', '€', '\n', 'ç', '🔑', '|'),
      maxLength: 600,
    })
    fc.assert(
      fc.property(characters, (text) => {
        fc.pre(text !== '')
        const { dataCoding, parts } = encode(text)
        const bytes = Buffer.concat(parts.map(({ message }) => message))
        if (dataCoding === 8) equal(Buffer.from(bytes).swap16().toString('utf16le'), text)
        else
          equal(
            bytes.length,
            [...text].reduce((sum, one) => sum + ('€|'.includes(one) ? 2 : 1), 0),
          )
        for (const { message, udh } of parts) ok(message.length + (udh?.length ?? 0) <= 160)
      }),
    )
  })
})
