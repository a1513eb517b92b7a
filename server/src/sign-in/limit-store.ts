import type { Instant } from '../core/ids.ts';
import { DAY } from '../core/units.ts';
import type { Uses } from '../core/window.ts';
import type { Queries } from '../platform/database/schema.ts';

/** The uses counted under one key, by the name of the rule. */
export type Counters = { readonly [rule: string]: Uses };

/** The longest window of any rule; a row that was not touched for as long counts nothing any more. */
const KEPT_FOR = 32 * DAY;

/** Reads the counters of a key and keeps others from changing them until the transaction ends. */
export async function lockCounters(q: Queries, key: string, at: Instant): Promise<Counters> {
  const expires_at = at + KEPT_FOR;
  const row = await q
    .insertInto('limits')
    .values({ key, uses: '{}', expires_at })
    .onConflict((c) => c.column('key').doUpdateSet({ expires_at })) // touching the row is what locks it
    .returning('uses')
    .executeTakeFirstOrThrow();
  return JSON.parse(row.uses);
}

export async function saveCounters(
  q: Queries,
  entry: { key: string; counters: Counters },
  at: Instant,
): Promise<void> {
  await q
    .updateTable('limits')
    .set({ uses: JSON.stringify(entry.counters), expires_at: at + KEPT_FOR })
    .where('key', '=', entry.key)
    .execute();
}

export async function pruneLimits(q: Queries, before: Instant, max: number): Promise<number> {
  const due = q.selectFrom('limits').select('key').where('expires_at', '<', before).limit(max);
  const result = await q.deleteFrom('limits').where('key', 'in', due).executeTakeFirst();
  return Number(result.numDeletedRows);
}
