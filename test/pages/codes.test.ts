import { deepEqual, doesNotMatch, equal, match, ok } from 'node:assert/strict'
import { createPages } from '../../src/pages/render.ts'
import type { FactorDraft, FactorQuestion, Language, PageError, Views } from '../../src/pages/views.ts'
import { pageSamples } from '../../tools/page-samples.ts'

const pages = createPages({ brand: { name: 'Duepassi' }, secure: true })

type Asked = Partial<Views['interaction/second-factor']>
type Drawn = Partial<Views['interaction/enrol']>

const asking = (factor: FactorQuestion, more: Asked = {}, language: Language = 'en'): string =>
  pages.render({ view: 'interaction/second-factor', language, locals: { factor, others: [], ...more } }).body

const enrolling = (factor: FactorDraft, more: Drawn = {}, language: Language = 'en'): string =>
  pages.render({
    view: 'interaction/enrol',
    language,
    locals: { factor, otherWays: false, action: '/step', ...more },
  }).body

/** The form with the button of this intent. */
const formOf = (body: string, intent: string): string =>
  (body.match(/<form.*?<\/form>/gs) ?? []).find((form) => form.includes(`value="${intent}"`)) ?? ''

const buttonsOf = (form: string): string[] => form.match(/<button[^>]*>/g) ?? []
const button = (body: string, intent: string): string =>
  buttonsOf(body).find((each) => each.includes(`value="${intent}"`)) ?? ''
const field = (body: string, name: string): string =>
  body.match(new RegExp(`<input[^>]* name="${name}"[^>]*>`))?.[0] ?? ''

const number = '+39 ••• ••• 4567'
const sms = (sent: boolean) => ({ name: 'sms', to: number, sent }) as const
const email = (sent: boolean) => ({ name: 'email', to: 'm•••@example.org', sent }) as const
const draft = { name: 'sms', step: 'code', to: number, seconds: 240 } as const
const pause: PageError = { key: 'error.message.pause', values: { seconds: 30 } }

describe('the page that asks for a code by message', () => {
  for (const [language, factor, offer, caution] of [
    ['en', sms, /Send a code to \+39\s•••\s•••\s4567</, /less safe than an authenticator app/],
    ['it', sms, /Mandami un codice a \+39\s•••\s•••\s4567</, /meno sicuri di un’app di autenticazione/],
    ['en', email, /Send a code to m•••@example\.org</, /does not count as a second factor/],
    ['it', email, /Mandami un codice a m•••@example\.org</, /non vale come secondo fattore/],
  ] as const) {
    const { name } = factor(false)

    it(`offers to send one, and says how weak it is: ${name}, ${language}`, () => {
      const body = asking(factor(false), { trust: { days: 30 } }, language)
      const form = formOf(body, 'send')
      match(form, offer)
      match(form, caution)
      equal(buttonsOf(form).length, 1)
      doesNotMatch(body, /name="code"|name="trust"|value="answer"/)
    })

    it(`takes the one that was sent: ${name}, ${language}`, () => {
      const body = asking(factor(true), { trust: { days: 30 } }, language)
      const form = formOf(body, 'answer')
      match(form, language === 'en' ? /We sent a code to/ : /Abbiamo mandato un codice a/)
      match(form, caution)
      const code = field(form, 'code')
      for (const attribute of [
        'autocomplete="one-time-code"',
        'inputmode="numeric"',
        'pattern="[0-9 ]*"',
        ' required',
        ' autofocus',
      ])
        ok(code.includes(attribute), attribute)
      ok(form.includes('name="trust"'))
      // The first button is the one that Enter presses.
      deepEqual(
        buttonsOf(form).map((each) => / value="([^"]+)"/.exec(each)?.[1]),
        ['answer', 'send'],
      )
    })
  }

  it('sends another one although none was typed', () => {
    const body = asking(sms(true))
    match(button(body, 'send'), / formnovalidate/)
    doesNotMatch(button(body, 'answer'), /formnovalidate/)
  })

  it('lets a pause hold up sending alone', () => {
    const body = asking(sms(true), { error: pause })
    match(body, /role="alert".*none is sent now\. Wait 30 seconds/s)
    match(button(body, 'send'), / data-wait="30"/)
    doesNotMatch(button(body, 'answer'), /data-wait/)
    doesNotMatch(field(body, 'code'), /aria-invalid/)
    match(button(asking(sms(false), { error: pause }), 'send'), / data-wait="30"/)
    match(button(asking(sms(true), { error: pause, waitSeconds: 900 }), 'send'), / data-wait="30"/)
  })

  it('lets a wait after wrong codes hold up answers alone', () => {
    const body = asking(sms(true), { error: { key: 'error.message.wrong' }, waitSeconds: 60 })
    match(button(body, 'answer'), / data-wait="60"/)
    doesNotMatch(button(body, 'send'), /data-wait/)
    match(field(body, 'code'), / aria-describedby="error" aria-invalid="true"/)
  })

  it('does not say that a code was sent when it was not', () => {
    const body = asking(sms(true), { error: { key: 'error.message.undelivered' } })
    match(body, /role="alert".*could not be sent/s)
    doesNotMatch(body, /We sent a code|name="code"/)
    ok(button(body, 'send'))
  })
})

