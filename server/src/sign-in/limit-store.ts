import type { Instant } from '../core/ids.ts';
import { DAY } from '../core/units.ts';
import type { Uses } from '../core/window.ts';
import { engineOf } from '../platform/database/database.ts';
import { prepared } from '../platform/database/prepared.ts';
import type { Queries, Schema } from '../platform/database/schema.ts';

/** The uses counted under one key, by the name of the rule. */
export type Counters = { readonly [rule: string]: Uses };

/** The longest window of any rule; a row that was not touched for as long counts nothing any more. */
const KEPT_FOR = 32 * DAY;

type Row = Schema['limits'];

const touch = prepared((q, p: Pick<Row, 'key' | 'expires_at'>) =>
  q
    .insertInto('limits')
    .values({ key: p.key, uses: '{}', expires_at: p.expires_at })
    .onConflict((c) => c.column('key').doUpdateSet({ expires_at: p.expires_at }))
    .returning('uses'),
);

const select = prepared((q, p: Pick<Row, 'key'>) =>
  q.selectFrom('limits').select('uses').where('key', '=', p.key),
);

const upsert = prepared((q, p: Row) =>
  q
    .insertInto('limits')
    .values({ key: p.key, uses: p.uses, expires_at: p.expires_at })
    .onConflict((c) => c.column('key').doUpdateSet({ uses: p.uses, expires_at: p.expires_at })),
);

/**
 * Reads the counters of a key and keeps others from changing them until the transaction ends: PostgreSQL
 * locks a row that is written, also one that was not there; SQLite's one writer needs no lock. The key
 * comes under every secret, newest first: a change of the secret forgives nothing.
 */
export async function lockCounters(q: Queries, keys: readonly string[], at: Instant): Promise<Counters> {
  const [key = '', ...older] = keys;
  if (older.length > 0) await renameCounters(q, key, older);
  const lock = engineOf(q) === 'postgres';
  const { rows } = lock ? await touch(q, { key, expires_at: at + KEPT_FOR }) : await select(q, { key });
  return JSON.parse(rows[0]?.uses ?? '{}');
}

/** The same without keeping anybody out; the newest row where two secrets have one each. */
export async function readCounters(q: Queries, keys: readonly string[]): Promise<Counters> {
  const rows = await q.selectFrom('limits').select(['key', 'uses']).where('key', 'in', keys).execute();
  const [newest] = rows.toSorted((a, b) => keys.indexOf(a.key) - keys.indexOf(b.key));
  return JSON.parse(newest?.uses ?? '{}');
}

async function renameCounters(q: Queries, key: string, older: readonly string[]): Promise<void> {
  const renamed = q.selectFrom('limits as known').select('known.key').where('known.key', '=', key);
  await q
    .updateTable('limits')
    .set({ key })
    .where('key', 'in', older)
    .where((e) => e.not(e.exists(renamed)))
    .execute();
}

export async function saveCounters(
  q: Queries,
  entry: { key: string; counters: Counters },
  at: Instant,
): Promise<void> {
  await upsert(q, { key: entry.key, uses: JSON.stringify(entry.counters), expires_at: at + KEPT_FOR });
}

export async function pruneLimits(q: Queries, before: Instant, max: number): Promise<number> {
  const due = q.selectFrom('limits').select('key').where('expires_at', '<', before).limit(max);
  const result = await q.deleteFrom('limits').where('key', 'in', due).executeTakeFirst();
  return Number(result.numDeletedRows);
}
