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
  { kind: 'recovery-codes-issued' },
  { kind: 'recovery-code-used', left: 3 },
  { kind: 'second-factor-locked' },
  { kind: 'factors-reset' },
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

  it('says how many recovery codes are left', () => {
    match(composeNotice({ kind: 'recovery-code-used', left: 1 }, context).text, /Te ne resta 1\./)
    match(composeNotice({ kind: 'recovery-code-used', left: 0 }, context).text, /Era l’ultimo/)
  })

  it('tells the time of the time zone it is given', () => {
    match(composeNotice({ kind: 'factors-reset' }, { ...context, timeZone: 'Europe/Rome' }).text, /15:05/)
  })

  it('has a text for every kind', () => {
    equal(new Set(notices.map((notice) => composeNotice(notice, context).subject)).size, notices.length)
  })
})
