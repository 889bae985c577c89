import { randomUUID } from 'node:crypto'
import type { AuditEvent } from '../../src/audit/events.ts'
import type { Account, AttemptState, Credential } from '../../src/directory/directory.ts'

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
  locale: 'it',
  groups: [],
  disabledAt: null,
  createdAt: 1_790_000_000_000,
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
