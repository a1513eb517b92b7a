import type { Instant } from '../core/ids.ts';
import { locked } from '../platform/database/database.ts';
import type { Queries } from '../platform/database/schema.ts';

export interface Logo {
  readonly id: string;
  /** Its media type. */
  readonly type: string;
  readonly bytes: Uint8Array;
}

/** The same picture is stored once; storing it again makes it new. */
export async function storeLogo(q: Queries, logo: Logo, at: Instant): Promise<void> {
  const row = {
    id: logo.id,
    type: logo.type,
    bytes: Buffer.from(logo.bytes).toString('base64'),
    created_at: at,
  };
  await q
    .insertInto('logos')
    .values(row)
    .onConflict((c) => c.column('id').doUpdateSet({ created_at: at }))
    .execute();
}

/** Says whether it is there, and makes it new, so that it is not pruned before it is used. */
export async function renewLogo(q: Queries, id: string, at: Instant): Promise<boolean> {
  const { numUpdatedRows } = await q
    .updateTable('logos')
    .set({ created_at: at })
    .where('id', '=', id)
    .executeTakeFirstOrThrow();
  return numUpdatedRows > 0n;
}

export async function findLogo(q: Queries, id: string): Promise<Logo | undefined> {
  const row = await q.selectFrom('logos').selectAll().where('id', '=', id).executeTakeFirst();
  return row && { id: row.id, type: row.type, bytes: Buffer.from(row.bytes, 'base64') };
}

/** Deletes what neither the deployment nor a client shows any more, and what was not stored again since `before`. */
export async function pruneLogos(q: Queries, before: Instant, max: number): Promise<number> {
  const old = q
    .selectFrom('logos')
    .select('id')
    .where('created_at', '<', before)
    .where(({ not, exists, selectFrom, eb, val }) => {
      const quoted = eb(val('"'), '||', eb('logos.id', '||', val('"'))); // both columns hold JSON
      const inSettings = selectFrom('settings')
        .select('name')
        .where('name', 'in', ['branding.logo', 'branding.logo_dark'])
        .where('value', '=', quoted);
      const inClients = selectFrom('clients')
        .select('clients.id')
        .where('branding', 'like', eb(val('%'), '||', eb(quoted, '||', val('%'))));
      return not(exists(inSettings).or(exists(inClients)));
    })
    .limit(max);
  const rows = await locked(q, old).execute();
  for (const { id } of rows) await q.deleteFrom('logos').where('id', '=', id).execute();
  return rows.length;
}
