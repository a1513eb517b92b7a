import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import { apiAndDeliveries } from './migration-of-apis.ts';

/**
 * One timeline for both engines, forward only. A release runs on the schema of the next one, so a
 * migration adds; what it replaces goes one release later. Never edit one that has shipped.
 */
export const migrations: Record<string, Migration> = {
  '0001-first-schema': { up: firstSchema },
  '0002-people-at-the-keyboard': { up: peopleAtTheKeyboard },
  '0003-mail-providers-and-templates': { up: mailProvidersAndTemplates },
  '0004-apis-and-deliveries': { up: apiAndDeliveries },
};

async function firstSchema(db: Kysely<unknown>): Promise<void> {
  await settled(db);
  await people(db);
  await attempts(db);
  await tokens(db);
}

async function settled(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('settings')
    .addColumn('name', 'text', (c) => c.primaryKey().notNull())
    .addColumn('value', 'text', (c) => c.notNull())
    .addColumn('updated_at', 'bigint', (c) => c.notNull())
    .execute();
  await db.schema
    .createTable('events')
    .addColumn('id', 'text', (c) => c.primaryKey().notNull())
    .addColumn('type', 'text', (c) => c.notNull())
    .addColumn('at', 'bigint', (c) => c.notNull())
    .addColumn('attempt_id', 'text')
    .addColumn('user_id', 'text')
    .addColumn('client_id', 'text')
    .addColumn('session_id', 'text')
    .addColumn('data', 'text', (c) => c.notNull())
    .execute();
  await db.schema.createIndex('events_at').on('events').column('at').execute();
  await db.schema.createIndex('events_attempt').on('events').column('attempt_id').execute();
  await db.schema
    .createTable('limits')
    .addColumn('key', 'text', (c) => c.primaryKey().notNull())
    .addColumn('uses', 'text', (c) => c.notNull())
    .addColumn('expires_at', 'bigint', (c) => c.notNull())
    .execute();
  await db.schema.createIndex('limits_expiry').on('limits').column('expires_at').execute();
}

async function people(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('users')
    .addColumn('id', 'text', (c) => c.primaryKey().notNull())
    .addColumn('email', 'text', (c) => c.notNull().unique())
    .addColumn('status', 'text', (c) => c.notNull())
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .addColumn('updated_at', 'bigint', (c) => c.notNull())
    .addColumn('last_sign_in_at', 'bigint')
    .execute();
  await db.schema
    .createTable('clients')
    .addColumn('id', 'text', (c) => c.primaryKey().notNull())
    .addColumn('name', 'text', (c) => c.notNull())
    .addColumn('public', 'bigint', (c) => c.notNull())
    .addColumn('redirect_uris', 'text', (c) => c.notNull())
    .addColumn('post_logout_redirect_uris', 'text', (c) => c.notNull())
    .addColumn('initiate_login_uri', 'text')
    .addColumn('require_pkce', 'bigint', (c) => c.notNull())
    .addColumn('id_token_alg', 'text', (c) => c.notNull())
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .addColumn('updated_at', 'bigint', (c) => c.notNull())
    .execute();
  await db.schema
    .createTable('client_secrets')
    .addColumn('id', 'text', (c) => c.primaryKey().notNull())
    .addColumn('client_id', 'text', (c) => c.notNull().references('clients.id').onDelete('cascade'))
    .addColumn('hash', 'text', (c) => c.notNull())
    .addColumn('suffix', 'text', (c) => c.notNull())
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .addColumn('expires_at', 'bigint')
    .execute();
  await db.schema.createIndex('client_secrets_client').on('client_secrets').column('client_id').execute();
}

