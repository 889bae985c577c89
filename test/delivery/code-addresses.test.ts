import { deepEqual, doesNotThrow, equal, ok } from 'node:assert/strict'
import fc from 'fast-check'
import { mailAddress, maskMailAddress, smsAddress } from '../../src/delivery/code-addresses.ts'

const readNumber = smsAddress({ country: 'IT', allowed: ['IT', 'GB'] })
const readMail = mailAddress()

describe('a number for codes', () => {
  it('is read in E.164', () => {
    deepEqual(readNumber('347 123 4567'), { to: '+393471234567' })
    deepEqual(readNumber('+39 347 1234567'), { to: '+393471234567' })
  })

  it('is refused where no message goes, and where it is none', () => {
    for (const typed of ['+41 79 123 45 67', '06 1234 5678', '899 123 456'])
      deepEqual(readNumber(typed), { refused: 'not-allowed' })
    for (const typed of ['', 'abc', '347', 'maria@example.org'])
      deepEqual(readNumber(typed), { refused: 'malformed' })
  })
})

describe('a mail address for codes', () => {
  for (const [typed, to] of [
    ['maria@example.org', 'maria@example.org'],
    ['  maria@example.org ', 'maria@example.org'],
    ['Maria.Rossi+codes@Mail.Example.ORG', 'Maria.Rossi+codes@mail.example.org'],
    ["o'neill@example.org", "o'neill@example.org"],
    [`${'a'.repeat(64)}@example.org`, `${'a'.repeat(64)}@example.org`],
  ] as const)
    it(`is read: ${typed.slice(0, 40)}`, () => deepEqual(readMail(typed), { to }))

  for (const typed of [
    '',
    ' ',
    'maria',
    'maria@',
    '@example.org',
    'maria@localhost',
    'maria@[127.0.0.1]',
    'maria@127.0.0.1',
    'a@example.org,b@example.org',
    'a@example.org;b@example.org',
    'a@example.org b@example.org',
    'a@b@example.org',
    'Maria <maria@example.org>',
    '<maria@example.org>',
    '"maria"@example.org',
    '"a@evil.example"@example.org',
    'maria(comment)@example.org',
    'maria@example.org\n',
    'maria@example.org\r\nBcc: b@example.org',
    'ma\u0000ria@example.org',
    '\tmaria@example.org',
    'maria@example.org\u0085',
    'maria..rossi@example.org',
    '.maria@example.org',
    'maria.@example.org',
    'maria@-example.org',
    'maria@exa_mple.org',
    'mariа@example.org',
    'maria@exämple.org',
    'maria@example.org\u202e',
    '+393471234567',
    `${'a'.repeat(65)}@example.org`,
    `a@${'b'.repeat(60)}.${'c'.repeat(60)}.${'d'.repeat(60)}.${'e'.repeat(60)}.${'f'.repeat(20)}.org`,
    `${' '.repeat(300)}maria@example.org`,
    'a.'.repeat(50_000),
  ])
    it(`is refused: ${JSON.stringify(typed.slice(0, 40))}`, () =>
      deepEqual(readMail(typed), { refused: 'malformed' }))

  it('may have 254 characters, and no more', () => {
    const domainOf = (length: number) => {
      const labels = `${'b'.repeat(60)}.${'c'.repeat(60)}.`
      return `${labels}${'d'.repeat(length - labels.length - 4)}.org`
    }
    const local = 'a'.repeat(64)
    ok('to' in readMail(`${local}@${domainOf(189)}`))
    equal(`${local}@${domainOf(189)}`.length, 254)
    deepEqual(readMail(`${local}@${domainOf(190)}`), { refused: 'malformed' })
  })

  it('is one address that is read again as it was read, or none, whatever is typed', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.emailAddress()), (typed) => {
        const read = readMail(typed)
        if ('to' in read) {
          deepEqual(readMail(read.to), read)
          ok(!/[\s,;<>"\p{Cc}]/u.test(read.to))
          equal(read.to.split('@').length, 2)
        }
      }),
    )
  })
})

describe('a mail address that is shown', () => {
  it('tells its first letter and its domain', () => {
    equal(maskMailAddress('maria@example.org'), 'm•••@example.org')
    equal(maskMailAddress('m@example.org'), 'm•••@example.org')
  })

  it('is nothing of what is no address', () => {
    for (const text of ['', 'maria', '@example.org', '+393471234567']) equal(maskMailAddress(text), '•••')
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => doesNotThrow(() => maskMailAddress(text))))
  })
})
