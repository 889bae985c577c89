import type { Clock } from '../clock.ts'
import { type RandomBytes, randomId } from '../crypto/random.ts'
import type { AuditEvent, AuditEventType } from './events.ts'

export type AuditFacts = Partial<Pick<AuditEvent, 'accountId' | 'clientId' | 'factor' | 'reason'>>

/** Writes audit events; resolves when the event is on disk. */
export type RecordEvent = (type: AuditEventType, facts: AuditFacts) => Promise<void>

export const createTrail =
  (parts: {
    directory: { appendAudit(event: AuditEvent): Promise<void> }
    clock: Clock
    random: RandomBytes
    requestId?: () => string | undefined
  }): RecordEvent =>
  (type, { accountId = null, clientId = null, factor = null, reason = null }) =>
    parts.directory.appendAudit({
      id: randomId(parts.random),
      at: parts.clock.now(),
      type,
      accountId,
      clientId,
      factor,
      reason,
      requestId: parts.requestId?.() ?? null,
    })