async function attempts(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('attempts')
    .addColumn('id', 'text', (c) => c.primaryKey().notNull())
    .addColumn('interaction_hash', 'text', (c) => c.notNull())
    .addColumn('interaction_sealed', 'text', (c) => c.notNull())
    .addColumn('generation', 'bigint', (c) => c.notNull())
    .addColumn('browser_hash', 'text', (c) => c.notNull())
    .addColumn('client_id', 'text', (c) => c.notNull())
    .addColumn('email', 'text', (c) => c.notNull())
    .addColumn('state', 'text', (c) => c.notNull())
    .addColumn('mails', 'bigint', (c) => c.notNull())
    .addColumn('wrong_guesses', 'text', (c) => c.notNull())
    .addColumn('proved_by', 'text')
    .addColumn('proved_at', 'bigint')
    .addColumn('settled_at', 'bigint')
    .addColumn('user_id', 'text')
    .addColumn('links_only', 'bigint', (c) => c.notNull())
    .addColumn('requester', 'text', (c) => c.notNull())
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .addColumn('expires_at', 'bigint', (c) => c.notNull())
    .execute();
  await db.schema
    .createIndex('attempts_interaction')
    .on('attempts')
    .columns(['interaction_hash', 'generation'])
    .unique()
    .execute();
  await db.schema.createIndex('attempts_expiry').on('attempts').column('expires_at').execute();
  await db.schema
    .createTable('attempt_mails')
    .addColumn('id', 'text', (c) => c.primaryKey().notNull())
    .addColumn('attempt_id', 'text', (c) => c.notNull().references('attempts.id').onDelete('cascade'))
    .addColumn('step', 'bigint', (c) => c.notNull())
    .addColumn('code_hash', 'text')
    .addColumn('link_hash', 'text', (c) => c.unique())
    .addColumn('sealed_code', 'text')
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .addColumn('expires_at', 'bigint', (c) => c.notNull())
    .execute();
  await db.schema.createIndex('attempt_mails_attempt').on('attempt_mails').column('attempt_id').execute();
  await db.schema
    .createTable('outbox')
    .addColumn('id', 'text', (c) => c.primaryKey().notNull())
    .addColumn('kind', 'text', (c) => c.notNull())
    .addColumn('attempt_id', 'text')
    .addColumn('recipient', 'text', (c) => c.notNull())
    .addColumn('state', 'text', (c) => c.notNull())
    .addColumn('tries', 'bigint', (c) => c.notNull())
    .addColumn('due_at', 'bigint', (c) => c.notNull())
    .addColumn('not_after', 'bigint', (c) => c.notNull())
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .addColumn('updated_at', 'bigint', (c) => c.notNull())
    .addColumn('reason', 'text')
    .execute();
  await db.schema.createIndex('outbox_due').on('outbox').columns(['state', 'due_at']).execute();
}

async function tokens(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('oidc_records')
    .addColumn('id_hash', 'text', (c) => c.primaryKey().notNull())
    .addColumn('kind', 'text', (c) => c.notNull())
    .addColumn('uid_hash', 'text')
    .addColumn('grant_id', 'text')
    .addColumn('account_id', 'text')
    .addColumn('payload', 'text', (c) => c.notNull())
    .addColumn('consumed_at', 'bigint')
    .addColumn('replay', 'text')
    .addColumn('expires_at', 'bigint', (c) => c.notNull())
    .execute();
  await db.schema
    .createIndex('oidc_records_uid')
    .on('oidc_records')
    .column('uid_hash')
    .where(sql.ref('uid_hash'), 'is not', sql.lit(null))
    .execute();
  await db.schema
    .createIndex('oidc_records_grant')
    .on('oidc_records')
    .column('grant_id')
    .where(sql.ref('grant_id'), 'is not', sql.lit(null))
    .execute();
  await db.schema.createIndex('oidc_records_expiry').on('oidc_records').column('expires_at').execute();
  await db.schema
    .createTable('signing_keys')
    .addColumn('kid', 'text', (c) => c.primaryKey().notNull())
    .addColumn('alg', 'text', (c) => c.notNull())
    .addColumn('state', 'text', (c) => c.notNull())
    .addColumn('sealed', 'text', (c) => c.notNull())
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .addColumn('expires_at', 'bigint')
    .execute();
  for (const state of ['current', 'next']) {
    await db.schema
      .createIndex(`signing_keys_${state}`)
      .on('signing_keys')
      .column('alg')
      .unique()
      .where(sql.ref('state'), '=', sql.lit(state))
      .execute();
  }
}

