import { deepEqual, doesNotThrow, equal, match, ok } from 'node:assert/strict'
import fc from 'fast-check'
import { maskNumber, parsePhoneNumber } from '../../src/delivery/phone-number.ts'

const allowed = ['IT', 'SM', 'GB']
const italian = { e164: '+393471234567', country: 'IT' }

describe('parsePhoneNumber', () => {
  for (const text of [
    '3471234567',
    ' 347 123 45 67 ',
    '+39 347-123.4567',
    '0039 (347) 1234567',
    '＋39 347 1234567',
    '٣٤٧ ١٢٣ ٤٥٦٧',
    '+٣٩٣٤٧١٢٣٤٥٦٧',
  ])
    it(`takes an Italian mobile number in E.164: ${text}`, () =>
      deepEqual(parsePhoneNumber(text, { allowed }), italian))

  for (const [kind, text] of [
    ['landline', '06 1234 5678'],
    ['premium rate', '899 123 456'],
    ['premium rate, short', '892 123'],
    ['shared cost', '848 800 123'],
    ['199', '199 123 456'],
    ['toll free', '800 123 456'],
    ['VoIP', '551 234 5678'],
    ['personal number of another country', '+44 70 1234 5678'],
  ] as const)
    it(`refuses what is not mobile: ${kind}`, () =>
      deepEqual(parsePhoneNumber(text, { allowed }), { fault: 'not-mobile' }))

  for (const [what, text] of [
    ['another country', '+41 79 123 45 67'],
    // A code of Guernsey, which has +44 as well: who allows Britain has not allowed it.
    ['a country behind the same code', '+44 7911 123456'],
    ['a premium number of another country', '+41 900 123 456'],
    ['no country at all: satellite', '+881 612 345 678'],
    ['no country at all: international networks', '+882 16 1234567'],
  ] as const)
    it(`refuses ${what}`, () => deepEqual(parsePhoneNumber(text, { allowed }), { fault: 'not-allowed' }))

  for (const text of [
    '',
    'garbage',
    '347',
    '+39',
    '+393471234567890123',
    '3471234567 ext. 12',
    '+393471234567;ext=12',
    'call 347 1234567',
    '347 1234567\n+41 79 123 45 67',
    '+999 123456789',
    '0'.repeat(100_000),
    `+39${' '.repeat(100)}3471234567`,
  ])
    it(`refuses what is no number: ${JSON.stringify(text.slice(0, 40))}`, () =>
      deepEqual(parsePhoneNumber(text, { allowed }), { fault: 'invalid' }))

  it('reads a number without a country as one of the country that is given', () => {
    deepEqual(parsePhoneNumber('07400 123456', { country: 'GB', allowed }), {
      e164: '+447400123456',
      country: 'GB',
    })
    deepEqual(parsePhoneNumber('3471234567', { country: 'nowhere', allowed }), { fault: 'invalid' })
    deepEqual(parsePhoneNumber('+393471234567', { country: 'nowhere', allowed }), italian)
  })

  it('takes a number of North America, where the number does not tell what it is', () =>
    deepEqual(parsePhoneNumber('+1 212 555 0123', { allowed: ['US'] }), {
      e164: '+12125550123',
      country: 'US',
    }))

  it('allows nothing by itself', () =>
    deepEqual(parsePhoneNumber('3471234567', { allowed: [] }), { fault: 'not-allowed' }))

  it('never throws, and answers E.164 of an allowed country or a fault', () => {
    const digits = fc.constantFrom(...'0123456789+- ()./٣３;ext=,x#*ab')
    const texts = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string({ unit: digits, maxLength: 45 }),
      fc.string({ unit: digits, maxLength: 12 }).map((rest) => `+39347${rest}`),
    )
    fc.assert(
      fc.property(texts, fc.option(fc.string(), { nil: 'IT' }), (text, country) => {
        const parsed = parsePhoneNumber(text, { country, allowed })
        if ('fault' in parsed) return
        match(parsed.e164, /^\+[1-9][0-9]{6,14}$/)
        ok(allowed.includes(parsed.country))
        deepEqual(parsePhoneNumber(parsed.e164, { allowed }), parsed)
      }),
    )
  })
})

describe('maskNumber', () => {
  it('shows the code of the country and the last digits', () => {
    equal(maskNumber('+393471234567'), '+39 ••• ••• 4567')
    equal(maskNumber('+12125550123'), '+1 ••• ••• 0123')
    equal(maskNumber('+37866661212'), '+378 ••• ••• 212')
  })

  it('shows nothing of what is no number', () => {
    for (const text of ['', 'secret', '+39', '+39 12', '123456789']) equal(maskNumber(text), '••• •••')
    doesNotThrow(() => fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => void maskNumber(text))))
  })
})
