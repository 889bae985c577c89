import type { AuditEvent, AuditEventType } from '../../audit/events.ts'
import type { Directory } from '../directory.ts'
import { compiledOnce } from './compiled.ts'
import type { AuditEventRow, Database } from './tables.ts'

type AuditEvents = Pick<Directory, 'appendAudit' | 'audit'>

export const auditEventQueries = (db: Database): AuditEvents => ({
  appendAudit: append(db),

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

const append = (db: Database): AuditEvents['appendAudit'] => {
  const insert = compiledOnce(
    db,
    (
      id: string,
      at: number,
      type: string,
      account_id: string | null,
      client_id: string | null,
      factor: string | null,
      reason: string | null,
      request_id: string | null,
    ) =>
      db
        .insertInto('audit_event')
        .values({ id, at, type, account_id, client_id, factor, reason, request_id }),
  )
  return async ({ id, at, type, accountId, clientId, factor, reason, requestId }) => {
    await insert(id, at, type, accountId, clientId, factor, reason, requestId)
  }
}

type Columns = Omit<AuditEventRow, 'sequence'>

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
