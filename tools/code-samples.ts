import type { Method } from '../src/pages/views.ts'
import type { MakeSample, Sample } from './page-samples.ts'

const number = '+39 ••• ••• 4567'
/** As long as the narrowest screen has to take. */
const mailbox = 'm•••@amministrazione-centrale.universita-degli-studi.example'
const accountName = 'maria.rossi'
const serial = 'FT-20461187'

/** The pages of codes by message and of hardware tokens, in each of their states. */
export function codeSamples(sample: MakeSample): Sample[] {
  const sms = { name: 'sms', to: number } as const
  const email = { name: 'email', to: mailbox } as const
  const shown = { name: 'hardware-token', authenticators: ['C200'], kinds: ['hotp'] } as const
  const typed = { name: 'hardware-token', authenticators: ['YubiKey 5'], kinds: ['yubico'] } as const
  const draft = { name: 'sms', step: 'code', to: number, seconds: 240 } as const
  const pause = { key: 'error.message.pause', values: { seconds: 30 } } as const
  const tokens = [
    { serial, model: 'C200' },
    { serial: '9912-04', model: null },
  ]
  const of = (factor: Method['factor'], label: string): Method => ({
    id: factor,
    factor,
    label,
    createdAt: Date.UTC(2026, 2, 3, 9, 30),
    lastUsedAt: null,
    removable: true,
  })
  return [
    sample('sms', 'interaction/second-factor', {
      factor: { ...sms, sent: false },
      others: ['totp', 'recovery-code'],
      accountName,
    }),
    sample('sms-undelivered', 'interaction/second-factor', {
      factor: { ...sms, sent: true },
      others: ['email'],
      error: { key: 'error.message.undelivered' },
    }),
    sample('sms-sent', 'interaction/second-factor', {
      factor: { ...sms, sent: true },
      others: ['hardware-token'],
      accountName,
      trust: { days: 30 },
    }),
    sample('sms-pause', 'interaction/second-factor', {
      factor: { ...sms, sent: true },
      others: [],
      error: pause,
    }),
    sample('sms-wrong', 'interaction/second-factor', {
      factor: { ...sms, sent: true },
      others: [],
      error: { key: 'error.message.wrong' },
      waitSeconds: 30,
    }),
    sample('email', 'interaction/second-factor', {
      factor: { ...email, sent: false },
      others: ['sms'],
      error: pause,
    }),
    sample('email-sent', 'interaction/second-factor', {
      factor: { ...email, sent: true },
      others: ['sms'],
      accountName,
    }),
    sample('hardware-token', 'interaction/second-factor', {
      factor: shown,
      others: ['sms'],
      accountName,
      trust: { days: 30 },
    }),
    sample('hardware-token-several', 'interaction/second-factor', {
      factor: { ...typed, authenticators: ['YubiKey 5', 'C200'], kinds: ['totp', 'yubico'] },
      others: [],
      error: { key: 'error.token.clock' },
    }),
    sample('hardware-token-key', 'interaction/second-factor', { factor: typed, others: [] }),
    sample('choose-codes', 'interaction/choose', {
      factors: ['totp', 'hardware-token', 'sms', 'email'],
      reason: 'first',
      accountName,
    }),
    sample('sms-enrol', 'interaction/enrol', {
      factor: { name: 'sms', step: 'address' },
      accountName,
      otherWays: true,
    }),
    sample('sms-enrol-number', 'interaction/enrol', {
      factor: { name: 'sms', step: 'address' },
      otherWays: false,
      onAccount: true,
      error: { key: 'error.message.number' },
    }),
    sample('sms-enrol-code', 'interaction/enrol', { factor: draft, accountName, otherWays: true }),
    sample('sms-enrol-pause', 'interaction/enrol', { factor: draft, otherWays: false, error: pause }),
    sample('sms-enrol-undelivered', 'interaction/enrol', {
      factor: draft,
      otherWays: false,
      error: { key: 'error.message.undelivered' },
    }),
    sample('sms-enrol-known', 'interaction/enrol', {
      factor: draft,
      otherWays: false,
      error: { key: 'error.message.known' },
    }),
    sample('email-enrol', 'interaction/enrol', {
      factor: { name: 'email', step: 'address' },
      accountName,
      otherWays: true,
    }),
    sample('email-enrol-code', 'interaction/enrol', {
      factor: { name: 'email', step: 'code', to: mailbox, seconds: 240 },
      accountName,
      otherWays: false,
    }),
    sample('hardware-token-enrol', 'interaction/enrol', {
      factor: { name: 'hardware-token', tokens: tokens.slice(0, 1), needsSerial: false },
      accountName,
      otherWays: true,
    }),
    sample('hardware-token-enrol-serial', 'interaction/enrol', {
      factor: { name: 'hardware-token', tokens: [], needsSerial: true },
      otherWays: false,
      error: { key: 'error.token.unknown' },
    }),
    sample('hardware-token-enrol-several', 'interaction/enrol', {
      factor: { name: 'hardware-token', tokens, needsSerial: true },
      otherWays: false,
      error: { key: 'error.token.wrong' },
    }),
    sample(
      'account-codes-by-message',
      'account/home',
      {
        base: '/account',
        person: { name: 'Maria Rossi', username: 'maria.rossi' },
        state: 'on',
        methods: [of('sms', number), of('email', mailbox), of('hardware-token', 'C200')],
        recoveryCodes: null,
        addable: ['hardware-token', 'sms', 'email'],
        devices: [],
        sessions: [],
      },
      false,
    ),
    sample('account-remove-number', 'account/remove', { base: '/account', method: of('sms', number) }, false),
  ]
}