/** What the sign-in pages remember: when mails were asked for, what may be resumed, how a client looks. */
async function peopleAtTheKeyboard(db: Kysely<unknown>): Promise<void> {
  const attempt = (name: string, type: 'text' | 'bigint') =>
    db.schema.alterTable('attempts').addColumn(name, type).execute();
  await attempt('mailed_at', 'text');
  await attempt('code_length', 'bigint');
  await attempt('disowned_at', 'bigint');
  await attempt('request', 'text');
  await attempt('session_id', 'text');
  await db.schema.alterTable('attempt_mails').addColumn('disown_hash', 'text').execute();
  await db.schema
    .createIndex('attempt_mails_disown')
    .on('attempt_mails')
    .column('disown_hash')
    .unique()
    .where(sql.ref('disown_hash'), 'is not', sql.lit(null))
    .execute();
  await db.schema.createIndex('outbox_attempt').on('outbox').column('attempt_id').execute();
  await db.schema.alterTable('clients').addColumn('branding', 'text').execute();
  await db.schema
    .createTable('logos')
    .addColumn('id', 'text', (c) => c.primaryKey().notNull())
    .addColumn('type', 'text', (c) => c.notNull())
    .addColumn('bytes', 'text', (c) => c.notNull())
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .execute();
}

/** Providers with their sealed credentials, what their webhooks told, who is suppressed, and templates in versions. */
async function mailProvidersAndTemplates(db: Kysely<unknown>): Promise<void> {
  await providers(db);
  await reports(db);
  await templates(db);
}

async function providers(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('mail_providers')
    .addColumn('id', 'text', (c) => c.primaryKey().notNull())
    .addColumn('kind', 'text', (c) => c.notNull())
    .addColumn('name', 'text', (c) => c.notNull())
    .addColumn('position', 'bigint', (c) => c.notNull())
    .addColumn('enabled', 'bigint', (c) => c.notNull())
    .addColumn('options', 'text', (c) => c.notNull())
    .addColumn('sealed', 'text', (c) => c.notNull())
    .addColumn('domains', 'text', (c) => c.notNull())
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .addColumn('updated_at', 'bigint', (c) => c.notNull())
    .execute();
  for (const [name, type] of [
    ['provider_id', 'text'],
    ['provider_message_id', 'text'],
    ['delivery', 'text'],
    ['delivery_at', 'bigint'],
  ] as const)
    await db.schema.alterTable('outbox').addColumn(name, type).execute();
  await db.schema
    .createIndex('outbox_provider_message')
    .on('outbox')
    .column('provider_message_id')
    .where(sql.ref('provider_message_id'), 'is not', sql.lit(null))
    .execute();
}

async function reports(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('mail_reports')
    .addColumn('id', 'text', (c) => c.primaryKey().notNull())
    .addColumn('outbox_id', 'text')
    .addColumn('provider_id', 'text', (c) => c.notNull())
    .addColumn('state', 'text', (c) => c.notNull())
    .addColumn('detail', 'text', (c) => c.notNull())
    .addColumn('at', 'bigint', (c) => c.notNull())
    .addColumn('received_at', 'bigint', (c) => c.notNull())
    .execute();
  await db.schema.createIndex('mail_reports_outbox').on('mail_reports').column('outbox_id').execute();
  await db.schema.createIndex('mail_reports_received').on('mail_reports').column('received_at').execute();
  await db.schema
    .createTable('suppressions')
    .addColumn('email', 'text', (c) => c.primaryKey().notNull())
    .addColumn('provider_id', 'text', (c) => c.notNull())
    .addColumn('reason', 'text', (c) => c.notNull())
    .addColumn('since', 'bigint', (c) => c.notNull())
    .execute();
}

async function templates(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('templates')
    .addColumn('id', 'text', (c) => c.primaryKey().notNull())
    .addColumn('kind', 'text', (c) => c.notNull())
    .addColumn('locale', 'text', (c) => c.notNull())
    .addColumn('client_id', 'text', (c) => c.notNull())
    .addColumn('version', 'bigint', (c) => c.notNull())
    .addColumn('active', 'bigint', (c) => c.notNull())
    .addColumn('parts', 'text', (c) => c.notNull())
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .execute();
  await db.schema
    .createIndex('templates_version')
    .on('templates')
    .columns(['kind', 'locale', 'client_id', 'version'])
    .unique()
    .execute();
}