describe('the page that adds a number or a mailbox', () => {
  for (const [language, name, type, notice] of [
    ['en', 'sms', 'tel', /weakest way: text messages can be intercepted/],
    ['it', 'sms', 'tel', /modo più debole: gli SMS si possono intercettare/],
    ['en', 'email', 'email', /does not count as a second factor/],
    ['it', 'email', 'email', /non vale come secondo fattore/],
  ] as const) {
    it(`asks for it with a notice of the risk: ${name}, ${language}`, () => {
      const form = formOf(enrolling({ name, step: 'address' }, {}, language), 'address')
      match(form, notice)
      const address = field(form, 'address')
      ok(address.includes(`type="${type}"`) && address.includes(`autocomplete="${type}"`))
      match(address, / required autofocus aria-describedby="address-hint">/)
      doesNotMatch(form, /name="code"/)
    })
  }

  it('marks the field whose content was refused', () => {
    const body = enrolling({ name: 'sms', step: 'address' }, { error: { key: 'error.message.number' } })
    match(body, /role="alert".*not a complete phone number/s)
    match(field(body, 'address'), / aria-describedby="address-hint error" aria-invalid="true"/)
  })

  it('lets another number be tried during a pause', () => {
    const body = enrolling({ name: 'sms', step: 'address' }, { error: pause })
    doesNotMatch(button(body, 'address'), /data-wait/)
    doesNotMatch(field(body, 'address'), /aria-invalid/)
  })

  for (const [language, said] of [
    ['en', /We sent a code to \+39\s•••\s•••\s4567\. Enter it within 4 minutes\./],
    ['it', /Abbiamo mandato un codice a \+39\s•••\s•••\s4567\. Inseriscilo entro 4 minuti\./],
  ] as const) {
    it(`takes the code, sends another, or goes elsewhere: ${language}`, () => {
      const body = enrolling(draft, {}, language)
      const form = formOf(body, 'confirm')
      match(form, said)
      match(field(form, 'code'), /autocomplete="one-time-code".* autofocus/)
      doesNotMatch(form, /name="address"/)
      const [confirm = '', again = ''] = buttonsOf(form)
      match(confirm, / value="confirm"/)
      match(again, / value="address" formnovalidate/)
      // Its own form: Enter there sends a code to the address, and confirms nothing.
      const elsewhere = body.match(/<details class="others">.*?<\/details>/s)?.[0] ?? ''
      match(elsewhere, language === 'en' ? /Use another number/ : /Usa un altro numero/)
      match(elsewhere, /<form method="post" action="\/step">/)
      ok(field(elsewhere, 'address').includes(' required'))
      deepEqual(buttonsOf(elsewhere).length, 1)
    })
  }

  it('lets a pause hold up sending to the same number alone', () => {
    const form = formOf(enrolling(draft, { error: pause }), 'confirm')
    match(button(form, 'address'), / data-wait="30"/)
    doesNotMatch(button(form, 'confirm'), /data-wait/)
  })

  it('opens the other number where it was refused', () => {
    const body = enrolling(draft, { error: { key: 'error.message.known' } })
    match(body, /<details class="others" open>/)
    match(field(body, 'address'), / autofocus aria-describedby="address-hint error" aria-invalid="true"/)
    doesNotMatch(field(body, 'code'), /autofocus|aria-invalid|error/)
  })

  it('does not say that a code was sent when it was not', () => {
    const body = enrolling(draft, { error: { key: 'error.message.undelivered' } })
    doesNotMatch(body, /We sent a code|name="code"/)
    match(formOf(body, 'address'), /Send a code to/)
  })
})

