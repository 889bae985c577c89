import { equal, match, ok } from 'node:assert/strict'
import { composeNotice, type Notice, type NoticeContext } from '../../src/delivery/notices.ts'

const context: NoticeContext = {
  language: 'it',
  brand: 'Duepassi',
  name: 'Maria Rossi',
  account: 'maria.rossi',
  at: Date.UTC(2026, 2, 29, 13, 5),
}
const notices: Notice[] = [
  { kind: 'factor-enrolled', factor: 'totp', label: 'iPhone <di> {Maria}' },
  { kind: 'factor-enrolled', factor: 'webauthn', label: 'YubiKey 5' },
  { kind: 'factor-removed', factor: 'totp', label: '' },
  { kind: 'factor-removed', factor: 'webauthn', label: 'YubiKey 5' },
  { kind: 'factor-enrolled', factor: 'sms', label: '+39 ••• ••• 4567' },
  { kind: 'factor-enrolled', factor: 'email', label: 'm•••@example.org' },
  { kind: 'factor-enrolled', factor: 'hardware-token', label: 'C200' },
  { kind: 'factor-removed', factor: 'sms', label: '+39 ••• ••• 4567' },
  { kind: 'factor-removed', factor: 'email', label: 'm•••@example.org' },
  { kind: 'factor-removed', factor: 'hardware-token', label: '' },
  { kind: 'factor-retired', factor: 'sms', label: '+39 ••• ••• 4567', by: 'totp' },
  { kind: 'recovery-codes-issued' },
  { kind: 'recovery-code-used', left: 3 },
  { kind: 'second-factor-locked' },
  { kind: 'factors-reset' },
  { kind: 'password-changed' },
  { kind: 'own-password-changed' },
  {
    kind: 'new-device',
    browser: 'Firefox',
    system: 'Windows',
    city: 'Rome',
    country: 'IT',
    address: '203.0.113.7',
  },
  { kind: 'device-copied' },
]

