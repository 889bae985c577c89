import { randomUUID } from 'node:crypto'
import type { AuditEvent } from '../../src/audit/events.ts'
import type {
  Account,
  AttemptState,
  Credential,
  Device,
  RingKey,
  Token,
  Trust,
} from '../../src/directory/directory.ts'

export const someCredential = (change: Partial<Credential> = {}): Credential => ({
  id: randomUUID(),
  accountId: randomUUID(),
  factor: 'totp',
  label: 'iPhone di Maria',
  handle: null,
  secret: 'JBSWY3DPEHPK3PXP',
  counter: 0,
  createdAt: 1_790_000_000_000,
  lastUsedAt: null,
  ...change,
})

export const someAccount = (change: Partial<Account> = {}): Account => ({
  id: randomUUID(),
  username: `user-${randomUUID()}`,
  email: `${randomUUID()}@example.org`,
  name: 'Maria Bianchi',
  passwordHash: '$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA',
  passwordDue: null,
  locale: 'it',
  claims: {},
  groups: [],
  minimum: null,
  disabledAt: null,
  createdAt: 1_790_000_000_000,
  ...change,
})

export const someDevice = (change: Partial<Device> = {}): Device => ({
  id: randomUUID(),
  accountId: randomUUID(),
  secretHash: randomUUID(),
  previousHash: null,
  seen: {
    address: '192.0.2.7',
    country: 'IT',
    city: 'Forlì',
    latitude: 44.2227,
    longitude: -12.0407,
    browser: 'Firefox',
    system: 'Windows',
  },
  countries: ['SM', 'IT'],
  trust: null,
  createdAt: 1_790_000_000_000,
  lastUsedAt: 1_790_000_000_000,
  ...change,
})

export const someTrust = (change: Partial<Trust> = {}): Trust => ({
  at: 1_790_000_000_000,
  mark: 'bWFyaw',
  factors: ['totp', 'webauthn'],
  key: null,
  ...change,
})

export const someToken = (change: Partial<Token> = {}): Token => ({
  serial: randomUUID(),
  kind: 'hotp',
  manufacturer: 'Feitian',
  model: 'OTP c100',
  seed: '{"key":"MTIzNDU2Nzg5MDEyMzQ1Njc4OTA="}',
  counter: null,
  accountId: null,
  importedAt: 1_790_000_000_000,
  ...change,
})

export const someKey = (change: Partial<RingKey> = {}): RingKey => ({
  kid: randomUUID(),
  use: 'signing',
  // A line of its own, so that tests which share a database do not meet.
  alg: `ES256-${randomUUID()}`,
  generation: 1,
  material: '{"kty":"EC","d":"hidden"}',
  createdAt: 1_790_000_000_000,
  signsFrom: 1_790_000_060_000,
  endsAt: null,
  ...change,
})

export const failedOnce = (state: AttemptState): AttemptState => ({ ...state, failures: state.failures + 1 })

export const someEvent = (change: Partial<AuditEvent> = {}): AuditEvent => ({
  id: randomUUID(),
  at: 1_790_000_000_000,
  type: 'factor.refused',
  accountId: randomUUID(),
  clientId: 'shop',
  factor: 'totp',
  reason: 'wrong',
  requestId: 'r-1',
  ...change,
})
