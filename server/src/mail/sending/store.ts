import { z } from 'zod';
import { type Instant, isId, type ProviderId } from '../../core/ids.ts';
import { locked } from '../../platform/database/database.ts';
import type { Queries, Schema } from '../../platform/database/schema.ts';

/** A provider as it is stored: what its form holds, its credentials sealed. */
export interface ProviderRecord {
  readonly id: ProviderId;
  readonly kind: string;
  readonly name: string;
  /** Counted from one; the first is tried first. */
  readonly position: number;
  readonly enabled: boolean;
  /** Its own sender, in place of the deployment's. */
  readonly from: string | undefined;
  readonly options: Readonly<Record<string, unknown>>;
  readonly sealed: string;
  /** Recipients' domains that it is for, `*.` before one for all below it; for the others when there are none. */
  readonly domains: readonly string[];
  readonly createdAt: Instant;
  readonly updatedAt: Instant;
}

const Stored = z.object({ from: z.string().optional(), fields: z.record(z.string(), z.unknown()) });
const Domains = z.array(z.string());

/** In the order in which they are tried. */
export async function listProviders(q: Queries): Promise<ProviderRecord[]> {
  const rows = await q.selectFrom('mail_providers').selectAll().orderBy('position').orderBy('id').execute();
  return rows.map(parseRow);
}

/** The same, and nobody else changes one until the transaction ends. */
export async function lockProviders(q: Queries): Promise<ProviderRecord[]> {
  const all = q.selectFrom('mail_providers').selectAll().orderBy('position').orderBy('id');
  return (await locked(q, all).execute()).map(parseRow);
}

/** Writes a provider, new or known. */
export async function saveProvider(q: Queries, provider: ProviderRecord): Promise<void> {
  const { id, created_at, ...rest } = rowOf(provider);
  await q
    .insertInto('mail_providers')
    .values({ id, created_at, ...rest })
    .onConflict((c) => c.column('id').doUpdateSet(rest))
    .execute();
}

export async function deleteProvider(q: Queries, id: ProviderId): Promise<void> {
  await q.deleteFrom('mail_providers').where('id', '=', id).execute();
}

function rowOf(provider: ProviderRecord): Schema['mail_providers'] {
  return {
    id: provider.id,
    kind: provider.kind,
    name: provider.name,
    position: provider.position,
    enabled: Number(provider.enabled),
    options: JSON.stringify({ from: provider.from, fields: provider.options }),
    sealed: provider.sealed,
    domains: JSON.stringify(provider.domains),
    created_at: provider.createdAt,
    updated_at: provider.updatedAt,
  };
}

function parseRow(row: Schema['mail_providers']): ProviderRecord {
  if (!isId('prv', row.id)) throw new Error(`the table of providers holds ${row.id}, which is none`);
  const { from, fields } = Stored.parse(JSON.parse(row.options));
  return {
    id: row.id,
    kind: row.kind,
    name: row.name,
    position: row.position,
    enabled: row.enabled === 1,
    from,
    options: fields,
    sealed: row.sealed,
    domains: Domains.parse(JSON.parse(row.domains)),
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}
