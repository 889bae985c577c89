import { eidasLadder } from '../../src/policy/acr.ts'
import type { Person } from './account-on-file.ts'

const mfa = 'https://refeds.org/profile/mfa'
const places = { file: 'test/support/places.mmdb' }
const rome = ['--from', '192.0.2.9']
const tokyo = ['--from', '203.0.113.9']
const atHome = [{}]

/** One situation, and what is decided after each thing proven: "step-up mfa by mode". */
export interface Case {
  it: string
  policy?: Record<string, unknown>
  over?: Record<string, unknown>
  person?: Person
  args?: readonly string[]
  decisions: Record<string, string>
  /** Factors that are asked, and that have to be set up, after the password alone. */
  ways?: [asks: string[], setsUp: string[]]
}

const app: Person = { factors: ['totp'] }
const askedByMode = { password: 'step-up mfa by mode', 'password+totp': 'allowed mfa by mode' }

export const cases: Case[] = [
  {
    it: 'asks nothing where the general policy is off',
    policy: { secondFactor: 'off' },
    person: app,
    decisions: { password: 'allowed sfa by mode', 'password+totp': 'allowed mfa by mode' },
    ways: [[], []],
  },
  {
    it: 'asks nothing of somebody without a factor where they are optional',
    policy: { secondFactor: 'optional' },
    decisions: { password: 'allowed sfa by mode' },
  },
  {
    it: 'asks somebody who has one where they are optional',
    policy: { secondFactor: 'optional' },
    person: app,
    decisions: askedByMode,
    ways: [['totp'], []],
  },
  {
    it: 'has whoever has none set one up where they are required',
    decisions: { password: 'enrol mfa by mode' },
    ways: [[], ['webauthn', 'totp']],
  },
  {
    it: 'asks because of the client',
    policy: { secondFactor: 'off' },
    person: { ...app, client: { require_second_factor: true } },
    decisions: {
      password: 'step-up mfa by client:require_second_factor',
      'password+totp': 'allowed mfa by client:require_second_factor',
    },
  },
  {
    it: "asks because of the client's age of a second factor",
    policy: { secondFactor: 'off' },
    person: { ...app, client: { second_factor_max_age: 300 } },
    decisions: {
      password: 'step-up mfa by client:second_factor_max_age',
      'password+totp': 'allowed mfa by client:second_factor_max_age',
    },
  },
  {
    it: 'takes a key alone where the group has that minimum, and has it set up after the app',
    policy: { groups: { admins: { minimum: 'phr' }, staff: { minimum: mfa } } },
    person: { ...app, groups: ['admins', 'staff'] },
    args: ['--proven', 'password', '--proven', 'webauthn'],
    decisions: {
      password: 'step-up phr by group:admins',
      'password+totp': 'step-up phr by group:admins',
      // Anna has no key: whoever says otherwise proves nothing by it.
      'password+webauthn': 'step-up phr by group:admins',
    },
    ways: [['totp'], ['webauthn']],
  },
  {
    it: 'asks because of the minimum of the account, and lets a key in',
    policy: { secondFactor: 'off' },
    person: { factors: ['webauthn', 'totp'], minimum: 'phr' },
    args: ['--proven', 'webauthn-uv'],
    decisions: {
      password: 'step-up phr by account',
      'password+webauthn': 'allowed phr by account',
      'password+totp': 'step-up phr by account',
      'webauthn-uv': 'allowed phr by account',
    },
    ways: [['webauthn'], []],
  },
  {
    it: 'refuses whom the lock keeps from a second factor',
    person: { ...app, locked: true },
    decisions: { password: 'refused locked by lock', 'password+totp': 'refused locked by lock' },
  },
  {
    it: 'lets the locked in with one factor where one is enough',
    policy: { secondFactor: 'off' },
    person: { ...app, locked: true },
    decisions: { password: 'allowed sfa by mode', 'password+totp': 'refused locked by lock' },
  },
  {
    it: 'does not ask in a trusted browser',
    policy: { trustedDevices: { kind: 'cookie' } },
    person: { ...app, browsers: [{ trusted: true }] },
    args: ['--trusted-device'],
    decisions: { ...askedByMode, 'password+trusted-device': 'allowed sfa by trusted-device' },
  },
  {
    it: 'counts the key of a bound one',
    policy: { trustedDevices: { kind: 'bound' }, groups: { staff: { minimum: mfa } } },
    person: { ...app, groups: ['staff'] },
    args: ['--trusted-device'],
    decisions: { ...askedByMode, 'password+trusted-device': 'allowed mfa by group:staff' },
  },
  {
    it: 'asks in a trusted browser with prompt=login',
    policy: { trustedDevices: { kind: 'cookie' } },
    person: { ...app, browsers: [{ trusted: true }] },
    args: ['--trusted-device', '--prompt', 'login'],
    decisions: { ...askedByMode, 'password+trusted-device': 'step-up mfa by mode' },
  },
  {
    it: 'asks where the sign-in comes from another country',
    policy: { secondFactor: 'off', context: { reactions: { 'new-country': 'step-up' } } },
    over: { places },
    person: { ...app, browsers: atHome },
    args: tokyo,
    decisions: {
      password: 'step-up mfa by signal:new-country',
      'password+totp': 'allowed mfa by signal:new-country',
    },
  },
  {
    it: 'does not where it comes from the same one',
    policy: { secondFactor: 'off', context: { reactions: { 'new-country': 'step-up' } } },
    over: { places },
    person: { ...app, browsers: atHome },
    args: rome,
    decisions: { password: 'allowed sfa by mode', 'password+totp': 'allowed mfa by mode' },
  },
  {
    it: 'turns away whoever travelled too fast',
    policy: { context: { reactions: { 'impossible-travel': 'refuse' } } },
    over: { places },
    person: { ...app, browsers: [{ secondsAgo: 3600 }] },
    args: tokyo,
    decisions: {
      password: 'refused context by signal:impossible-travel',
      'password+totp': 'refused context by signal:impossible-travel',
    },
  },
  {
    it: 'turns away whoever comes from a forbidden network',
    policy: {
      secondFactor: 'off',
      context: { networks: ['192.0.2.0/24'], reactions: { 'forbidden-network': 'refuse' } },
    },
    args: rome,
    decisions: { password: 'refused context by signal:forbidden-network' },
  },
  {
    it: 'asks in a new browser, and after many wrong passwords',
    policy: { secondFactor: 'off', context: { reactions: { 'many-failures': 'step-up' } } },
    person: { ...app, browsers: atHome },
    args: ['--failures', '5', '--new-device'],
    decisions: {
      password: 'step-up mfa by signal:many-failures',
      'password+totp': 'allowed mfa by signal:many-failures',
    },
  },
  {
    it: 'says what nobody can reach: what a client demands by mistake',
    person: { ...app, client: { minimum_acr: 'phrh' } },
    decisions: {
      password: 'refused unreachable by client:minimum_acr',
      'password+totp': 'refused unreachable by client:minimum_acr',
    },
  },
  {
    it: 'says so of factors that are required and forbidden',
    policy: { factors: { webauthn: 'forbid' } },
    person: { ...app, client: { second_factors: { webauthn: 'require' } } },
    args: ['--proven', 'webauthn-uv'],
    decisions: {
      password: 'refused unreachable by factor-rules',
      'password+totp': 'refused unreachable by factor-rules',
      'webauthn-uv': 'refused no-passkey by factor-rules',
    },
  },
  {
    it: 'binds an essential acr, and not acr_values that nobody reaches',
    policy: { secondFactor: 'off' },
    person: app,
    args: ['--essential-acr', mfa, '--acr-values', 'phrh'],
    decisions: {
      password: 'step-up mfa by request:claims',
      'password+totp': 'allowed mfa by request:claims',
    },
  },
  {
    it: "wishes by acr_values, the client's where the request has none",
    policy: { secondFactor: 'off', ladder: 'eidas' },
    person: { ...app, client: { default_acr_values: [eidasLadder[1]?.acr] } },
    decisions: {
      password: 'step-up substantial by request:acr_values',
      'password+totp': 'allowed substantial by request:acr_values',
    },
  },
  {
    it: 'counts nothing that the account has not',
    policy: { secondFactor: 'optional' },
    person: app,
    args: ['--proven', 'password', '--proven', 'recovery-code'],
    decisions: { ...askedByMode, 'password+recovery-code': 'step-up mfa by mode' },
  },
  {
    it: 'begins with no passkey that is not there',
    policy: { secondFactor: 'off' },
    args: ['--proven', 'webauthn-uv'],
    decisions: { password: 'allowed sfa by mode', 'webauthn-uv': 'refused no-passkey by no-passkey' },
  },
  {
    it: 'lets nobody in who is disabled',
    policy: { secondFactor: 'off' },
    person: { disabled: true },
    args: ['--trusted-device'],
    decisions: {
      password: 'refused disabled by account:disabled',
      'password+trusted-device': 'refused disabled by account:disabled',
    },
  },
]
