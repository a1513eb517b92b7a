import { type Kysely, sql } from 'kysely';

/** What the APIs keep: headless attempts, profiles, sessions by name, and what leaves for the owners of apps. */
export async function apiAndDeliveries(db: Kysely<unknown>): Promise<void> {
  await addColumns(db);
  await sessions(db);
  await webhooks(db);
  await interceptors(db);
}

const COLUMNS = [
  ['attempts', 'flow', 'text'],
  ['attempts', 'headless', 'text'],
  ['users', 'external_id', 'text'],
  ['users', 'profile', 'text'],
  ['users', 'metadata', 'text'],
  ['users', 'search', 'text'],
  ['clients', 'kind', 'text'],
  ['clients', 'back_channel_logout_uris', 'text'],
  ['clients', 'grant_types', 'text'],
  ['clients', 'access_token_seconds', 'bigint'],
  ['clients', 'api_access', 'bigint'],
  ['clients', 'first_party', 'bigint'],
  ['client_secrets', 'inactive', 'bigint'],
  ['events', 'fan', 'bigint'],
] as const;

async function addColumns(db: Kysely<unknown>): Promise<void> {
  for (const [table, name, type] of COLUMNS)
    await db.schema.alterTable(table).addColumn(name, type).execute();
  await db.schema
    .createIndex('users_external')
    .on('users')
    .column('external_id')
    .unique()
    .where(sql.ref('external_id'), 'is not', sql.lit(null))
    .execute();
  await db.schema
    .createIndex('events_fan')
    .on('events')
    .column('at')
    .where(sql.ref('fan'), 'is not', sql.lit(null))
    .execute();
  await db.schema.createIndex('attempts_created').on('attempts').columns(['created_at', 'id']).execute();
  await db.schema.createIndex('attempts_email').on('attempts').columns(['email', 'id']).execute();
}

async function sessions(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('sessions')
    .addColumn('id', 'text', (c) => c.primaryKey().notNull())
    .addColumn('user_id', 'text', (c) => c.notNull())
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .addColumn('updated_at', 'bigint', (c) => c.notNull())
    .addColumn('last_active_at', 'bigint', (c) => c.notNull())
    .addColumn('idle_expires_at', 'bigint', (c) => c.notNull())
    .addColumn('absolute_expires_at', 'bigint', (c) => c.notNull())
    .addColumn('ended_at', 'bigint')
    .addColumn('ended_as', 'text')
    .addColumn('device', 'text', (c) => c.notNull())
    .addColumn('clients', 'text', (c) => c.notNull())
    .addColumn('claims', 'text')
    .execute();
  await db.schema.createIndex('sessions_user').on('sessions').columns(['user_id', 'id']).execute();
  await db.schema.createIndex('sessions_idle').on('sessions').column('idle_expires_at').execute();
}

async function webhooks(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('webhook_endpoints')
    .addColumn('id', 'text', (c) => c.primaryKey().notNull())
    .addColumn('url', 'text', (c) => c.notNull())
    .addColumn('description', 'text', (c) => c.notNull())
    .addColumn('types', 'text', (c) => c.notNull())
    .addColumn('enabled', 'bigint', (c) => c.notNull())
    .addColumn('secrets', 'text', (c) => c.notNull())
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .addColumn('updated_at', 'bigint', (c) => c.notNull())
    .addColumn('failing_since', 'bigint')
    .addColumn('reach', 'text')
    .execute();
  await db.schema
    .createTable('deliveries')
    .addColumn('id', 'text', (c) => c.primaryKey().notNull())
    .addColumn('kind', 'text', (c) => c.notNull())
    .addColumn('target_id', 'text', (c) => c.notNull())
    .addColumn('event_id', 'text', (c) => c.notNull())
    .addColumn('event_type', 'text', (c) => c.notNull())
    .addColumn('body', 'text', (c) => c.notNull())
    .addColumn('state', 'text', (c) => c.notNull())
    .addColumn('tries', 'bigint', (c) => c.notNull())
    .addColumn('due_at', 'bigint', (c) => c.notNull())
    .addColumn('not_after', 'bigint', (c) => c.notNull())
    .addColumn('log', 'text', (c) => c.notNull())
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .addColumn('updated_at', 'bigint', (c) => c.notNull())
    .execute();
  await db.schema.createIndex('deliveries_due').on('deliveries').columns(['state', 'due_at']).execute();
  await db.schema
    .createIndex('deliveries_turn')
    .on('deliveries')
    .columns(['state', 'target_id', 'due_at'])
    .execute();
  await db.schema.createIndex('deliveries_target').on('deliveries').columns(['target_id', 'id']).execute();
  await db.schema.createIndex('deliveries_updated').on('deliveries').column('updated_at').execute();
}

async function interceptors(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('interceptors')
    .addColumn('id', 'text', (c) => c.primaryKey().notNull())
    .addColumn('kind', 'text', (c) => c.notNull())
    .addColumn('url', 'text', (c) => c.notNull())
    .addColumn('secrets', 'text', (c) => c.notNull())
    .addColumn('timeout_ms', 'bigint', (c) => c.notNull())
    .addColumn('on_failure', 'text', (c) => c.notNull())
    .addColumn('reach', 'text')
    .addColumn('enabled', 'bigint', (c) => c.notNull())
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .addColumn('updated_at', 'bigint', (c) => c.notNull())
    .execute();
}
