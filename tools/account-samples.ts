import type { KnownDevice, Method, OpenSession, Views } from '../src/pages/views.ts'
import { creationOptions, type MakeSample, type Sample } from './page-samples.ts'

const hour = 3_600_000
const base = '/account'
const createdAt = Date.UTC(2026, 2, 3, 9, 30)

/** The pages of the security page, in each of its states. */
export function accountSamples(sample: MakeSample, codes: readonly string[]): Sample[] {
  const now = Date.now()
  const phone: Method = {
    id: 'phone',
    factor: 'webauthn',
    label: 'iCloud Keychain',
    createdAt,
    lastUsedAt: now - 2 * hour,
    synced: true,
    removable: true,
  }
  const key: Method = {
    id: 'key',
    factor: 'webauthn',
    label: 'YubiKey 5 NFC, portachiavi di casa',
    createdAt,
    lastUsedAt: null,
    synced: false,
    removable: true,
  }
  const app: Method = {
    id: 'app',
    factor: 'totp',
    label: 'Il mio telefono',
    createdAt,
    lastUsedAt: now - 26 * hour,
    removable: true,
  }
  const devices: KnownDevice[] = [
    {
      id: 'laptop',
      browser: 'Firefox',
      system: 'Windows',
      city: 'Milano',
      country: 'IT',
      address: '203.0.113.7',
      lastUsedAt: now - hour / 60,
      trustedUntil: Date.UTC(2026, 3, 8, 9, 30),
      here: true,
    },
    {
      id: 'unknown',
      browser: null,
      system: 'Android',
      city: null,
      country: null,
      address: '2001:db8:85a3:8d3:1319:8a2e:370:7348',
      lastUsedAt: now - 50 * hour,
      trustedUntil: null,
      here: false,
    },
  ]
  const sessions: OpenSession[] = [
    {
      id: 'here',
      browser: 'Firefox',
      system: 'Windows',
      city: 'Milano',
      country: 'IT',
      address: '203.0.113.7',
      since: now - hour / 2,
      level: 'two-factors',
      applications: [],
      here: true,
    },
    {
      id: 'unknown',
      browser: null,
      system: 'Android',
      city: null,
      country: null,
      address: '2001:db8:85a3:8d3:1319:8a2e:370:7348',
      since: now - 5 * hour,
      level: 'phishing-resistant',
      applications: ['Bottega Aurora', 'Contabilità e fatture', 'Posta'],
      here: false,
    },
    {
      id: 'forgotten',
      browser: null,
      system: null,
      city: null,
      country: null,
      address: null,
      since: now - 22 * hour,
      level: null,
      applications: ['intranet'],
      here: false,
    },
  ]
  const home = (
    name: string,
    locals: Partial<Views['account/home']> & Pick<Views['account/home'], 'state'>,
  ): Sample =>
    sample(
      name,
      'account/home',
      {
        base,
        person: { name: 'Maria Rossi', username: 'maria.rossi' },
        methods: [],
        recoveryCodes: null,
        addable: ['webauthn', 'totp'],
        devices: [],
        sessions: [],
        ...locals,
      },
      false,
    )
  const recoveryCodes = { left: 9, createdAt }
  return [
    home('account', { state: 'on', methods: [phone, key, app], recoveryCodes }),
    home('account-last', {
      state: 'on',
      methods: [{ ...app, label: '', removable: false }],
      recoveryCodes: { left: 1, createdAt },
    }),
    home('account-not-set-up', { state: 'not-set-up' }),
    home('account-incomplete', { state: 'incomplete', methods: [app] }),
    home('account-locked', { state: 'locked', methods: [phone, app], recoveryCodes, devices, sessions }),
    home('account-done', {
      state: 'on',
      methods: [phone, app],
      recoveryCodes,
      done: 'removed',
      signal: { rpId: 'localhost', userId: 'bWFyaWE', credentialIds: ['AAAA'] },
    }),
    home('account-devices', { state: 'on', methods: [app], recoveryCodes, devices, done: 'forgotten' }),
    home('account-sessions', {
      state: 'on',
      methods: [app],
      recoveryCodes,
      devices,
      sessions,
      done: 'ended',
    }),
    home('account-demanded', {
      state: 'on',
      methods: [phone],
      recoveryCodes,
      error: { key: 'error.account.demanded' },
    }),
    sample('account-remove', 'account/remove', { base, method: key }, false),
    sample('account-remove-app', 'account/remove', { base, method: { ...app, label: '' } }, false),
    sample('account-rename', 'account/rename', { base, method: key }, false),
    sample('account-codes', 'account/codes', { base, left: 4 }, false),
    sample('account-codes-first', 'account/codes', { base, left: null }, false),
    sample(
      'account-choose',
      'interaction/choose',
      { factors: ['webauthn', 'totp'], reason: 'more', onAccount: true },
      false,
    ),
    sample(
      'account-enrol',
      'interaction/enrol',
      { factor: { name: 'webauthn', options: creationOptions }, otherWays: true, onAccount: true },
      false,
    ),
    sample('account-new-codes', 'interaction/recovery-codes', { codes, onAccount: true }, false),
  ]
}