describe('composeNotice', () => {
  for (const language of ['en', 'it'] as const) {
    for (const notice of notices) {
      it(`says what happened, when, and what to do: ${notice.kind} in ${language}`, () => {
        const { subject, text } = composeNotice(notice, { ...context, language })
        ok(subject.startsWith('Duepassi: ') && !subject.includes('\n'))
        match(text, language === 'it' ? /Ciao Maria Rossi,/ : /Hello Maria Rossi,/)
        match(text, /maria\.rossi/)
        match(text, language === 'it' ? /29 marzo 2026.*13:05.*UTC/ : /29 March 2026.*13:05.*UTC/)
        match(text, language === 'it' ? /cambia subito la password/ : /change your password now/)
      })
    }
  }

  it('names the authenticator as it was named', () => {
    match(
      composeNotice({ kind: 'factor-enrolled', factor: 'totp', label: 'iPhone <di> {Maria}' }, context).text,
      /Un’app di autenticazione di nome “iPhone <di> \{Maria\}” è stata aggiunta/,
    )
  })

  it('says what a report has ended: that sign-in, or every one where nobody had answered in time', () => {
    const textOf = (late: boolean, language: 'en' | 'it') =>
      composeNotice({ kind: 'signin-reported', late }, { ...context, language })
    match(textOf(false, 'en').subject, /a sign-in was stopped/)
    match(textOf(false, 'en').text, /That sign-in was ended, and no request/)
    match(textOf(true, 'en').subject, /all sign-ins were ended/)
    match(textOf(true, 'en').text, /every sign-in of your account was ended, on all devices, and/)
    match(textOf(true, 'it').text, /tutti gli accessi del tuo account sono stati chiusi, su ogni dispositivo/)
  })

  it('says what was added or removed, with a name or without', () => {
    const english = { ...context, language: 'en' } as const
    const textOf = (kind: 'factor-enrolled' | 'factor-removed', factor: string, label: string) =>
      composeNotice({ kind, factor, label }, english).text
    match(
      textOf('factor-enrolled', 'webauthn', ''),
      /A passkey or security key was added to your account\. From now on it can/,
    )
    match(
      textOf('factor-enrolled', 'totp', ''),
      /An authenticator app was added to your account\. From now on its codes can/,
    )
    match(
      textOf('factor-removed', 'webauthn', 'Blue key'),
      /A passkey or security key named “Blue key” was removed from your account/,
    )
    match(textOf('factor-removed', 'totp', ''), /An authenticator app was removed from your account/)
  })

  it('says which number, mailbox or token it was', () => {
    const said = (notice: Notice, language: 'en' | 'it' = 'it') =>
      composeNotice(notice, { ...context, language }).text
    const sms = { factor: 'sms', label: '+39 ••• ••• 4567' } as const
    match(
      said({ kind: 'factor-enrolled', ...sms }),
      /Un numero per i codici via SMS \(“\+39 ••• ••• 4567”\) è stato aggiunto .* i codici mandati lì/,
    )
    match(
      said({ kind: 'factor-removed', ...sms }, 'en'),
      /A number for codes by text message \(“\+39 ••• ••• 4567”\) was removed/,
    )
    const token = { factor: 'hardware-token', label: 'C200' } as const
    match(
      said({ kind: 'factor-enrolled', ...token }),
      /Un token con codici di nome “C200” è stato aggiunto .* i suoi codici/,
    )
    match(said({ kind: 'factor-removed', ...token, label: '' }, 'en'), /A token with codes was removed/)
  })

  it('says that codes by text message were switched off, and by what', () => {
    const said = (language: 'en' | 'it', by: string, label = '+39 ••• ••• 4567') =>
      composeNotice({ kind: 'factor-retired', factor: 'sms', label, by }, { ...context, language })
    equal(said('en', 'totp').subject, 'Duepassi: codes by text message were switched off for your account')
    match(
      said('en', 'totp').text,
      /You signed in with your authenticator app, .* those codes to \+39 ••• ••• 4567 were switched off/,
    )
    match(
      said('en', 'hardware-token', '').text,
      /signed in with your token, .* those codes were switched off/,
    )
    equal(said('it', 'totp').subject, 'Duepassi: i codici via SMS per il tuo account sono stati disattivati')
    match(
      said('it', 'totp').text,
      /l’accesso con l’app di autenticazione: .* quei codici a \+39 ••• ••• 4567 sono stati disattivati/,
    )
    match(said('it', 'hardware-token', '').text, /con il token: .* quei codici sono stati disattivati/)
    match(said('it', 'totp').text, /Se non hai effettuato tu l’accesso, cambia subito la password/)
  })

  it('says how many recovery codes are left', () => {
    match(composeNotice({ kind: 'recovery-code-used', left: 1 }, context).text, /Te ne resta 1\./)
    match(composeNotice({ kind: 'recovery-code-used', left: 0 }, context).text, /Era l’ultimo/)
  })

  it('asks whether it was you who came with a new browser, and says which and where', () => {
    const seen = {
      browser: 'Firefox',
      system: 'Windows',
      city: 'Rome',
      country: 'IT',
      address: '2001:db8::7',
    }
    const said = (over: Partial<typeof none>, language: 'en' | 'it' = 'it') =>
      composeNotice({ kind: 'new-device', ...none, ...over }, { ...context, language })
    const none: Record<keyof typeof seen, string | null> = {
      browser: null,
      system: null,
      city: null,
      country: null,
      address: null,
    }
    match(said(seen).subject, /Eri tu\?$/)
    match(said(seen).text, /\nBrowser: Firefox su Windows\nLuogo: Rome, Italia \(indirizzo 2001:db8::7\)\n/)
    match(said(seen, 'en').subject, /Was it you\?$/)
    match(
      said(seen, 'en').text,
      /\nBrowser: Firefox on Windows\nPlace: Rome, Italy \(address 2001:db8::7\)\n/,
    )
    match(said({}).text, /\nBrowser: sconosciuto\nLuogo: sconosciuto\n/)
    match(said({}, 'en').text, /\nBrowser: unknown\nPlace: unknown\n/)
    match(said({ browser: 'Safari', country: 'DE' }).text, /\nBrowser: Safari\nLuogo: Germania\n/)
    match(said({ browser: 'Safari', country: 'DE' }, 'en').text, /\nBrowser: Safari\nPlace: Germany\n/)
    match(
      said({ system: 'Android', address: '192.0.2.1' }).text,
      /\nBrowser: sconosciuto, su Android\nLuogo: sconosciuto \(indirizzo 192\.0\.2\.1\)\n/,
    )
    match(
      said({ system: 'Android', address: '192.0.2.1' }, 'en').text,
      /\nBrowser: unknown, on Android\nPlace: unknown \(address 192\.0\.2\.1\)\n/,
    )
  })

  it('leads to the security page where there is one, and names it otherwise', () => {
    const securityPage = 'https://id.example/account'
    for (const notice of notices.filter(({ kind }) => kind === 'new-device' || kind === 'device-copied')) {
      match(
        composeNotice(notice, { ...context, securityPage }).text,
        /sicurezza \(https:\/\/id\.example\/account\)/,
      )
      match(
        composeNotice(notice, { ...context, securityPage, language: 'en' }).text,
        /your security page \(https:\/\/id\.example\/account\)/,
      )
      match(composeNotice(notice, context).text, /apri la pagina di sicurezza del tuo account/)
      match(composeNotice(notice, { ...context, language: 'en' }).text, /open your account’s security page/)
    }
  })

  it('tells the time of the time zone it is given', () => {
    match(composeNotice({ kind: 'factors-reset' }, { ...context, timeZone: 'Europe/Rome' }).text, /15:05/)
  })

  it('has a text for every kind', () => {
    equal(new Set(notices.map((notice) => composeNotice(notice, context).subject)).size, notices.length)
  })
})
