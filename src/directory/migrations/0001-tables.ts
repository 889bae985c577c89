import type { Kysely } from 'kysely'
import type { DatabaseKind } from './migrations.ts'

/** Times are bigint milliseconds since the Unix epoch; JSON is text; booleans are integers. */
export async function createTables(db: Kysely<unknown>, kind: DatabaseKind): Promise<void> {
  await createAccounts(db)
  await db.schema
    .createTable('client')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('metadata', 'text', (column) => column.notNull())
    .execute()
  await createSecondFactor(db)
  await createAudit(db, kind)
}

async function createAccounts(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('account')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('username', 'text', (column) => column.notNull())
    .addColumn('email', 'text')
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('password_hash', 'text', (column) => column.notNull())
    .addColumn('locale', 'text')
    .addColumn('disabled_at', 'bigint')
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .execute()
  // One namespace for user names and e-mail addresses, in the spelling of canonicalName.
  await db.schema
    .createTable('account_name')
    .addColumn('name', 'text', (column) => column.primaryKey())
    .addColumn('account_id', 'text', (column) =>
      column.notNull().references('account.id').onDelete('cascade'),
    )
    .execute()
  await db.schema.createIndex('account_name_account').on('account_name').column('account_id').execute()
}

async function createSecondFactor(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('credential')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('account_id', 'text', (column) => column.notNull())
    .addColumn('factor', 'text', (column) => column.notNull())
    .addColumn('label', 'text', (column) => column.notNull())
    .addColumn('secret', 'text', (column) => column.notNull())
    .addColumn('counter', 'bigint', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('last_used_at', 'bigint')
    .execute()
  await db.schema.createIndex('credential_account').on('credential').column('account_id').execute()
  await db.schema
    .createTable('attempt')
    .addColumn('account_id', 'text', (column) => column.notNull())
    .addColumn('authenticator', 'text', (column) => column.notNull())
    .addColumn('failures', 'integer', (column) => column.notNull())
    .addColumn('wait_until', 'bigint', (column) => column.notNull())
    .addColumn('locked_at', 'bigint')
    .addPrimaryKeyConstraint('attempt_pair', ['account_id', 'authenticator'])
    .execute()
}

async function createAudit(db: Kysely<unknown>, kind: DatabaseKind): Promise<void> {
  await db.schema
    .createTable('audit_event')
    .addColumn('sequence', kind === 'sqlite' ? 'integer' : 'bigserial', (column) => column.primaryKey())
    .addColumn('id', 'text', (column) => column.notNull().unique())
    .addColumn('at', 'bigint', (column) => column.notNull())
    .addColumn('type', 'text', (column) => column.notNull())
    .addColumn('account_id', 'text')
    .addColumn('client_id', 'text')
    .addColumn('factor', 'text')
    .addColumn('reason', 'text')
    .addColumn('request_id', 'text')
    .execute()
  await db.schema
    .createIndex('audit_event_account')
    .on('audit_event')
    .columns(['account_id', 'at', 'sequence'])
    .execute()
}
