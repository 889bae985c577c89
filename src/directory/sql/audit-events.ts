import type { AuditEvent, AuditEventType } from '../../audit/events.ts'
import type { Directory } from '../directory.ts'
import type { AuditEventRow, Database } from './tables.ts'

type AuditEvents = Pick<Directory, 'appendAudit' | 'audit'>

export const auditEventQueries = (db: Database): AuditEvents => ({
  async appendAudit(event) {
    await db.insertInto('audit_event').values(rowOf(event)).execute()
  },

  async audit(accountId, limit) {
    const rows = await db
      .selectFrom('audit_event')
      .selectAll()
      .where('account_id', '=', accountId)
      .orderBy('at', 'desc')
      .orderBy('sequence', 'desc')
      .limit(limit)
      .execute()
    return rows.map(eventOf)
  },
})

type Columns = Omit<AuditEventRow, 'sequence'>

const rowOf = (event: AuditEvent): Columns => ({
  id: event.id,
  at: event.at,
  type: event.type,
  account_id: event.accountId,
  client_id: event.clientId,
  factor: event.factor,
  reason: event.reason,
  request_id: event.requestId,
})

const eventOf = (row: Columns): AuditEvent => ({
  id: row.id,
  at: row.at,
  type: row.type as AuditEventType,
  accountId: row.account_id,
  clientId: row.client_id,
  factor: row.factor,
  reason: row.reason,
  requestId: row.request_id,
})
