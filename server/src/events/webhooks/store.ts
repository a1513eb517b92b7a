import { type EndpointId, type Instant, isId } from '../../core/ids.ts';
import { locked } from '../../platform/database/database.ts';
import { prepared } from '../../platform/database/prepared.ts';
import type { Queries, Schema } from '../../platform/database/schema.ts';
import type { StoredSecret } from '../deliveries/signing-secrets.ts';
import type { Reach } from '../deliveries/target.ts';

/** An address of an app that hears of events. */
export interface Endpoint {
  readonly id: EndpointId;
  readonly url: string;
  readonly description: string;
  /** Names of types, `room.*`, or `*`. */
  readonly types: readonly string[];
  readonly enabled: boolean;
  readonly reach: Reach;
  readonly secrets: readonly StoredSecret[];
  readonly createdAt: Instant;
  readonly updatedAt: Instant;
  /** Since when no delivery has succeeded. */
  readonly failingSince?: Instant;
}

const selectEnabled = prepared((q) => q.selectFrom('webhook_endpoints').selectAll().where('enabled', '=', 1));

/** Those that hear of events now. */
export async function enabledEndpoints(q: Queries): Promise<Endpoint[]> {
  return (await selectEnabled(q, {})).rows.map(endpointOf);
}

export async function listEndpoints(q: Queries): Promise<Endpoint[]> {
  const rows = await q.selectFrom('webhook_endpoints').selectAll().orderBy('id').execute();
  return rows.map(endpointOf);
}

export async function findEndpoint(q: Queries, id: string): Promise<Endpoint | undefined> {
  const row = await q.selectFrom('webhook_endpoints').selectAll().where('id', '=', id).executeTakeFirst();
  return row && endpointOf(row);
}

/** The same for what is about to be changed. Inside `write` only. */
export async function lockEndpoint(q: Queries, id: string): Promise<Endpoint | undefined> {
  const row = await locked(
    q,
    q.selectFrom('webhook_endpoints').selectAll().where('id', '=', id),
  ).executeTakeFirst();
  return row && endpointOf(row);
}

export async function countEndpoints(q: Queries): Promise<number> {
  const row = await q
    .selectFrom('webhook_endpoints')
    .select((e) => e.fn.countAll().as('count'))
    .executeTakeFirst();
  return Number(row?.count ?? 0);
}

/** Writes an endpoint, new or changed. */
export async function saveEndpoint(q: Queries, endpoint: Endpoint): Promise<void> {
  const { id, created_at, ...changed } = rowOf(endpoint);
  await q
    .insertInto('webhook_endpoints')
    .values({ id, created_at, ...changed })
    .onConflict((c) => c.column('id').doUpdateSet(changed))
    .execute();
}

export async function deleteEndpoint(q: Queries, id: EndpointId): Promise<void> {
  await q.deleteFrom('webhook_endpoints').where('id', '=', id).execute();
}

const markFailing = prepared((q, p: { id: string; at: number }) =>
  q
    .updateTable('webhook_endpoints')
    .set({ failing_since: p.at })
    .where('id', '=', p.id)
    .where('failing_since', 'is', null),
);
const markWorking = prepared((q, p: { id: string }) =>
  q
    .updateTable('webhook_endpoints')
    .set({ failing_since: null })
    .where('id', '=', p.id)
    .where('failing_since', 'is not', null),
);

/** Writes down since when an endpoint fails; nothing where that is known. */
export async function noteHealth(
  q: Queries,
  id: string,
  health: { ok: boolean; at: Instant },
): Promise<void> {
  if (health.ok) await markWorking(q, { id });
  else await markFailing(q, { id, at: health.at });
}

/** Stops sending to an endpoint. Gives its id where it was enabled. */
export async function disableEndpoint(q: Queries, id: string, at: Instant): Promise<boolean> {
  const result = await q
    .updateTable('webhook_endpoints')
    .set({ enabled: 0, updated_at: at })
    .where('id', '=', id)
    .where('enabled', '=', 1)
    .executeTakeFirst();
  return result.numUpdatedRows > 0n;
}

function rowOf(endpoint: Endpoint): Schema['webhook_endpoints'] {
  return {
    id: endpoint.id,
    url: endpoint.url,
    description: endpoint.description,
    types: JSON.stringify(endpoint.types),
    enabled: endpoint.enabled ? 1 : 0,
    secrets: JSON.stringify(endpoint.secrets),
    created_at: endpoint.createdAt,
    updated_at: endpoint.updatedAt,
    failing_since: endpoint.failingSince ?? null,
    reach: endpoint.reach,
  };
}

function endpointOf(row: Schema['webhook_endpoints']): Endpoint {
  if (!isId('whk', row.id)) throw new Error(`the database holds an endpoint called ${row.id}`);
  return {
    id: row.id,
    url: row.url,
    description: row.description,
    types: JSON.parse(row.types),
    enabled: row.enabled === 1,
    reach: row.reach === 'private' ? 'private' : 'public',
    secrets: JSON.parse(row.secrets),
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    ...(row.failing_since !== null && { failingSince: row.failing_since }),
  };
}
