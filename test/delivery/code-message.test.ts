import { deepEqual, equal, match, ok, throws } from 'node:assert/strict'
import { composeCodeMail, composeCodeText } from '../../src/delivery/code-message.ts'
import { encodeText } from '../../src/delivery/smpp/encoding.ts'

const code = '012345'
const words = { brand: 'Duepassi', code, minutes: 5, host: 'idp.example.org' }
const person = { brand: 'Duepassi', code, minutes: 5, name: 'Maria Rossi' }
const languages = ['en', 'it'] as const

describe('a code as a text message', () => {
  it('says what it is for, how long it is good, and who may know it', () => {
    equal(
      composeCodeText({ ...words, language: 'en' }),
      'Duepassi: 012345 is your code to sign in or change your account. Good for 5 minutes. Never tell it to anybody.\n\n@idp.example.org #012345',
    )
    equal(
      composeCodeText({ ...words, language: 'it' }),
      'Duepassi: 012345 è il codice per accedere o modificare il tuo account. Vale 5 minuti. Non dirlo mai a nessuno.\n\n@idp.example.org #012345',
    )
    match(composeCodeText({ ...words, language: 'en', minutes: 1 }), /Good for 1 minute\./)
    match(composeCodeText({ ...words, language: 'it', minutes: 1 }), /Vale 1 minuto\./)
  })

  for (const language of languages) {
    for (const [brand, host] of [
      ['Duepassi', 'localhost'],
      ['Comune di Roma', 'accedi.comune.roma.it'],
      ['Example & Sons', 'accounts.example.co.uk'],
      ['Università', 'login.example-university.it'],
    ] as const)
      it(`is one message in GSM 03.38: ${brand}, ${language}`, () => {
        const text = composeCodeText({ ...words, language, brand, host })
        const { dataCoding, parts } = encodeText(text, { unicode: false, reference: 1 })
        equal(dataCoding, 0)
        equal(parts.length, 1)
        ok((parts[0]?.message.length ?? 0) <= 160)
      })

    it(`ends with the line that phones read, and has no link: ${language}`, () => {
      const lines = composeCodeText({ ...words, language }).split('\n')
      equal(lines.at(-1), '@idp.example.org #012345')
      deepEqual(lines.slice(1, -1), [''])
      ok(!/https?:|www\.|\//.test(lines.join('\n')))
      equal(lines[0]?.includes('idp.example.org'), false)
    })
  }

  it('takes a brand for words, whatever is in it', () => {
    match(
      composeCodeText({ ...words, language: 'en', brand: "<b> {code} 'x' #" }),
      /^<b> \{code\} 'x' #: 012345 /,
    )
  })

  it('is not made with a host or a code that would make another last line', () => {
    throws(() => composeCodeText({ ...words, language: 'en', host: 'idp.example\n@evil.example' }), /host/)
    throws(() => composeCodeText({ ...words, language: 'en', host: 'idp.example:3000' }), /host/)
    throws(() => composeCodeText({ ...words, language: 'en', code: '012345\n' }), /code/)
  })
})

describe('a code as a mail', () => {
  for (const language of languages) {
    it(`has the code in its text once, and not in its subject: ${language}`, () => {
      const { subject, text } = composeCodeMail({ ...person, language })
      equal(text.split(code).length, 2)
      match(text, /^012345$/m)
      ok(!/\d/.test(subject))
      ok(subject.startsWith('Duepassi: '))
      ok(!subject.includes('\n'))
    })

    it(`has no link: ${language}`, () => {
      ok(!/https?:|www\.|\/\//.test(composeCodeMail({ ...person, language }).text))
    })
  }

  it('says what it is for, how long it is good, and what to do about one that nobody asked for', () => {
    const english = composeCodeMail({ ...person, language: 'en' })
    equal(english.subject, 'Duepassi: your code')
    match(english.text, /^Hello Maria Rossi,\n\n.*sign in or change your account/)
    match(english.text, /good for 5 minutes\./)
    match(english.text, /Never tell it to anybody/)
    match(english.text, /change your password now/)
    const italian = composeCodeMail({ ...person, language: 'it', minutes: 1 })
    equal(italian.subject, 'Duepassi: il tuo codice')
    match(italian.text, /^Ciao Maria Rossi,\n\n.*accedere o modificare il tuo account/)
    match(italian.text, /Vale 1 minuto\./)
    match(italian.text, /Non dirlo mai a nessuno/)
    match(italian.text, /cambia subito la password/)
  })

  it('takes names for words', () => {
    match(composeCodeMail({ ...person, language: 'it', name: '{brand} <i>' }).text, /^Ciao \{brand\} <i>,/)
  })
})
