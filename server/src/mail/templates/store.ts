import { type ClientId, type Instant, isId, type TemplateId } from '../../core/ids.ts';
import { locked } from '../../platform/database/database.ts';
import type { Queries, Schema } from '../../platform/database/schema.ts';
import { newId } from '../../platform/random.ts';
import type { TemplateParts } from './finding.ts';
import { type MailKind, mailKindOf } from './variables.ts';

/** What a template is for. */
export interface TemplateKey {
  readonly kind: MailKind;
  /** A tag of `server/languages`. */
  readonly locale: string;
  /** Undefined for all clients that have none of their own. */
  readonly clientId: ClientId | undefined;
}

export interface TemplateVersion extends TemplateKey {
  readonly id: TemplateId;
  readonly version: number;
  /** Whether mails use it. */
  readonly active: boolean;
  readonly createdAt: Instant;
}

/** What can still be gone back to. */
export const VERSIONS_MAX = 50;

/** Every template that mails use. */
export async function activeTemplates(q: Queries): Promise<TemplateVersion[]> {
  const rows = await q
    .selectFrom('templates')
    .select(HEAD)
    .where('active', '=', 1)
    .orderBy('version')
    .execute();
  return rows.flatMap(versionOf);
}

/** Every version of a template, newest first. */
export async function versionsOf(q: Queries, key: TemplateKey): Promise<TemplateVersion[]> {
  const rows = await q
    .selectFrom('templates')
    .select(HEAD)
    .where((e) => e.and(columnsOf(key)))
    .orderBy('version', 'desc')
    .execute();
  return rows.flatMap(versionOf);
}

export async function partsOf(q: Queries, id: TemplateId): Promise<TemplateParts | undefined> {
  const row = await q.selectFrom('templates').select('parts').where('id', '=', id).executeTakeFirst();
  return row && parseParts(row.parts);
}

/** Adds a version, which mails use from now on, and forgets the oldest beyond `VERSIONS_MAX`. Gives its number. */
export async function addVersion(
  q: Queries,
  key: TemplateKey,
  added: { parts: TemplateParts; at: Instant },
): Promise<number> {
  const columns = columnsOf(key);
  const rows = q
    .selectFrom('templates')
    .select('version')
    .where((e) => e.and(columns))
    .orderBy('version', 'desc')
    .limit(1);
  const newest = await locked(q, rows).executeTakeFirst();
  const version = (newest?.version ?? 0) + 1;
  await useVersion(q, key, undefined);
  const { numInsertedOrUpdatedRows } = await q
    .insertInto('templates')
    .values({
      id: newId('tpl', added.at),
      ...columns,
      version,
      active: 1,
      parts: JSON.stringify(added.parts),
      created_at: added.at,
    })
    .onConflict((c) => c.columns(['kind', 'locale', 'client_id', 'version']).doNothing())
    .executeTakeFirstOrThrow();
  if (!numInsertedOrUpdatedRows) return addVersion(q, key, added); // somebody else saved this very version meanwhile
  await q
    .deleteFrom('templates')
    .where((e) => e.and(columns))
    .where('version', '<=', version - VERSIONS_MAX)
    .execute();
  return version;
}

/** Mails use this version from now on, or none. */
export async function useVersion(q: Queries, key: TemplateKey, version: number | undefined): Promise<void> {
  const all = q.updateTable('templates').where((e) => e.and(columnsOf(key)));
  await all.set({ active: 0 }).where('active', '=', 1).execute();
  if (version !== undefined) await all.set({ active: 1 }).where('version', '=', version).execute();
}

/** Of a client that is being deleted. */
export async function deleteTemplatesOf(q: Queries, clientId: ClientId): Promise<void> {
  await q.deleteFrom('templates').where('client_id', '=', clientId).execute();
}

const HEAD = ['id', 'kind', 'locale', 'client_id', 'version', 'active', 'created_at'] as const;

function columnsOf({
  kind,
  locale,
  clientId,
}: TemplateKey): Pick<Schema['templates'], 'kind' | 'locale' | 'client_id'> {
  return { kind, locale, client_id: clientId ?? '' };
}

/** A later release may have kinds that this one does not know: those are not ours to show. */
function versionOf(row: Pick<Schema['templates'], (typeof HEAD)[number]>): TemplateVersion[] {
  const kind = mailKindOf(row.kind);
  if (kind === undefined || !isId('tpl', row.id)) return [];
  const clientId = isId('skc', row.client_id) ? row.client_id : undefined;
  const { id, locale, version, created_at: createdAt } = row;
  return [{ id, kind, locale, clientId, version, active: row.active === 1, createdAt }];
}

function parseParts(stored: string): TemplateParts {
  const { subject = '', preheader = '', html = '', text = '' }: Partial<TemplateParts> = JSON.parse(stored);
  return { subject, preheader, html, text };
}
