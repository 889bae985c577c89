/** The closed vocabulary of the audit trail: what is not listed here is not an audited event. */
export const auditEventTypes = [
  'password.accepted',
  'password.refused',
  'password.changed',
  'password.expired',
  'factor.accepted',
  'factor.refused',
  'factor.locked',
  'factor.unlocked',
  'factor.enrolled',
  'factor.removed',
  'factor.renamed',
  'factor.suspicious',
  'recovery-codes.issued',
  'signin.finished',
  'signin.given-up',
  'signin.unusual',
  'signin.refused',
  'session.ended',
  'request.sent',
  'request.denied',
  'request.reported',
  'message.sent',
  'message.failed',
  'device.added',
  'device.trusted',
  'device.removed',
  'device.copied',
  'device-code.approved',
  'device-code.refused',
  'account.created',
  'account.disabled',
  'account.enabled',
  'account.removed',
  'client.invited',
  'client.added',
  'client.changed',
  'client.removed',
  'token.imported',
  'token.assigned',
  'token.unassigned',
  'token.removed',
  'token.resynchronised',
  'key.published',
  'key.retired',
  'code.reused',
] as const

export type AuditEventType = (typeof auditEventTypes)[number]

export interface AuditEvent {
  id: string
  /** Milliseconds since the Unix epoch. */
  at: number
  type: AuditEventType
  accountId: string | null
  clientId: string | null
  /** The factor's name, where the event is about one. */
  factor: string | null
  /** A reason from the factor's or policy's own vocabulary; never anything a person typed. */
  reason: string | null
  requestId: string | null
}
