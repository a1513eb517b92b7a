import { type Instant, type InterceptorId, isId } from '../../core/ids.ts';
import { locked } from '../../platform/database/database.ts';
import type { Queries, Schema } from '../../platform/database/schema.ts';
import type { StoredSecret } from '../deliveries/signing-secrets.ts';
import type { Reach } from '../deliveries/target.ts';

export const INTERCEPTOR_KINDS = ['PRE_SIGNUP', 'PRE_SESSION_CREATION'] as const;
export type InterceptorKind = (typeof INTERCEPTOR_KINDS)[number];

/** A server of the owner's that is asked before something happens. */
export interface Interceptor {
  readonly id: InterceptorId;
  readonly kind: InterceptorKind;
  readonly url: string;
  readonly timeoutMs: number;
  /** What happens when it gives no answer. */
  readonly onFailure: 'allow' | 'deny';
  readonly enabled: boolean;
  readonly reach: Reach;
  readonly secrets: readonly StoredSecret[];
  readonly createdAt: Instant;
  readonly updatedAt: Instant;
}

export async function listInterceptors(q: Queries): Promise<Interceptor[]> {
  const rows = await q.selectFrom('interceptors').selectAll().orderBy('id').execute();
  return rows.map(interceptorOf);
}

/** The one that is about to be changed. Inside `write` only. */
export async function lockInterceptor(q: Queries, id: string): Promise<Interceptor | undefined> {
  const query = q.selectFrom('interceptors').selectAll().where('id', '=', id);
  const row = await locked(q, query).executeTakeFirst();
  return row && interceptorOf(row);
}

/** Writes an interceptor, new or changed. */
export async function saveInterceptor(q: Queries, interceptor: Interceptor): Promise<void> {
  const { id, created_at, ...changed } = rowOf(interceptor);
  await q
    .insertInto('interceptors')
    .values({ id, created_at, ...changed })
    .onConflict((c) => c.column('id').doUpdateSet(changed))
    .execute();
}

export async function deleteInterceptor(q: Queries, id: InterceptorId): Promise<void> {
  await q.deleteFrom('interceptors').where('id', '=', id).execute();
}

function rowOf(one: Interceptor): Schema['interceptors'] {
  return {
    id: one.id,
    kind: one.kind,
    url: one.url,
    secrets: JSON.stringify(one.secrets),
    timeout_ms: one.timeoutMs,
    on_failure: one.onFailure,
    enabled: one.enabled ? 1 : 0,
    reach: one.reach,
    created_at: one.createdAt,
    updated_at: one.updatedAt,
  };
}

function interceptorOf(row: Schema['interceptors']): Interceptor {
  if (!isId('icp', row.id)) throw new Error(`the database holds an interceptor called ${row.id}`);
  return {
    id: row.id,
    kind: row.kind as InterceptorKind,
    url: row.url,
    timeoutMs: row.timeout_ms,
    onFailure: row.on_failure === 'allow' ? 'allow' : 'deny',
    enabled: row.enabled === 1,
    reach: row.reach === 'private' ? 'private' : 'public',
    secrets: JSON.parse(row.secrets),
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}