describe('the page that asks for the code of a token', () => {
  const token = (...kinds: ('hotp' | 'totp' | 'yubico')[]) =>
    ({ name: 'hardware-token', authenticators: ['C200'], kinds }) as const

  it('takes digits, of one code or of two in a row', () => {
    const form = formOf(asking(token('hotp', 'totp')), 'answer')
    match(form, /code that your token shows now/)
    match(form, /enter two in a row/)
    doesNotMatch(form, /types its codes/)
    const code = field(form, 'code')
    match(code, /inputmode="numeric".* autofocus aria-describedby="code-hint"/)
    doesNotMatch(code, /pattern=/)
    ok(Number(/maxlength="(\d+)"/.exec(code)?.[1]) >= 17)
  })

  it('takes the letters that a key types, which shows no two codes', () => {
    const form = formOf(asking(token('yubico'), {}, 'it'), 'answer')
    match(form, /premi il tasto della chiave/)
    doesNotMatch(form, /due di seguito|il token mostra/)
    const code = field(form, 'code')
    doesNotMatch(code, /inputmode|pattern=/)
    match(code, /autocomplete="one-time-code" autocapitalize="none" autocorrect="off" spellcheck="false"/)
    ok(Number(/maxlength="(\d+)"/.exec(code)?.[1]) >= 64)
  })

  it('says both to whoever has both, and names them', () => {
    const form = formOf(
      asking({ ...token('hotp', 'yubico'), authenticators: ['C200', '<b>'] }, { trust: { days: 30 } }),
      'answer',
    )
    match(form, /your token shows now.*types its codes.*<li>C200<\/li>\s*<li>&lt;b&gt;<\/li>/s)
    doesNotMatch(field(form, 'code'), /inputmode/)
    ok(form.includes('name="trust"'))
  })

  it('links an error to its field', () => {
    const body = asking(token('hotp'), { error: { key: 'error.token.wrong' } })
    match(field(body, 'code'), / aria-describedby="code-hint error" aria-invalid="true"/)
  })
})

describe('the page that activates a token', () => {
  const tokens = [
    { serial: 'FT-1', model: 'C200' },
    { serial: 'FT-2', model: null },
  ]
  const activating = (count: number, needsSerial: boolean, error?: PageError): string =>
    formOf(
      enrolling(
        { name: 'hardware-token', tokens: tokens.slice(0, count), needsSerial },
        error ? { error } : {},
        'it',
      ),
      'confirm',
    )

  it('sends one serial number, whoever has to name it', () => {
    for (const [count, needsSerial] of [
      [0, true],
      [1, false],
      [1, true],
      [2, true],
    ] as const) {
      const form = activating(count, needsSerial)
      // A field given twice is refused.
      equal(form.match(/name="serial"/g)?.length, 1, `${count} ${needsSerial}`)
      equal(form.match(/name="code"/g)?.length, 1)
      equal(form.match(/ autofocus/g)?.length, 1)
    }
  })

  it('knows the only one that was assigned', () => {
    const form = activating(1, false)
    match(form, /È il token con il numero di serie FT-1 \(C200\)\./)
    match(form, /<input type="hidden" name="serial" value="FT-1">/)
  })

  it('proposes those that were assigned', () => {
    const form = activating(2, true)
    match(field(form, 'serial'), / value="FT-1" list="serials"/)
    deepEqual(form.match(/<option value="[^"]*">[^<]*/g), [
      '<option value="FT-1">C200',
      '<option value="FT-2">',
    ])
    doesNotMatch(activating(1, true), /<datalist/)
  })

  it('links an error to the field it is about', () => {
    const unknown = activating(0, true, { key: 'error.token.unknown' })
    match(field(unknown, 'serial'), / aria-describedby="serial-hint error" aria-invalid="true"/)
    doesNotMatch(field(unknown, 'code'), /aria-invalid|error/)
    const wrong = activating(2, true, { key: 'error.token.wrong' })
    match(field(wrong, 'code'), / aria-describedby="code-hint error" aria-invalid="true"/)
    doesNotMatch(field(wrong, 'serial'), /aria-invalid|error/)
  })
})

describe('weak ways', () => {
  for (const [language, sms, email] of [
    ['en', /Weaker/, /Confirms only/],
    ['it', /Più debole/, /Solo conferma/],
  ] as const) {
    it(`are called so where they can be chosen, and never recommended: ${language}`, () => {
      const choosing = (factors: Views['interaction/choose']['factors']): string =>
        pages.render({ view: 'interaction/choose', language, locals: { factors, reason: 'first' } }).body
      const body = choosing(['sms', 'email'])
      match(body, sms)
      match(body, email)
      doesNotMatch(body, /Recommended|Consigliato/)
      const badges = choosing(['totp', 'sms']).match(/<span class="badge[^>]*>[^<]*/g) ?? []
      deepEqual(
        badges.map((badge) => badge.includes('class="badge weak"')),
        [false, true],
      )
    })
  }

  it('are called so on the security page', async () => {
    for (const [language, said] of [
      ['en', /Codes by text message, weaker than an app.*Codes by email, which confirm only.*\(weaker\)</s],
      ['it', /Codici via SMS, più deboli di un’app.*Codici via email: solo conferma.*\(più debole\)</s],
    ] as const) {
      const samples = await pageSamples(language, { name: 'Shop' })
      const home = samples.find(({ name }) => name === 'account-codes-by-message')
      ok(home)
      match(pages.render(home.page).body, said)
    }
  })
})
